"""The gradient of a batch too large for the device, chunk by chunk: GradCache (Gao et al. 2021, arXiv 2101.06983).

A contrastive loss needs all embeddings Z = f(X; θ) of its batch at once, but not all activations behind them:

    dL/dθ = sum over chunks c of (dL/dZ_c) · dZ_c/dθ

So a first pass computes Z without keeping activations, and the loss gives dL/dZ. A second pass takes one chunk after
the other through f with activations, and goes backward from the chunk's rows of dL/dZ. This needs the memory for the
activations of one chunk, and the time of one more forward pass.

If f treats each row by itself, the gradient is that of the whole batch, up to rounding. BatchNorm in training does not
treat each row by itself: it takes mean and variance from the chunk, in both passes alike. The gradient is then exactly
that of a batch that is normalised chunk by chunk, so another chunk size gives other results. The running statistics are
updated once per chunk, in the second pass only. f must not draw random numbers (dropout): the second pass would draw
different ones.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

Embed = Callable[[slice], Tensor]  # from a slice of the batch's rows to their embeddings [n, D]


def backward_in_chunks(
    embed: Embed, rows: int, chunk: int, loss: Callable[[Tensor], Tensor], network: nn.Module
) -> Tensor:
    """Add dL/dθ to the gradients of the parameters that `embed` uses, and return L, detached.

    Args:
        embed: called with slices that together cover the batch. A slice has at most `chunk` rows, or `chunk` + 1 if a
            slice would otherwise have a single row.
        rows: how many rows the batch has.
        chunk: how many rows pass the network at once, at least 2.
        loss: the loss, from the embeddings [rows, D] of the whole batch.
        network: the module that `embed` runs. If several workers train it together, each worker calls this
            function, and `embed` returns the embeddings of all workers' rows.
    """
    parts = _parts(rows, chunk)
    with torch.no_grad(), _running_statistics_kept(network):
        z = torch.cat([embed(part) for part in parts])
    z.requires_grad_()
    value = loss(z)
    value.backward()
    assert z.grad is not None, "the loss depends on the embeddings"
    for part in parts[:-1]:
        with _gradients_kept(network):
            embed(part).backward(z.grad[part])
    embed(parts[-1]).backward(z.grad[parts[-1]])
    return value.detach()


def _gradients_kept(network: nn.Module) -> AbstractContextManager[None]:
    """A context in which each worker adds up its own gradients, without exchanging them with the others."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def _parts(rows: int, chunk: int) -> list[slice]:
    """Slices that cover `rows` rows, as equal in size as possible: small ones would give BatchNorm poor statistics."""
    count = max(1, min(math.ceil(rows / chunk), rows // 2))
    ends = [rows * part // count for part in range(count + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Within the block, BatchNorm normalises as usual but does not update its running statistics."""
    tracking = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    for layer in tracking:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in tracking:
            layer.track_running_stats = True
