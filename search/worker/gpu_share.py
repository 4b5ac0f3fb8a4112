"""What Ray granted a trial: its device and, if trials share a GPU, its share of the memory."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import ray
import torch

from trainers.compute.devices import has_mps
from trainers.errors import EnvironmentProblem


class UnusableGPU(EnvironmentProblem):
    """Ray granted a GPU that torch cannot use, for example because of the node's driver."""


def granted_device() -> torch.device:
    """The device that Ray granted: a CUDA GPU, Apple's GPU or the CPU.

    It is the CPU if Ray granted no GPU, even if the node has one, and if Ray was told of a GPU that does not exist.
    Raises UnusableGPU if torch cannot use a GPU that does exist.
    """
    if not ray.get_gpu_ids():
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda", 0)  # Ray shows a worker its own GPUs only
    if torch.cuda.device_count() > 0:  # this count is from NVML, which works with drivers too old for CUDA
        raise UnusableGPU(
            f"node {socket.gethostname()}: torch {torch.__version__} cannot use the GPU that Ray granted "
            f"({_reason()}); install a driver for CUDA {torch.version.cuda} there"
        )
    if has_mps():
        return torch.device("mps", 0)
    return torch.device("cpu")


def _reason() -> str:
    """Why torch can use no GPU, in CUDA's own words."""
    try:
        torch.cuda.init()
    except Exception as error:  # errors of several classes
        return str(error).strip().splitlines()[0].split(". ")[0]
    return "no CUDA device is available"


@contextmanager
def granted() -> Iterator[torch.device]:
    """Yield the granted device. Within the block, a CUDA GPU's memory is limited to the share that Ray granted.

    A quarter of a GPU is a quarter of its memory for torch's allocator. What CUDA itself takes for each process, some
    hundred megabytes, comes on top. Afterwards the limit is lifted: the next trial sets its own share. Apple's
    GPU has no limit, as it shares the machine's memory.
    """
    device = granted_device()
    if device.type != "cuda":
        yield device
        return
    torch.cuda.empty_cache()  # what the worker's last trial left to the allocator
    share = ray.get_runtime_context().get_assigned_resources()["GPU"]
    torch.cuda.set_per_process_memory_fraction(min(1.0, share), device)
    try:
        yield device
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
