"""The asymmetric focal contrastive loss (AFCL), of which CL, FCL and ACL are the cases with η = 0 or γ = 0."""

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainers.errors import InputError
from trainers.losses.blockwise import loss_in_blocks
from trainers.losses.fused import has_kernel, loss_by_kernel

# Normalising in bfloat16 rounds a row's length and its elements, each by a factor within 1 ± 2**-8. So the squared
# length of a normalised row differs from 1 by some 4 * 2**-8 < 0.016 at most; that of other rows differs by far more.
UNIT_TOLERANCE = 0.02

# The largest (1 + η)(1 + γ) / min(τ, 1): far above every useful setting, and low enough that no product of parameters
# and logits overflows float32.
LARGEST_SCALE = 1e30


def asymmetric_focal_contrastive_loss(
    z: Tensor,
    labels: Tensor,
    *,
    eta: float,
    gamma: float,
    temperature: float,
    normalize_by: Literal["batch", "positives"] = "batch",
    rows_are_unit: bool = False,
) -> Tensor:
    """Mean over the anchors of a batch of the AFCL.

    With η = eta, γ = gamma, τ = temperature and, for an anchor i,

        p_ij = exp(z_i·z_j / τ) / sum over k ≠ i of exp(z_i·z_k / τ)
        P(i) = rows j ≠ i with the label of i             N(i) = rows j with another label
        L_i  = - 1/A_i · sum over j in P(i) of (1 - p_ij)^γ log p_ij
               - η/B_i · sum over j in N(i) of log(1 - p_ij)

    the result is the mean of L_i over all N anchors. `normalize_by` sets A_i and B_i:

        "batch"       A_i = B_i = N: the scale of the published code, on which its η (up to 300) has its meaning
        "positives"   A_i = |P(i)|, B_i = |N(i)|: at η = γ = 0 this is L_out of Khosla et al., provided that every
                      anchor has a positive

    An empty P(i) or N(i) adds nothing. η = 0 and γ = 0 is the CL, only γ > 0 the FCL, only η > 0 the ACL.
    With two rows p_ij is 1 whatever z is; the loss is then 0 with a zero gradient.

    Args:
        z: [N, D] embeddings, one unit row per view: two views of an image are two rows with the same label.
            The squared length of a row may differ from 1 by 0.02, which allows for normalisation in bfloat16.
            The caller normalises the rows; they are used as they are.
        labels: [N] integers (not bool), on the device of z.
        eta: weight of the negative pairs, η ≥ 0.
        gamma: focusing exponent, γ ≥ 0.
        temperature: τ > 0, in units of cosine similarity.
        normalize_by: "batch" or "positives".
        rows_are_unit: True skips the check of row lengths, which the caller must then do (see `off_unit_length`). The
            check reads a number back from the device, and so waits for all of the device's work.

    Returns:
        A scalar ≥ 0, finite with a finite gradient, in nats; float64 for a float64 z, else float32. Autocast is
        off within the loss. Memory grows as N; with create_graph=True (the gradient's own gradient) as N².

    Raises:
        InputError: (a ValueError) on a wrong shape or type, N < 2, a parameter that is not finite or out of its range,
            (1+η)(1+γ)/min(τ,1) above 1e30, and rows that are not finite or not of unit length.

    Source: Vito & Stefanus, Entropy 2022, 24(9):1303, arXiv 2207.07080; Khosla et al., Supervised Contrastive Learning,
    NeurIPS 2020. The arithmetic here stays in log space, so that log(1 - p) is exact to rounding where p nears 1.
    """
    _check_parameters(eta, gamma, temperature, normalize_by)
    _check_batch(z, labels)
    if not rows_are_unit:
        _check_rows(z)
    z = z.to(torch.promote_types(z.dtype, torch.float32))
    if len(z) == 2:
        return z.sum() * 0.0
    at = {"eta": float(eta), "gamma": float(gamma), "temperature": float(temperature), "normalize_by": normalize_by}
    with torch.autocast(z.device.type, enabled=False):
        loss: Tensor = _InBlocks.apply(z, labels, at)
    return loss


