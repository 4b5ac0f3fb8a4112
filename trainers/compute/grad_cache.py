"""The gradient of a batch too large for the device, chunk by chunk: GradCache (Gao et al. 2021, arXiv 2101.06983).

A contrastive loss needs all embeddings Z = f(X; θ) of its batch at once, but not all activations behind them:

    dL/dθ = sum over chunks c of (dL/dZ_c) · dZ_c/dθ

So a first pass computes Z without activations, the loss gives dL/dZ, and a second pass takes one chunk after the other
through f with activations and hands each its rows of dL/dZ. This needs the memory of one chunk, and the time of one
more forward pass.

If f treats each row by itself, the gradient is that of the whole batch, up to rounding. BatchNorm in training does not:
it takes mean and variance from the chunk, in both passes alike. The gradient is then exactly that of a batch that is
normalised chunk by chunk, so another chunk size gives other results. The running statistics are updated once a chunk,
in the second pass only. f must not draw random numbers (dropout): the second pass would draw others.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

Embed = Callable[[slice], Tensor]  # rows of the batch to their embeddings [n, D]


def backward_in_chunks(
    embed: Embed, rows: int, chunk: int, loss: Callable[[Tensor], Tensor], network: nn.Module
) -> Tensor:
    """Add dL/dθ to the gradients of the parameters that `embed` uses, and return L, detached.

    Args:
        embed: called with slices that cover `rows` rows, each of at most `chunk` rows (`chunk` + 1 if one row would
            otherwise be left alone).
        rows: how many rows the batch has.
        chunk: how many rows are on the device at once.
        loss: the loss, from the embeddings [rows, D] of the whole batch.
        network: the module that `embed` runs. If several workers train it together, all of them call this function,
            and `embed` gives each of them the embeddings of all.
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
    """Within the block, each worker adds up its own gradients without exchanging them."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def _parts(rows: int, chunk: int) -> list[slice]:
    """Slices as equal in size as possible: a small last chunk would give BatchNorm poor statistics."""
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
