"""The devices that a machine has for training, and what Apple's GPU (mps) lacks compared with CUDA.

mps has no float64, so computations that need float64 run on the host. mps is used without pinned copies and without
autocast. A trial that asks for several workers or for torch.compile on mps is refused. All this was written from
PyTorch's documentation and tested with a stand-in: it has never run on an mps device.
"""

import functools

import torch
from torch import Tensor

from trainers.config import TrialConfig
from trainers.errors import InputError

GPUS = ("cuda", "mps")  # torch's types of device that are GPUs


def has_mps() -> bool:
    """Whether trials can use Apple's GPU: torch can use it, and sees no CUDA GPU, which would be preferred."""
    return torch.cuda.device_count() == 0 and torch.backends.mps.is_available()


def gpu_count() -> int:
    """How many GPUs torch sees on this machine: the CUDA GPUs, else 1 for Apple's, else 0."""
    return torch.cuda.device_count() or int(has_mps())


def best_device() -> torch.device:
    """A CUDA GPU if torch can use one, else Apple's GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if has_mps() else "cpu")


def with_index(device: torch.device) -> torch.device:
    """The device as its tensors report it: a GPU without an index gets that of the current GPU; a CPU is unchanged."""
    if device.index is not None or device.type not in GPUS:
        return device
    return torch.device(device.type, torch.cuda.current_device() if device.type == "cuda" else 0)


def refuse_missing(config: TrialConfig, device: torch.device, workers: int) -> None:
    """Raise InputError if a trial on mps would use torch.compile or several workers; accept all other devices."""
    if device.type != "mps":
        return
    if config.model.compile:
        raise InputError("model.compile: torch.compile is not used on Apple's GPU (mps); set it to false")
    if workers > 1:
        raise InputError("resources.workers: a trial on Apple's GPU (mps) has one worker")


def has_float64(device: torch.device) -> bool:
    """Whether the device computes in float64."""
    return device.type != "mps"


def image_format(device: torch.device) -> torch.memory_format:
    """The memory format for images and encoder on `device`: channels last, with which convolutions are fastest.

    On mps it is contiguous, because channels last could not be tested there.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


@functools.cache
def can_sample(device_type: str, outside: str) -> bool:
    """Whether `grid_sample` has the padding mode `outside` ("border" or "reflection") on this type of device."""
    if device_type != "mps":
        return True
    image = torch.zeros(1, 1, 2, 2, device=device_type)
    try:
        torch.nn.functional.grid_sample(
            image, torch.zeros(1, 2, 2, 2, device=device_type), padding_mode=outside, align_corners=False
        )
    except (RuntimeError, NotImplementedError):
        return False
    return True


def in_float64(values: Tensor) -> Tensor:
    """The values in float64: on their device, or on the host if their device has no float64."""
    return (values if has_float64(values.device) else values.cpu()).double()


def is_out_of_memory(error: Exception, device: torch.device) -> bool:
    """Whether an error means that Apple's GPU `device` has no memory left; False on any other device.

    CUDA has a class of its own for such errors.
    """
    return device.type == "mps" and "out of memory" in str(error)
