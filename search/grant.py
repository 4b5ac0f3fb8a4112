"""What Ray granted a trial: its device and, of a GPU that trials share, its part of the memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import ray
import torch


def granted_device() -> torch.device:
    """The device that Ray granted. Without a granted GPU it is the CPU, whatever the node has."""
    if ray.get_gpu_ids() and torch.cuda.is_available():
        return torch.device("cuda", 0)  # Ray shows a worker its own GPUs only
    return torch.device("cpu")


@contextmanager
def granted() -> Iterator[torch.device]:
    """The granted device, inside with no more of its memory than the share that `resources.gpus` asked for.

    A quarter of a GPU is a quarter of its memory for torch's allocator. What CUDA itself takes for each process, some
    hundred megabytes, comes on top. Afterwards the worker may use all again: the next trial sets its own share.
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
