"""Fashion-MNIST from IDX files: a given folder, torchvision's download, or Debian's dataset-fashion-mnist package.

The files are parsed in idx.py and not by torchvision, which reads no .gz, takes two seconds to import, and does not say
what is wrong with a damaged file.
"""

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainers.commands import command_line
from trainers.data.arrays import Images, Indices, Labels, Pool
from trainers.data.io import cache
from trainers.data.io.idx import Damaged, read_idx
from trainers.data.paths import given_folder
from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem, InputError

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
SHAPE = (28, 28)
IN_ROOT = Path("FashionMNIST", "raw")  # where torchvision puts the files under its root
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
DOWNLOAD_PATIENCE = 30.0  # seconds without a byte before a mirror counts as dead
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
PACKAGE = "apt install dataset-fashion-mnist"


def open_train(config: DataConfig, root: Path) -> Pool:
    """The 60,000 training images. The test files are not opened."""
    pool = _open(config, root, "train")
    if pool is not None:
        return pool
    if config.path is not None:
        images, labels = FILES["train"]
        raise InputError(
            f"data.path: {config.path} must hold {images} and {labels}, plain or .gz, but they are not there"
        )
    raise EnvironmentProblem(
        f"data: Fashion-MNIST is not on this machine; get it with {_fetching()} or, on Debian, `{PACKAGE}`"
    )


def open_test(config: DataConfig, root: Path) -> Pool | None:
    """The 10,000 test images; None if their files are not on this machine."""
    return _open(config, root, "test")


def missing_test(config: DataConfig, root: Path) -> str | None:
    """How to get a test split; None if its files are on this machine."""
    if any(_find(folder, "test") for _, folder in _sources(config.path, root)):
        return None
    return "lay the two t10k files beside the training ones" if config.path else f"run {_fetching()}"


def _fetching() -> str:
    return f"`{command_line('data', 'fetch', 'fmnist')}`"


def _open(config: DataConfig, root: Path, split: Literal["train", "test"]) -> Pool | None:
    for source, folder in _sources(config.path, root):
        files = _find(folder, split)
        if files is None:
            continue
        with _blaming(config):
            labels = _read_labels(files[1])
            read = _reader(config, root, *files, labels)
        return Pool("Fashion-MNIST", source, CLASS_NAMES, labels, read)
    return None


def _reader(
    config: DataConfig, root: Path, image_file: Path, label_file: Path, labels: Labels
) -> Callable[[Indices], Images]:
    """A function that returns the images at given indices: [n, 1, 28, 28].

    A plain file is read now, and only once. Images of a .gz file come from the array cache, because unpacking the file
    would take 0.4 s at each use.
    """
    if image_file.suffix != ".gz":
        images = _read_images(image_file, label_file, labels)
        return lambda indices: images[indices, None]
    recipe = cache.Recipe("fmnist", [image_file.absolute()], len(labels), (1, *SHAPE), how="IDX, gzip")

    def decode(blocks: Sequence[Indices]) -> Iterator[tuple[int, Images]]:
        if blocks:
            images = _read_images(image_file, label_file, labels)
            yield from ((place, images[block, None]) for place, block in enumerate(blocks))

    def read(indices: Indices) -> Images:
        with _blaming(config):
            return cache.read(root, recipe, decode, indices)

    return read


@contextmanager
def _blaming(config: DataConfig) -> Iterator[None]:
    """Turn Damaged into InputError if the config names the user's own files, else into EnvironmentProblem."""
    try:
        yield
    except Damaged as error:
        if config.path is not None:
            raise InputError(f"data.path: {error}") from None
        raise EnvironmentProblem(f"data: {error}; mend it with {_fetching()}") from None


def _sources(path: str | None, root: Path) -> list[tuple[str, Path]]:
    if path is None:
        return [("torchvision's download", root / IN_ROOT), ("Debian's package", DEBIAN)]
    given = given_folder(path)
    return [("a given folder", given), ("a given folder", given / IN_ROOT)]


def _find(folder: Path, split: str) -> tuple[Path, Path] | None:
    """Image file and label file of a split in `folder`; None if either is missing. A plain file comes before a .gz."""
    found = []
    for stem in FILES[split]:
        there = [folder / name for name in (stem, f"{stem}.gz") if (folder / name).is_file()]
        if not there:
            return None
        found.append(there[0])
    return found[0], found[1]


