"""A folder in a store, such as S3, that outlives any one host.

The store is one of pyarrow's own file systems (s3://, gs://, abfs://, hdfs://, file:// and plain paths), or else one
that fsspec knows. `%20` means a blank in file:// addresses only. In all other addresses each character stands for
itself. Credentials are never part of the address: they come from the store's own variables and files (AWS_*, ~/.aws,
the machine's role). A file is written completely or not at all: object stores do so, and on a file system the file is
written under another name and then moved.

Every failure except a missing file is a StorageError, raised after the few tries that the store's own client makes.
"""

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from search.storage.addresses import file_path
from trainers.errors import EnvironmentProblem
from trainers.files import write_atomically
from trainers.os_errors import in_one_line

Answer = TypeVar("Answer")
CONNECT, SILENCE = 3.0, 5.0  # seconds to wait for a connection to an S3 server, and for its answer
PATIENCE = 300.0  # seconds without an answer until the search pauses
PAUSES = (0.2, 2.0)  # seconds between tries on a store that does not answer: the first, and the longest
IN_WORDS = {
    "NETWORK_CONNECTION": "no server answers",
    "ACCESS_DENIED": "access is denied",
    "NO_SUCH_BUCKET": "there is no such bucket",
    "INVALID_ACCESS_KEY_ID": "it does not know the access key",
    "SIGNATURE_DOES_NOT_MATCH": "the secret key is wrong",
}


class StorageError(OSError):
    """The store does not answer, or refuses a request."""

    def __init__(self, said: object) -> None:
        """said: the error of the store's client, or a text. The message is one line of it, or a phrase of IN_WORDS."""
        lines = str(said).strip().splitlines() or [type(said).__name__]
        of_s3 = re.search(r"AWS Error (\w+)", lines[0])
        words = IN_WORDS.get(of_s3[1]) if of_s3 else None
        super().__init__(words or lines[0].partition(" Detail: ")[0][:300])


