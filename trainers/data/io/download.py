"""Download a file, continuing where an earlier try broke off; and unpack an archive that is not trusted."""

import http.client
import re
import stat
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from trainers.data.io.progress import tracked

PATIENCE = 30.0  # seconds without a byte before a server counts as dead
ATTEMPTS = 4
PAUSE = 2.0  # seconds between two attempts
BLOCK = 1 << 20


class DownloadFailed(Exception):
    """The download failed; the message says why. The part that arrived is kept."""


class BadArchive(Exception):
    """The file is not an archive, or not one that is safe to unpack; the message says why."""


def remote_size(url: str) -> int:
    """Length of the file at `url` in bytes; 0 if the server does not say. Raises DownloadFailed."""
    try:
        with _opened(urllib.request.Request(url, method="HEAD")) as answer:
            return int(answer.headers.get("Content-Length", 0))
    except (OSError, http.client.HTTPException) as error:
        raise DownloadFailed(_reason(url, error)) from None


def _opened(request: urllib.request.Request) -> http.client.HTTPResponse:
    if request.type not in ("http", "https"):  # urllib would also read local files
        raise DownloadFailed(f"{request.full_url}: only http and https are fetched")
    answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=PATIENCE)
    return answer


def partial_of(target: Path) -> Path:
    """Where the download of `target` is kept until it is complete."""
    return target.with_name(f"{target.name}.partial")


def download(url: str, target: Path) -> None:
    """Download `url` to `target`, completely or not at all; progress goes to stderr.

    Up to `ATTEMPTS` attempts are made, each from where the last one broke off (HTTP Range). If the server has no
    ranges, each attempt starts over.
    Raises DownloadFailed, and OSError with a file name for errors of the disk.
    """
    partial = partial_of(target)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _receive(url, partial)
            break
        except DownloadFailed:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE)
    partial.replace(target)


def _receive(url: str, partial: Path) -> None:
    """One attempt: append to `partial` what is missing. Raises DownloadFailed if the file is still incomplete."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = _opened(request)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the file has nothing after the first `have` bytes
            if error.headers.get("Content-Range") == f"bytes */{have}":
                error.close()
                return
            partial.unlink()
        raise DownloadFailed(_reason(url, error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise DownloadFailed(_reason(url, error)) from None
    with answer:
        begin, whole = _place(answer, have)
        if begin not in (0, have):
            raise DownloadFailed(f"{url}: asked for what follows byte {have}, but the answer begins at {begin}")
        left = max(whole - begin, 0)
        with partial.open("ab" if begin else "wb") as file:
            name = url.rpartition("/")[2]
            for block in tracked(_blocks(url, answer), -(-left // BLOCK), f"Downloading {name} (MB)"):
                file.write(block)
    come = partial.stat().st_size
    if whole and come != whole:
        raise DownloadFailed(f"{url}: broke off after {come:,} of {whole:,} bytes")


def _place(answer: http.client.HTTPResponse, have: int) -> tuple[int, int]:
    """The offset in the file at which an HTTP response begins, and the length of the whole file, 0 if unknown.

    `have` is the offset that was asked for.
    """
    if answer.status != 206:
        return 0, int(answer.headers.get("Content-Length", 0))
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if told is None:
        return have, 0
    return int(told[1]), 0 if told[2] == "*" else int(told[2])


def _blocks(url: str, answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while block := answer.read(BLOCK):
            yield block
    except (OSError, http.client.HTTPException) as error:
        raise DownloadFailed(_reason(url, error)) from None


def _reason(url: str, error: BaseException) -> str:
    cause = getattr(error, "reason", None) or error
    code = ""
    if isinstance(error, urllib.error.HTTPError):  # an HTTPError is also a response, and holds its connection
        error.close()
        code = f"{error.code} "
    return f"{url}: {code}{' '.join(str(cause).split()) or type(error).__name__}"


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip into `folder` and compare its checksums. Nothing is written outside `folder`.

    Raises BadArchive if the file is no whole zip, or if a member is a link or has a path that leads outside.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            for member in members:
                _refuse_escape(archive, member)
            for member in tracked(members, len(members), f"Unpacking {archive.name}"):
                packed.extract(member, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadArchive(f"{archive.name} is no whole zip file: {error}") from None


def unpacked_size(archive: Path) -> int:
    """The unpacked size of an archive's files in bytes. Raises BadArchive."""
    try:
        with zipfile.ZipFile(archive) as packed:
            return sum(member.file_size for member in packed.infolist())
    except (zipfile.BadZipFile, EOFError) as error:
        raise BadArchive(f"{archive.name} is no whole zip file: {error}") from None


def _refuse_escape(archive: Path, member: zipfile.ZipInfo) -> None:
    """Raise BadArchive for a member whose path leads outside the folder, or that is a link."""
    name, path = member.filename, PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise BadArchive(f"{archive.name} has a member {name!r} that would be written outside its folder")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadArchive(f"{archive.name} has a member {name!r} that is a link")