def _read_labels(label_file: Path) -> Labels:
    labels = read_idx(label_file, dimensions=1)
    if len(labels) and labels.max() >= len(CLASS_NAMES):
        raise Damaged(f"{label_file} has a label {labels.max()}, but they must be 0 to {len(CLASS_NAMES) - 1}")
    return labels.astype(np.int64)


def _read_images(image_file: Path, label_file: Path, labels: Labels) -> NDArray[np.uint8]:
    images = read_idx(image_file, dimensions=3)
    if len(images) != len(labels):
        raise Damaged(f"{image_file} has {len(images)} images, but {label_file.name} {len(labels)} labels")
    if images.shape[1:] != SHAPE:
        raise Damaged(f"{image_file} has images of {images.shape[1]}×{images.shape[2]} pixels, not 28×28")
    return images


def _read_pair(image_file: Path, label_file: Path) -> tuple[NDArray[np.uint8], Labels]:
    labels = _read_labels(label_file)
    return _read_images(image_file, label_file, labels), labels


def fetch(root: Path, progress: Callable[[str], None]) -> Path:
    """Download Fashion-MNIST with torchvision (its progress bar goes to stderr); returns the folder of the files.

    Nothing is downloaded if valid files are already in `root` or in Debian's package. Damaged files in `root` are
    removed or replaced. The download goes to a temporary folder, which is moved into place once the files have proved
    valid, so an interruption leaves no incomplete dataset. Raises EnvironmentProblem.
    """
    target = root / IN_ROOT
    if _is_whole(target):
        progress(f"Fashion-MNIST is already in {target}")
        return target
    try:
        if _is_whole(DEBIAN):
            if target.exists():
                shutil.rmtree(target)  # damaged, and `load` would look there first
                progress(f"Removed the damaged copy in {target}")
            progress(f"Fashion-MNIST is already in {DEBIAN}")
            return DEBIAN
        progress(f"Downloading Fashion-MNIST (30 MB) to {target}")
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=root) as workshop:
            fresh = _download(Path(workshop))
            if target.exists():
                target.rename(Path(workshop, "replaced"))
            target.parent.mkdir(exist_ok=True)
            fresh.rename(target)
    except OSError as error:
        raise EnvironmentProblem(
            f"data: Fashion-MNIST cannot be stored in {root} ({error.strerror or error});"
            " mend that or choose another folder with --data DIR"
        ) from None
    progress(f"Fashion-MNIST is in {target}")
    return target


def _download(workshop: Path) -> Path:
    from torchvision.datasets import FashionMNIST  # imported only here: it takes two seconds

    try:
        with _socket_timeout(DOWNLOAD_PATIENCE):
            FashionMNIST(str(workshop), train=True, download=True)
        fresh = workshop / IN_ROOT
        for split in FILES:
            files = _find(fresh, split)
            if files is None:
                raise Damaged(f"the {split} files did not come")
            _read_pair(*files)
    except (OSError, RuntimeError, HTTPException, Damaged) as error:
        if isinstance(error, OSError) and (error.filename is not None or error.errno in DISK_FULL):
            raise  # an error of the disk, not of the network: the caller names the folder
        reason = " ".join(
            str(error).replace(f"{workshop}{os.sep}", "").split()
        )  # the temporary folder is deleted, so its name would tell nothing
        raise EnvironmentProblem(
            f"data: Fashion-MNIST could not be downloaded ({reason[:200]}); with a connection to the internet run"
            f" {_fetching()} again, or on Debian `{PACKAGE}`,"
            " or set data.path to a folder with its files"
        ) from None
    for archive in fresh.glob("*.gz"):
        archive.unlink()  # the plain files stand beside them
    return fresh


def _is_whole(folder: Path) -> bool:
    pairs = [_find(folder, split) for split in FILES]
    try:
        for pair in pairs:
            if pair is None:
                return False
            _read_pair(*pair)
    except Damaged:
        return False
    return True


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for downloads in the block. torchvision sets none, and would wait for a silent mirror for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