@dataclass(frozen=True)
class Storage:
    """A folder of a store, by its address. The store is opened at the first request, not when this object is made."""

    uri: str

    def __reduce__(self) -> tuple[type["Storage"], tuple[str]]:
        """Pickle the address alone: each process opens the store with its own credentials."""
        return Storage, (self.uri,)

    def __truediv__(self, name: str) -> "Storage":
        """The folder `name` in this folder."""
        if self.uri.startswith("/"):
            return Storage(f"{self.uri.rstrip('/')}/{name}")
        address, question, query = self.uri.partition("?")
        return Storage(f"{address.rstrip('/')}/{name}{question}{query}")

    @property
    def shown(self) -> str:
        """The address as messages show it: without options, because `storage_at` may have added some."""
        return self.uri if self.uri.startswith("/") else self.uri.partition("?")[0]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """pyarrow's file system, and the folder's path in it."""
        from pyarrow import ArrowInvalid, fs  # imported only here: it takes a third of a second

        if (here := file_path(self.uri)) is not None:
            return fs.LocalFileSystem(), str(here)
        if self.uri.startswith("s3://"):
            return _s3(self.uri)
        try:
            system, path = fs.FileSystem.from_uri(self.uri)
        except ArrowInvalid as error:
            if not str(error).startswith("Unrecognized filesystem type"):
                raise
            from fsspec.core import url_to_fs

            there, path = url_to_fs(self.uri)
            system = fs.PyFileSystem(fs.FSSpecHandler(there))
        return system, path.rstrip("/")

    def _ask(self, what: Callable[[Any, str], Answer]) -> Answer:
        try:
            return what(*self._opened)
        except FileNotFoundError:
            raise
        except Exception as error:  # each store's client raises its own errors
            raise StorageError(error) from error

    def put(self, name: str, content: bytes) -> None:
        """Write a file, completely or not at all. An older file of that name is replaced."""

        def write(system: Any, folder: str) -> None:
            path = f"{folder}/{name}"
            if system.type_name == "local":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_atomically(Path(path), content)
                return
            partial = path
            if system.type_name not in ("s3", "gcs", "abfs"):  # other systems have folders, and show half-written files
                system.create_dir(path.rpartition("/")[0], recursive=True)
                partial = f"{path}.{os.getpid()}-{threading.get_ident()}.partial"
            with system.open_output_stream(partial) as file:
                file.write(content)
            if partial != path:
                system.move(partial, path)

        try:
            self._ask(write)
        except FileNotFoundError as error:  # there is no such bucket, or a disk is not mounted
            raise StorageError(error) from error

    def get(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError if it does not exist."""

        def read(system: Any, folder: str) -> bytes:
            with system.open_input_stream(f"{folder}/{name}") as file:
                return bytes(file.readall())

        return self._ask(read)

    def find(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        try:
            return self.get(name)
        except FileNotFoundError:
            return None

    def names(self, under: str = "") -> list[str]:
        """The paths of all files below this folder, or below its subfolder `under`, in order.

        They are relative to this folder. Files that are being written are left out.
        """

        def look(system: Any, folder: str) -> list[str]:
            from pyarrow import fs

            start = f"{folder}/{under}".rstrip("/")
            found = system.get_file_info(fs.FileSelector(start, recursive=True, allow_not_found=True))
            paths = [info.path for info in found if info.type == fs.FileType.File]
            return sorted(path.removeprefix(f"{folder}/") for path in paths if not path.endswith(".partial"))

        return self._ask(look)

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""

        def remove(system: Any, folder: str) -> None:
            system.delete_file(f"{folder}/{name}")

        with suppress(FileNotFoundError):
            self._ask(remove)

    def delete_all(self) -> None:
        """Remove this folder and everything below it, if it exists."""

        def remove(system: Any, folder: str) -> None:
            system.delete_dir(folder)

        with suppress(FileNotFoundError):
            self._ask(remove)


def _s3(uri: str) -> tuple[Any, str]:
    """pyarrow's file system for an S3 address, and the folder's path in it.

    Timeouts are short: otherwise a request to a server that hangs would never end.
    """
    from pyarrow import fs

    parts = urlsplit(uri)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    if unknown := options.keys() - {"region", "scheme", "endpoint_override", "tls_ca_file_path"}:
        raise StorageError(f"the address has an unknown option {min(unknown)}")
    if "endpoint_override" not in options and "region" not in options:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        options["region"] = region or fs.resolve_s3_region(parts.netloc)
    tries = fs.AwsStandardS3RetryStrategy(max_attempts=2)
    system = fs.S3FileSystem(connect_timeout=CONNECT, request_timeout=SILENCE, retry_strategy=tries, **options)
    return system, f"{parts.netloc}{parts.path}".rstrip("/")


def storage_at(uri: str) -> Storage:
    """The folder at the user's `uri`, with an address that means the same on every host.

    If AWS_ENDPOINT_URL is set, the endpoint and the region become part of an S3 address, because other hosts may not
    have these variables.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    parts = urlsplit(uri)
    if parts.scheme == "s3" and endpoint and "endpoint_override" not in parse_qs(parts.query):
        place = urlsplit(endpoint)
        more = {"endpoint_override": place.netloc + place.path.rstrip("/"), "scheme": place.scheme}
        if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
            more["region"] = region
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return Storage(f"{uri.partition('?')[0]}?{urlencode(more | given)}")
    return Storage(uri)


def patiently(what: Callable[[], Answer], seconds: float) -> Answer:
    """Make the request `what` and return its answer. If it fails, repeat it for `seconds`; then raise StorageError."""
    pause, longest = PAUSES
    deadline = time.monotonic() + seconds
    while True:
        try:
            return what()
        except StorageError:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, longest)


def at_once(what: Callable[[], Answer], storage: Storage) -> Answer:
    """Make the request `what` once and return its answer. Raises EnvironmentProblem, of one line, if it fails."""
    try:
        return what()
    except StorageError as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, OSError) and storage.uri.startswith("/") and cause.errno:  # a folder on a disk
            cause.filename = cause.filename or storage.uri
            raise EnvironmentProblem(in_one_line(cause)) from None
        raise EnvironmentProblem(f"storage: a request to {storage.shown} failed ({error})") from None
