"""A search's journal in a store: a sequence of pieces, each a file that is written completely or not at all.

The name of a piece says at which byte of the journal the piece begins, before which byte it ends, the number of the
lease under which the driver wrote the piece, and a hash of the content:

    journal/000000000000-000000004711-000002-0123456789abcdef.jsonl

A driver writes its pieces in order, beginning at the end of the journal that it found. An older driver may go on
writing after it has lost the search. So its bytes are ignored from the byte on at which the newer driver began. Pieces
behind a gap or behind a damaged piece are ignored, like an incomplete last line.
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
    """One piece of the journal, as the name of its file describes it."""

    lease: int  # the number of the lease of the driver that wrote the piece
    start: int  # the byte of the journal at which the piece begins
    end: int  # the byte of the journal before which the piece ends
    digest: str  # a hash of the content

    @property
    def name(self) -> str:
        """The path of the piece's file, relative to the search's folder."""
        return f"{FOLDER}/{self.start:012d}-{self.end:012d}-{self.lease:06d}-{self.digest}.jsonl"


def segment(content: bytes, start: int, lease: int) -> Segment:
    """The piece with the bytes `content` from byte `start` of the journal on. lease: the number of the lease."""
    return Segment(lease, start, start + len(content), _digest(content))


def segments(names: Iterable[str]) -> list[Segment]:
    """The pieces whose files are among `names`. Names of other files are passed over."""
    found = (_NAME.fullmatch(name) for name in names)
    return [Segment(int(one[3]), int(one[1]), int(one[2]), one[4]) for one in found if one is not None]


def joined(pieces: Iterable[Segment], get: Callable[[str], bytes | None]) -> bytes:
    """The journal's bytes, put together from `pieces`, up to the end of the last complete line.

    get: returns the content of the file with a piece's name; None if the file is gone.
    """
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
                continue  # an earlier, longer piece has these bytes too
            content = get(piece.name)
            if content is not None and _digest(content) == piece.digest:
                del whole[piece.start :]
                whole += content
    return bytes(whole[: whole.rfind(b"\n") + 1])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
