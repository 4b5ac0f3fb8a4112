"""Compute losses by the kernel without a GPU: Triton's interpreter runs it on the CPU, one program after the other.

A process of its own, as Triton reads TRITON_INTERPRET when it is imported. Takes a list of cases as JSON on standard
input, and prints for each the errors of value and gradient as shares of what float32's rounding allows.
"""

import json
import os
import sys
import warnings

os.environ["TRITON_INTERPRET"] = "1"

import torch
from torch import Tensor
from torch.nn.functional import normalize

from trainers.losses import fused
from trainers.losses.blockwise import loss_in_blocks


def batch(size: int, kind: str, far: bool) -> tuple[Tensor, Tensor]:
    """Unit rows of two classes; far: whose labels are as far apart as can be."""
    draws = torch.Generator().manual_seed(size)
    labels = (torch.arange(size) % 3 == 0).long()
    rows = {
        "random": torch.randn(size, 8, generator=draws),
        "clustered": 0.02 * torch.randn(size, 8, generator=draws) + torch.randn(2, 8, generator=draws)[labels],
        "all alike": torch.ones(size, 8),
    }
    return normalize(rows[kind], dim=1), torch.tensor([-(2**62), 2**62])[labels] if far else labels


def errors(case: dict) -> dict[str, float]:
    """How far float32 is from float64's walk over blocks."""
    z, labels = batch(case.pop("size"), case.pop("kind"), case.pop("far", False))
    block_rows = case.pop("block_rows")
    value, gradient = loss_in_blocks(z.double(), labels, **case)
    ours, our_gradient = fused.loss_by_kernel(z, labels, **case, block_rows=block_rows)
    alone, _ = fused.loss_by_kernel(z, labels, **case, block_rows=block_rows, with_gradient=False)
    gamma, temperature = case["gamma"], case["temperature"]
    allowed = 8 * torch.finfo(torch.float32).eps * (1 + (1 + gamma) / temperature)  # as for the loss on a CPU
    natural = gradient.norm() + (1 + gamma) * value.abs() / temperature / len(z) ** 0.5
    return {
        "value": float((ours - value).abs() / (allowed * value.abs())),
        "gradient": float((our_gradient - gradient).norm() / (allowed * natural)),
        "without a gradient": float((alone - ours).abs()),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # numpy's, of infinities that the kernel masks
    fused.LARGEST_TILE = 16  # so that a row has several tiles
    print(json.dumps([errors(case) for case in json.load(sys.stdin)]))
