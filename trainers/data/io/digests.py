"""A digest of each image's pixels, to find equal images; kept beside the cached array.

    arrays/isic2018-9f3c…/digests.npz     one hash of the files' sizes and times, and the digests, uint64 [N, 2]

Digests are of pixels, not of files: an image that was saved again in another format, or without its EXIF, is the same
to a model. They are computed again only if a file has changed, from a slice of the array at a time.
"""

import hashlib
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np

from trainers.data.arrays import Digests, Images, Indices
from trainers.data.io import cache
from trainers.files import write_atomically

STRETCH_BYTES = 1 << 28  # of pixels in memory at once
FILE = "digests.npz"


def of_images(images: Images) -> Digests:
    """A BLAKE2b digest of 128 bits of each image's bytes: [N, 2]. images: [N, C, H, W]."""
    whole = np.ascontiguousarray(images)
    return _as_array(b"".join(hashlib.blake2b(image.data, digest_size=16).digest() for image in whole))


def in_stretches(read: Callable[[Indices], Images], indices: Indices, bytes_each: int) -> Digests:
    """Digests [n, 2] of the images at `indices`, read with `read` a few at a time; `bytes_each`: an image's size."""
    rows = max(1, STRETCH_BYTES // bytes_each)
    parts = [of_images(read(indices[start : start + rows])) for start in range(0, len(indices), rows)]
    return np.concatenate([_as_array(b""), *parts])


def kept(root: Path, recipe: cache.Recipe, decode: cache.Decode) -> Digests:
    """Digests of all images of a recipe: the stored ones, or new ones if none are stored or if a file has changed.

    New digests need the images, so `decode` may then raise the faults of files, as for `cache.read`.
    """
    path, origin = cache.folder_of(root, recipe) / FILE, cache.origin(recipe)
    if (found := _read(path, origin, recipe.images)) is not None:
        return found
    made = in_stretches(
        lambda indices: cache.read(root, recipe, decode, indices), np.arange(recipe.images), prod(recipe.shape)
    )
    content = BytesIO()
    np.savez(content, origin=np.array(origin), digests=made)
    with suppress(OSError):  # if the cache cannot be written, the next use computes the digests again
        write_atomically(path, content.getvalue())
    return made


def _read(path: Path, origin: str, images: int) -> Digests | None:
    """The digests stored at `path`; None unless they are of `images` images, and of files whose state is `origin`."""
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as there:
            before, digests = str(there["origin"]), np.asarray(there["digests"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return digests if before == origin and digests.shape == (images, 2) and digests.dtype == np.uint64 else None


def _as_array(digests: bytes) -> Digests:
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64).reshape(-1, 2)
