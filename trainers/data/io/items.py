"""Listed image files, and one error that names all files that cannot be used, each with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from trainers.data.io.formats import UNREAD, unread_kind
from trainers.wording import printable


class BrokenImages(Exception):
    """Files that cannot be used, each with a reason. The message has their number and the first five with reasons."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        told = [f"{file} ({why})" for file, why in sorted(reasons.items())]
        super().__init__(f"{named(told, 'image')} not usable")


@dataclass(frozen=True)
class Item:
    """One listed image, not opened yet. The images are used in the order of their list."""

    label: str
    file: str  # relative to the given folder, for messages
    path: Path
    group: str = ""  # equal for images that belong together, as a patient's do; empty: a group of its own


def reason(error: Exception, path: Path | None = None) -> str:
    """Why the file at `path` cannot be used, in words to put in brackets after its name. `error` is any exception."""
    if isinstance(error, UnidentifiedImageError):
        unread = None if path is None else unread_kind(path) or UNREAD.get(path.suffix.lower())
        return unread or "is no image"
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    said = " ".join(str(error).split())
    if isinstance(error, OSError | SyntaxError | ValueError | EOFError | Image.DecompressionBombError):
        return said or type(error).__name__  # in words for a person
    return f"cannot be decoded: {type(error).__name__}" + (f", {said}" if said else "")


def refuse(broken: Mapping[str, str]) -> None:
    """Raise BrokenImages if `broken`, which maps files to reasons, is not empty."""
    if broken:
        raise BrokenImages(broken)


def named(names: Sequence[str], what: str) -> str:
    """The beginning of a sentence about files, such as `2 images (a.png, b.png) that are`."""
    return f"{counted_names(names, what)} that {'are' if len(names) > 1 else 'is'}"


def counted_names(names: Sequence[str], what: str) -> str:
    """The number of names and the first five: `7 images (a.png, b.png, c.png, d.png, e.png and 2 more)`."""
    count, more = len(names), len(names) - 5
    shown = printable(", ".join(names[:5])) + (f" and {more} more" if more > 0 else "")
    return f"{count:,} {what}{'s' if count > 1 else ''} ({shown})"
