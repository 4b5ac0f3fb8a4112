"""Does the server in this container answer? HEALTH_URLS names what to ask; without it there is no server to ask.

`--device` asks another thing, once, while the image is built: whether the torch in it is what DEVICE wants.
"""

import os
import sys
import urllib.request


def main() -> None:
    """Exit with 0 when all is well."""
    if sys.argv[1:] == ["--device"]:
        check_device(os.environ["DEVICE"])
        return
    for url in os.environ.get("HEALTH_URLS", "").split():
        with urllib.request.urlopen(url, timeout=8):  # noqa: S310  # raises on all but a 2xx, as exit code 1
            pass


def check_device(device: str) -> None:
    """Refuse a CPU build of torch where CUDA is wanted, and say what the other way round costs."""
    import torch

    if device not in ("cpu", "cuda"):
        sys.exit(f"DEVICE: cpu or cuda is wanted, but got {device!r}")
    cuda = torch.version.cuda
    if device == "cuda" and cuda is None:
        sys.exit(f"DEVICE=cuda, but torch {torch.__version__} was built without CUDA: leave TORCH_INDEX out")
    if device == "cpu" and cuda is not None:
        print(f"DEVICE=cpu, and torch {torch.__version__} brings CUDA {cuda} along; TORCH_INDEX can name a smaller one")


if __name__ == "__main__":
    main()
