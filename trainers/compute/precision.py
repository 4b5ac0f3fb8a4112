"""How a GPU computes in a trial: bfloat16, TensorFloat-32, deterministic kernels.

torch's flags are restored after a trial: a worker runs several trials, and no trial may change the numbers of the next.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch


def gpu_name(device: torch.device) -> str | None:
    """The name of the GPU's model, on which rounding depends; for Apple's GPU the machine's type. None for a CPU."""
    if device.type == "mps":
        return f"Apple's GPU ({platform.machine()})"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def encoding(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which the encoder computes in bfloat16 if the device is fast with it, else in float32."""
    if device.type == "mps":  # autocast on mps is not trusted, so it is not even switched off
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_fast_bfloat16(device))


@contextmanager
def arithmetic(*, deterministic: bool) -> Iterator[None]:
    """Within the block, use deterministic kernels and full float32 if `deterministic`, else fast kernels and TF32.

    TF32 has the range of float32 but only 10 bits of mantissa, in matrix products and convolutions: each factor is
    rounded by up to 5e-4 of itself. The encoder computes in bfloat16, which has 7 bits, so TF32 matters only for
    layers outside the encoder, such as probe and classifier. GPUs that are not fast in bfloat16 have no TF32 either,
    and compute in float32 throughout.
    """
    kernels = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(deterministic)
    if deterministic:  # cuBLAS is deterministic only with this variable; torch reads it at each call
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        with _tf32(not deterministic):
            yield
    finally:
        torch.use_deterministic_algorithms(kernels)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the encoder is to compute in bfloat16: True on CUDA GPUs from compute capability 8.0 on.

    On older GPUs (T4, RTX 20xx, V100) cuDNN has no convolution in bfloat16, and torch's substitute is very slow.
    """
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


@contextmanager
def full_float32() -> Iterator[None]:
    """Switch TF32 off within the block: for the loss, and for augmentation.

    In the loss an error of 5e-4 in a cosine moves a logit by .02 at a temperature of .03. Augmented colours must be
    the same on every device.
    """
    with _tf32(False):
        yield


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    products, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = products
        torch.backends.cudnn.allow_tf32 = convolutions
