"""Several workers share one trial: each takes a part of every batch, and the result is that of one worker.

Every worker goes through the whole trial, with the same batches and random draws. Only the encoder's work is divided
between them: the loss sees the embeddings of all workers. The workers exchange these embeddings by torch.distributed,
with NCCL if each worker has a GPU of its own, else with gloo.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Group:
    """A worker's rank (from 0), and how many workers its trial has. The default is a trial with one worker."""

    rank: int = 0
    size: int = 1

    def shares(self, rows: int) -> list[slice]:
        """For each worker, in order of rank, its slice of `rows` rows. The slices are as equal in size as possible."""
        ends = [rows * part // self.size for part in range(self.size + 1)]
        return [slice(start, end) for start, end in pairwise(ends)]

    def share(self, rows: int) -> slice:
        """This worker's slice of `rows` rows; it may be empty if there are fewer rows than workers."""
        return self.shares(rows)[self.rank]

    def gather(self, own: Tensor, sizes: Sequence[int]) -> Tensor:
        """Collect the rows of all workers: [sum of `sizes`, ...], in order of rank, the same on every worker.

        own: this worker's rows. sizes: how many rows each worker has, in order of rank. Differentiable, provided that
        every worker computes the same loss from the gathered rows; see `_Gathered`.
        """
        if self.size == 1:
            return own
        gathered: Tensor = _Gathered.apply(own, tuple(sizes), self.rank)
        return gathered


ALONE = Group()


class _Gathered(torch.autograd.Function):
    """All workers' rows. The backward pass needs no message: each worker has the gradient of every row already.

    The gradient is multiplied by the number of workers, because DistributedDataParallel divides by that number: the
    parameters need the sum over the workers of their rows' contributions, not the mean.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: tuple[int, ...], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        return _all_rows(own, sizes)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        start, end = list(pairwise(accumulate(ctx.sizes, initial=0)))[ctx.rank]
        return gradient[start:end] * len(ctx.sizes), None, None


def _all_rows(own: Tensor, sizes: Sequence[int]) -> Tensor:
    # all_gather needs tensors of one size, but the workers may have different numbers of rows
    padded = own.new_zeros(max(sizes), *own.shape[1:])
    padded[: len(own)] = own
    parts = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])
