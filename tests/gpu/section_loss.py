"""Value and gradient of the loss on the device in float32, against float64 on the CPU."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from rows import Row
from setting import Setting
from torch import Tensor
from torch.nn.functional import normalize

from trainers.losses.afcl import asymmetric_focal_contrastive_loss, plain_form
from trainers.losses.blockwise import loss_in_blocks

D = 128
CORNERS = [
    {"eta": eta, "gamma": gamma, "temperature": temperature}
    for eta, gamma, temperature in itertools.product((0.0, 60.0, 300.0), (0.0, 0.5, 10.0), (0.01, 0.07, 1.0))
]
# As tests/trainers/losses/test_afcl.py reasons it for the CPU: float32 rounds a logit of size 1/τ by ε/τ, and a term
# grows by at most 1 + γ times the change of its logit. The gradient's error is held against its pulls and pushes before
# they cancel, which are at least as large as the gradient.
ALLOWED_ROUNDINGS = 8
PLAIN_UP_TO = 512  # rows; above, float64's reference is the walk over blocks, itself checked at this size


def rows(setting: Setting) -> Iterator[Row]:
    """Random and clustered rows, every corner of η, γ and τ, both scales; then large batches, and bfloat16."""
    for normalize_by in ("batch", "positives"):
        worst_value = worst_gradient = 0.0
        for size in setting.pick((3, 64, PLAIN_UP_TO, 2048), (3, 64)):
            corners = CORNERS[::5] if setting.quick or size > PLAIN_UP_TO else CORNERS
            for clustered in (False, True):
                z, labels = batch(size, clustered)
                for corner in corners:
                    at = {**corner, "normalize_by": normalize_by}
                    value, gradient = disagreement(z, labels, at, setting)
                    worst_value, worst_gradient = max(worst_value, value), max(worst_gradient, gradient)
        where = f"{len(CORNERS)} corners, N up to {size}, {normalize_by}"
        yield Row(f"error of the value, {where}", worst_value, "of what rounding allows", at_most=1)
        yield Row(f"error of the gradient, {where}", worst_gradient, "of what rounding allows", at_most=1)
    for size in setting.pick((4096, 16_384), (256,)):
        z, labels = batch(size, clustered=False)
        value, gradient = disagreement(z, labels, {**CORNERS[13], "normalize_by": "batch"}, setting)
        yield Row(f"error of the value, N={size}", value, "of what rounding allows", at_most=1)
        yield Row(f"error of the gradient, N={size}", gradient, "of what rounding allows", at_most=1)
    yield _bfloat16(setting)


def batch(size: int, clustered: bool) -> tuple[Tensor, Tensor]:
    """Unit rows in float64 that float32 holds exactly, and labels 9:1. clustered: as an encoder leaves them."""
    draws = torch.Generator().manual_seed(size)
    rows_ = torch.randn(size, D, generator=draws)
    labels = (torch.arange(size) % 10 == 0).long()
    if clustered:
        rows_ = 0.05 * rows_ + torch.randn(2, D, generator=draws)[labels]
    return normalize(rows_, dim=1).double(), labels


def disagreement(z: Tensor, labels: Tensor, at: dict[str, Any], setting: Setting) -> tuple[float, float]:
    """Errors of value and gradient, each as a share of what float32's rounding allows."""
    value, gradient = _loss_and_gradient(z, labels, at)
    ours, our_gradient = _loss_and_gradient(z.float().to(setting.device), labels.to(setting.device), at)
    allowed = ALLOWED_ROUNDINGS * torch.finfo(torch.float32).eps * (1 + (1 + at["gamma"]) / at["temperature"])
    floor = torch.finfo(torch.float32).tiny
    of_value = (ours.cpu().double() - value).abs() / (allowed * value.abs() + floor)
    # pulls and pushes before they cancel: the gradient of the value's terms by the logits is at most (1 + γ) of them
    natural = gradient.norm() + (1 + at["gamma"]) * value.abs() / at["temperature"] / len(z) ** 0.5
    of_gradient = (our_gradient.cpu().double() - gradient).norm() / (allowed * natural + floor)
    return float(of_value), float(of_gradient)


def _loss_and_gradient(z: Tensor, labels: Tensor, at: dict[str, Any]) -> tuple[Tensor, Tensor]:
    z = z.detach().requires_grad_()
    if z.dtype == torch.float64 and 3 <= len(z) <= PLAIN_UP_TO:
        loss = plain_form(z, labels, **at)
    elif z.dtype == torch.float64:
        value, gradient = loss_in_blocks(z.detach(), labels, **at)
        assert gradient is not None
        return value, gradient
    else:
        loss = asymmetric_focal_contrastive_loss(z, labels, **at)
    (gradient,) = torch.autograd.grad(loss, z)
    return loss.detach(), gradient


def _bfloat16(setting: Setting) -> Row:
    """Rows in bfloat16 are computed in float32: the same bits as of the same rows in float32."""
    z, labels = batch(1024, clustered=True)
    half, there = z.to(setting.device, torch.bfloat16), labels.to(setting.device)
    at = {**CORNERS[13], "normalize_by": "batch"}
    same = torch.equal(_loss_and_gradient(half, there, at)[0], _loss_and_gradient(half.float(), there, at)[0])
    return Row.check("bfloat16 rows give the bits of the same rows in float32", same)
