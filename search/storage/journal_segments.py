"""A search's journal in a store: a sequence of pieces, each written completely or not at all.

    journal/000000000000-000000004711-000002-0123456789abcdef.jsonl

holds the bytes from the first number to the second. The third is the lease's number of the driver that wrote it, the
fourth a hash of the content. A driver writes its pieces in order, beginning at the end of the journal that it found. So
what an older driver wrote beyond the byte at which a newer one began came after the older one had lost the search, and
is ignored. Pieces behind a gap or a damaged piece are ignored, like an incomplete last line.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

FOLDER = "journal"
_NAME = re.compile(rf"{FOLDER}/(\d+)-(\d+)-(\d+)-([0-9a-f]{{16}})\.jsonl")


@dataclass(frozen=True, order=True)
class Segment:
    """One piece, as its name describes it."""

    lease: int  # the lease's number of the driver that wrote it
    start: int
    end: int
    digest: str

    @property
    def name(self) -> str:
        """The name of the piece's file, from the search's folder on."""
        return f"{FOLDER}/{self.start:012d}-{self.end:012d}-{self.lease:06d}-{self.digest}.jsonl"


def segment(content: bytes, start: int, lease: int) -> Segment:
    """The piece whose bytes are `content`; in the journal they begin at byte `start`."""
    return Segment(lease, start, start + len(content), _digest(content))


def segments(names: Iterable[str]) -> list[Segment]:
    """The pieces among the names of a folder's files. Other files are passed over."""
    found = (_NAME.fullmatch(name) for name in names)
    return [Segment(int(one[3]), int(one[1]), int(one[2]), one[4]) for one in found if one is not None]


def joined(pieces: Iterable[Segment], get: Callable[[str], bytes | None]) -> bytes:
    """The journal in the pieces, up to the last complete line. `get` returns a file's content, None if it is gone."""
    whole = bytearray()
    for _, group in groupby(sorted(pieces), lambda piece: piece.lease):
        of_one_driver = list(group)
        if of_one_driver[0].start > len(whole):
            continue
        del whole[of_one_driver[0].start :]
        for piece in of_one_driver:
            if piece.start > len(whole):
                break
            if piece.end <= len(whole):
                continue  # a longer piece has these bytes too
            content = get(piece.name)
            if content is not None and _digest(content) == piece.digest:
                del whole[piece.start :]
                whole += content
    return bytes(whole[: whole.rfind(b"\n") + 1])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
