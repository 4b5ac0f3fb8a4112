"""The devices that a machine has for training, and what Apple's GPU (mps) lacks beside CUDA.

mps has no float64, no workers that share a trial, no pinned copies, and no autocast or torch.compile that we would rely
on. What needs float64 is computed on the host; what else is missing is refused in one line, or done without. All this
is written from PyTorch's documentation and tried on a stand-in: it has never run on an mps device.
"""

import functools

import torch
from torch import Tensor

from trainers.config import TrialConfig
from trainers.errors import InputError

GPUS = ("cuda", "mps")  # types of device that are a GPU


def has_mps() -> bool:
    """Whether this machine's GPU is Apple's. A CUDA GPU goes first."""
    return torch.cuda.device_count() == 0 and torch.backends.mps.is_available()


def gpu_count() -> int:
    """How many GPUs torch sees here; Apple's is one."""
    return torch.cuda.device_count() or int(has_mps())


def best_device() -> torch.device:
    """A CUDA GPU if torch can use one, else Apple's GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if has_mps() else "cpu")


def with_index(device: torch.device) -> torch.device:
    """The device with its index, as tensors on it have it. A CPU has none."""
    if device.index is not None or device.type not in GPUS:
        return device
    return torch.device(device.type, torch.cuda.current_device() if device.type == "cuda" else 0)


def refuse_missing(config: TrialConfig, device: torch.device, workers: int) -> None:
    """Raise InputError for what a trial asks for and its device does not have."""
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
    """The memory format of images and of the encoder: channels last, which convolutions are quickest with.

    On mps contiguous: which of its operations are right with channels last could not be tried.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


@functools.cache
def can_sample(device_type: str, outside: str) -> bool:
    """Whether `grid_sample` knows a way to fill what lies outside of an image ("border", "reflection") on a device."""
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
    """The values in float64: on their device, or on the host where the device has no float64."""
    return (values if has_float64(values.device) else values.cpu()).double()


def is_out_of_memory(error: Exception, device: torch.device) -> bool:
    """Whether an error says that Apple's GPU has no memory left. CUDA's error has a class of its own."""
    return device.type == "mps" and "out of memory" in str(error)
