"""Brightness, contrast, saturation and hue of whole batches: one multiply-add per image.

Saturation and hue work in YIQ, the colour space of NTSC television: Y is the luma, I and Q span the plane of the
chroma around it. Saturation scales that plane, hue turns it, so both are linear in RGB and keep luma and greys:

    M = T⁻¹ · diag(1, s·R(φ)) · T,   R(φ) the rotation by φ of the (I, Q) plane,   M · (1, 1, 1) = (1, 1, 1)

This is not the hue of HSV, which image libraries turn: there the luma changes as well.
T is the matrix of the NTSC standard (47 CFR 73.682), its chroma rows to four digits as they are commonly given.
"""

import math

import torch
from torch import Tensor

# rows: Y, I, Q; columns: R, G, B
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], dtype=torch.float64)
_BACK = torch.linalg.inv(_YIQ)
_LUMA = _BACK @ torch.diag(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)) @ _YIQ
_CHROMA = torch.eye(3, dtype=torch.float64) - _LUMA
_TURN = _BACK @ torch.tensor([[0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64) @ _YIQ  # by a right angle


def relight(images: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
    """Multiply by the brightness, scale about the image's mean by the contrast, clamp to [0, 1].

    images: [N, C, H, W] in [0, 1]. brightness, contrast: [N] factors.
    """
    mean = images.mean(dim=(1, 2, 3))
    shift = brightness * mean * (1 - contrast)
    return torch.addcmul(shift.view(-1, 1, 1, 1), images, (brightness * contrast).view(-1, 1, 1, 1)).clamp_(0, 1)


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Apply saturation and hue, then `relight`, in one multiply-add with one clamp.

    images: [N, 3, H, W] RGB in [0, 1]. brightness, contrast, saturation: [N] factors. hue: [N] in turns.
    """
    chroma = chroma_matrix(saturation, hue)
    mean = torch.einsum("nij,nj->n", chroma, images.mean(dim=(2, 3))) / 3  # of the image in its new colours
    matrix = (brightness * contrast).view(-1, 1, 1) * chroma
    shift = (brightness * mean * (1 - contrast)).view(-1, 1, 1)
    return torch.baddbmm(shift, matrix, images.flatten(2)).clamp_(0, 1).view_as(images)


def chroma_matrix(saturation: Tensor, hue: Tensor) -> Tensor:
    """The matrix M of each image, [N, 3, 3] float32, from [N] factors of saturation and [N] turns of hue."""
    luma, chroma, turn = (constant.float().to(saturation.device) for constant in (_LUMA, _CHROMA, _TURN))
    angle = 2 * math.pi * hue
    along, across = saturation * torch.cos(angle), saturation * torch.sin(angle)
    matrix: Tensor = luma + along.view(-1, 1, 1) * chroma + across.view(-1, 1, 1) * turn
    return matrix