class _InBlocks(torch.autograd.Function):
    """The loss for autograd, computed by the GPU kernel if there is one, else in blocks.

    The gradient is computed in the forward pass already.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, labels: Tensor, at: dict[str, Any]) -> Tensor:
        walk = loss_by_kernel if has_kernel(z) else loss_in_blocks
        loss, gradient = walk(z, labels, **at, with_gradient=ctx.needs_input_grad[0])
        ctx.save_for_backward(z, labels, gradient)
        ctx.at = at
        return loss

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor, None, None]:
        z, labels, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: the gradient is to have a gradient itself
            with torch.autocast(z.device.type, enabled=False):
                (gradient,) = torch.autograd.grad(plain_form(z, labels, **ctx.at), z, create_graph=True)
        return weight * gradient, None, None


def plain_form(
    z: Tensor,
    labels: Tensor,
    *,
    eta: float,
    gamma: float,
    temperature: float,
    normalize_by: Literal["batch", "positives"],
) -> Tensor:
    """The loss written as its formula. Tests compare `loss_in_blocks` with this form.

    `_InBlocks` uses it if the gradient is to have a gradient itself (create_graph=True). The arguments are those of
    `asymmetric_focal_contrastive_loss`, already checked, with N ≥ 3 and z in float32 or float64. The result can be
    differentiated any number of times, at the price of nine [N, N] matrices or more.
    """
    # Subtracting the mean from all z_k changes no p_ij, and so the mean needs no gradient. Without the mean the logits
    # of clustered rows are small and lose less to rounding.
    logits = ((z / temperature) @ (z - z.detach().mean(0)).T).fill_diagonal_(-torch.inf)

    # At most one column of a row has p > 1/2: that of the largest logit. For this column, log p and log(1 - p) come
    # from its log-odds against all other columns; both are exact however near p is to 1. For the other columns
    # log1p(-p) is exact. The largest logit is subtracted from all logits of the row, which changes no p_ij, so that two
    # logits that tie give p = 1/2 even if they are large.
    top, column = logits.max(1, keepdim=True)
    logits, top = logits - top.detach(), top - top.detach()
    others = logits.scatter_(1, column, -torch.inf)
    log_others = others.logsumexp(1, keepdim=True)
    log_odds = top - log_others  # log p - log(1 - p) of the top column

    log_p = others - torch.logaddexp(top, log_others)
    log_not_p = torch.log1p(-log_p.exp()).scatter_(1, column, logsigmoid(-log_odds))  # log(1 - p_ij)
    log_p = log_p.scatter_(1, column, logsigmoid(log_odds))

    negative = labels.unsqueeze(1) != labels
    positive = (~negative).fill_diagonal_(False)

    # The diagonal's log p is -inf: it is replaced by 0 before the product, whose gradient would else be 0 · inf.
    positive_sum = (torch.exp(gamma * log_not_p) * log_p.where(positive, 0.0)).sum(1)
    negative_sum = log_not_p.where(negative, 0.0).sum(1)

    if normalize_by == "batch":
        return -(positive_sum + eta * negative_sum).mean() / len(z)
    return -(positive_sum / positive.sum(1).clamp(min=1) + eta * negative_sum / negative.sum(1).clamp(min=1)).mean()


def _check_parameters(eta: float, gamma: float, temperature: float, normalize_by: str) -> None:
    for name, value in (("eta", eta), ("gamma", gamma)):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} must be finite and >= 0, but got {value}")
    if not (math.isfinite(temperature) and temperature > 0):
        raise InputError(f"temperature must be finite and > 0, but got {temperature}")
    if (1 + eta) * (1 + gamma) > LARGEST_SCALE * min(temperature, 1):
        raise InputError(
            f"(1 + eta)(1 + gamma)/min(temperature, 1) must be at most {LARGEST_SCALE:g}, "
            f"but got {eta=}, {gamma=}, {temperature=}"
        )
    if normalize_by not in ("batch", "positives"):
        raise InputError(f"normalize_by must be 'batch' or 'positives', but got {normalize_by!r}")


def _check_batch(z: Tensor, labels: Tensor) -> None:
    """Check shapes and types: raise InputError unless z and labels are a batch of rows with their labels."""
    if z.ndim != 2 or not z.is_floating_point():
        raise InputError(f"z must be [N, D] of a floating type, but got {list(z.shape)} of {z.dtype}")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise InputError(f"labels must be integers, but got {labels.dtype}")
    if labels.shape != z.shape[:1]:
        raise InputError(f"labels must be [N] with the N of z, but got {list(labels.shape)} for z {list(z.shape)}")
    if len(z) < 2:
        raise InputError(f"a batch needs N >= 2 rows, but got {len(z)}")


def off_unit_length(z: Tensor) -> Tensor:
    """The largest deviation of a row's squared length from one: a scalar on z's device; NaN if a row is NaN.

    A deviation of up to UNIT_TOLERANCE is accepted as unit length.
    """
    lengths = torch.linalg.vector_norm(z.detach(), dim=1, dtype=torch.promote_types(z.dtype, torch.float32))
    least, most = torch.aminmax(lengths)
    return torch.maximum(most.square() - 1, 1 - least.square())


def _check_rows(z: Tensor) -> None:
    """Raise InputError for rows that are not finite or not of unit length. Reads one number back from the device."""
    off = off_unit_length(z).item()  # NaN and inf pass through max and fail the comparison
    if not off <= UNIT_TOLERANCE:
        if not z.isfinite().all():
            raise InputError(f"z must be finite, but got {int((~z.isfinite()).sum())} elements that are not")
        raise InputError(f"rows of z must have squared length 1 within {UNIT_TOLERANCE}, but got one off by {off:.4g}")
