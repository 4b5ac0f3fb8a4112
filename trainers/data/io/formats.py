"""Which suffixes mark images, and what to say about formats that cannot be read."""

from functools import cache
from pathlib import Path

from PIL import features

_WANTED = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
    *(".avif", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm"),
}
_OPTIONAL = {"webp": (".webp",), "avif": (".avif",), "jpg_2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx")}

# folders that operating systems leave behind; never a class
LEFT_BEHIND = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}

# For the suffixes of images that are not read: a sentence with what to convert them to.
UNREAD = {
    **dict.fromkeys((".heic", ".heif"), "HEIC is not read: convert to JPEG or PNG"),
    **dict.fromkeys((".dcm", ".dicom"), "DICOM is not read: convert to PNG of 16 bits"),
    **dict.fromkeys((".svg", ".eps", ".pdf"), "drawings are not read: convert to PNG"),
    **dict.fromkeys((".nii", ".mha", ".nrrd"), "volumes are not read: convert slices to PNG of 16 bits"),
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf"), "raw photos are not read: convert to JPEG"),
    **dict.fromkeys((".psd", ".xcf", ".tga", ".exr", ".jxl", ".npy"), "not read: convert to PNG"),
}


@cache
def suffixes() -> frozenset[str]:
    """Suffixes, in lower case, of the images that the installed Pillow reads."""
    absent = {suffix for name, those in _OPTIONAL.items() if not features.check(name) for suffix in those}
    return frozenset(_WANTED - absent)


def is_image(path: Path) -> bool:
    """Whether a file has a suffix of an image and is not hidden. The file is not opened."""
    return path.suffix.lower() in suffixes() and not path.name.startswith(".")


def unread_kind(path: Path) -> str | None:
    """The sentence of `UNREAD` if a file's first bytes are those of DICOM or HEIC; None for all other files."""
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:
        return None
    if start[128:] == b"DICM":
        return UNREAD[".dcm"]
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return UNREAD[".heic"]
    return None
