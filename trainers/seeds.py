"""Independent random streams, each named for what it decides.

A stream depends only on its seed and its name, never on earlier draws. So a trial that resumes at epoch 7 draws at
epoch 8 what it would have drawn without the interruption.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *name: str | int) -> int:
    """A seed in [0, 2**31) for the stream `name`, the same on every machine."""
    digest = hashlib.sha256(repr((seed, *name)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def generator(seed: int, *name: str | int) -> "torch.Generator":
    """A torch.Generator on the CPU, seeded for the stream `name`."""
    import torch  # imported only here: it takes two seconds

    return torch.Generator().manual_seed(derive_seed(seed, *name))
