"""The slopes of a block of anchors in one pass over memory: what `losses_blockwise._slopes` does, as a Triton kernel.

There, some thirty operations each read and write [block, N] matrices. Here each program takes a row of logits, keeps it
in registers where it has up to 8,192 columns, and reads it three times where it has more. The formulas and their names
are those at the head of `trainers.losses_blockwise`.
"""

import functools
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

LARGEST_TILE = 8192  # columns that a program holds at once
Slopes = Callable[..., None]  # with the arguments of losses_blockwise._slopes


def fused_slopes(z: Tensor) -> Slopes | None:
    """The kernel, where it can be had for rows like z: float32 on a GPU that Triton knows. Else None."""
    if z.device.type != "cuda" or z.dtype != torch.float32:
        return None
    return _usable(z.device)


@functools.cache
def _usable(device: torch.device) -> Slopes | None:
    """The kernel, tried once on a device. It is built by a C compiler at first use, which a machine may lack."""
    if importlib.util.find_spec("triton") is None or torch.version.hip is not None:
        return None
    if torch.cuda.get_device_capability(device) < (7, 0):
        return None
    try:
        slopes(*example(device))
    except Exception as error:  # whatever a compiler may raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        warnings.warn(
            f"the loss computes without its fused kernel, to the same numbers but slower with large batches, as Triton "
            f"cannot build it here ({reason[0][:200]})",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return slopes


def example(device: torch.device) -> tuple[Any, ...]:
    """Arguments for `slopes`: four rows that are alike."""
    column = torch.ones(4, 1, device=device)
    return torch.zeros(1, 4, 4, device=device), column.clone(), 0, column, -column, -column, 1.0, True


def slopes(
    matrices: Tensor,
    by_anchor: Tensor,
    start: int,
    classes: Tensor,
    pull: Tensor,
    push: Tensor,
    gamma: float,
    with_gradient: bool,
) -> None:
    """See `losses_blockwise._slopes`; matrices is [1, rows, N] float32."""
    from trainers.losses_kernel import slopes_of_a_row  # Triton takes a second to import

    (logits,) = matrices
    rows, N = logits.shape
    tile = min(1 << (N - 1).bit_length(), LARGEST_TILE)
    warps = max(1, min(16, tile // 512))
    slopes_of_a_row[(rows,)](
        logits,
        classes,
        pull,
        push,
        by_anchor,
        start,
        N,
        gamma,
        with_gradient,
        TILE=tile,
        TILES=-(-N // tile),
        num_warps=warps,
    )
