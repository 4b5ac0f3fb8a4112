"""Whether NVIDIA's driver on this machine is new enough for the CUDA that PyTorch was built for.

PyTorch itself compares the two when it counts GPUs: if the driver is too old, PyTorch finds no GPU and only warns. The
driver says which CUDA it supports (`cuDriverGetVersion`, which needs no GPU and starts nothing). A driver for the same
major version of CUDA is enough (NVIDIA, "CUDA Compatibility", minor version compatibility).
"""

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

from search.cluster.own_ray import Lack

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"  # comes with the driver, not with CUDA or PyTorch
DRIVER_VERSION = Path("/sys/module/nvidia/version")
# The oldest driver for each major version of CUDA, on Linux (NVIDIA, "CUDA Toolkit Release Notes").
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}


def supported_cuda() -> int | None:
    """The newest CUDA that the driver supports, as 1000 · major + 10 · minor; None without a driver that tells it."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    version = ctypes.c_int(0)
    return version.value if library.cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value else None


def old_driver(built_for: str | None, supported: Callable[[], int | None] = supported_cuda) -> Lack | None:
    """The lack of a newer NVIDIA driver, and its mend; None if the driver is new enough, missing or not needed.

    Args:
        built_for: `torch.version.cuda`, such as "13.0"; None for a PyTorch without CUDA.
        supported: returns the newest CUDA that the driver supports, as `supported_cuda` does.
    """
    if built_for is None or (has := supported()) is None:
        return None
    needed = int(built_for.partition(".")[0])
    if has // 1000 >= needed:
        return None
    least = OLDEST_DRIVER.get(needed)
    newer = f"install driver {least} or newer" if least else f"install a driver that supports CUDA {needed}"
    return Lack(
        f"NVIDIA's driver{_number()} is too old: it supports CUDA {has // 1000}.{has % 1000 // 10}, and this PyTorch "
        f"is built for CUDA {built_for}; trials cannot use the GPU",
        f"{newer}, or a PyTorch for CUDA {has // 1000}",
    )


def _number() -> str:
    """The driver's own version with a space before it; empty if the kernel's module does not tell the version."""
    try:
        return f" {DRIVER_VERSION.read_text(encoding='utf-8').strip()}"
    except OSError:
        return ""
