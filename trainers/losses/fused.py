"""The AFCL and its gradient on a GPU: what `trainers.losses.blockwise` computes, with a row's arithmetic in one kernel.

There, some thirty operations each read and write [block, N] matrices, and each is a launch. Here a block takes three
matrix products and one Triton kernel. Each program of the kernel takes one anchor: it reads the anchor's row of logits,
and replaces the logits by m_ik / (N τ). The formulas and their names are those at the head of
`trainers.losses.blockwise`.
"""

import functools
import importlib.util
import warnings
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from trainers.compute.precision import full_float32
from trainers.losses.blockwise import loss_in_blocks

# Elements of a [block, N] matrix: 128 MB, so that memory grows as N. Up to N = 5,792 there is one block.
BLOCK_ELEMENTS = 2**25
LARGEST_TILE = 8192  # columns that a program holds at once; a longer row is read tile by tile, three times


def has_kernel(z: Tensor) -> bool:
    """Whether the kernel can be used for z: z is float32, on a CUDA GPU for which Triton can build the kernel."""
    return z.device.type == "cuda" and z.dtype == torch.float32 and _can_build(z.device)


@functools.cache
def _can_build(device: torch.device) -> bool:
    """Whether the kernel can be built for `device` and agrees with `loss_in_blocks`. Tried once per device.

    Building needs a C compiler. Warns if building fails, or if the results differ.
    """
    if importlib.util.find_spec("triton") is None or torch.cuda.get_device_capability(device) < (7, 0):
        return False
    z = normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)), dim=1).to(device)
    labels = torch.arange(40, device=device) % 3
    at: dict[str, Any] = {"eta": 60.0, "gamma": 2.0, "temperature": 0.1, "normalize_by": "positives"}
    try:
        with full_float32():  # TF32 alone would make the two differ
            both = zip(loss_by_kernel(z, labels, **at), loss_in_blocks(z, labels, **at), strict=True)
        for ours, expected in both:
            torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-5)
    except (torch.cuda.OutOfMemoryError, torch.AcceleratorError):  # no fault of the kernel: the trial reports it
        raise
    except Exception as error:  # any error of a compiler, or results that differ
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        warnings.warn(
            f"the loss's Triton kernel cannot be used here ({reason}); the loss is computed without it, more slowly",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


@torch.no_grad()
def loss_by_kernel(
    z: Tensor,
    labels: Tensor,
    *,
    eta: float,
    gamma: float,
    temperature: float,
    normalize_by: Literal["batch", "positives"],
    with_gradient: bool = True,
    block_rows: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """The loss of a batch and its gradient with respect to z; arguments and result as of `blockwise.loss_in_blocks`.

    The same input gives the same bits: no two programs write to the same element, and blocks are walked in order.
    """
    from trainers.losses.kernel import slopes_of_an_anchor  # imported only here: Triton takes a second

    N = len(z)
    block_rows = min(N, block_rows or max(1, BLOCK_ELEMENTS // N))
    tile = min(1 << (N - 1).bit_length(), LARGEST_TILE)
    centred = z - z.mean(0)  # the same p_ij, with less lost to rounding; see afcl.plain_form
    labels = labels.contiguous()
    by_anchor = z.new_empty(N)
    gradient = torch.zeros_like(z) if with_gradient else None
    matrix = z.new_empty(block_rows, N)
    for start in range(0, N, block_rows):
        block = slice(start, min(start + block_rows, N))
        m = torch.mm(z[block], centred.T, out=matrix[: block.stop - start])  # the logits, times τ
        slopes_of_an_anchor[(len(m),)](
            m,
            labels,
            by_anchor,
            start,
            N,
            1 / temperature,
            float(eta),
            float(gamma),
            WITH_GRADIENT=with_gradient,
            BY_POSITIVES=normalize_by == "positives",
            TILE=tile,
            TILES=-(-N // tile),
            num_warps=max(1, min(16, tile // 512)),
        )
        if gradient is not None:  # as in loss_in_blocks: with respect to z_i as an anchor, then as a column
            gradient[block].addmm_(m, centred)
            gradient.addmm_(m.T, z[block])
    return by_anchor.sum(), gradient
