"""Items that an MLflow store refuses. They are noted and reported once, and never hold up the rest."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Refusal:
    """One item that a store did not take."""

    kind: str  # what sort of item: a noun whose plural ends in s, such as "value"
    what: str  # the item in words
    why: str  # the store's reason


class Refusals:
    """The items that were refused in a session. The first of each kind is reported at once."""

    def __init__(self, again: str, tell: Tell | None = None) -> None:
        """Begin with no refusals.

        Args:
            again: the command line that tries the refused items again.
            tell: is called with the first refusal of each kind, in words. `in_words` gives all of them.
        """
        self._again, self._tell = again, tell
        self._found: dict[str, list[Refusal]] = {}
        self._lock = threading.Lock()  # the driver reads what the delivery's thread adds

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, kind: str, what: str, why: str) -> None:
        """Note a refused item, unless it was noted before. The arguments are the fields of `Refusal`."""
        one = Refusal(kind, what, why)
        with self._lock:
            of_kind = self._found.setdefault(kind, [])
            if one in of_kind:
                return
            of_kind.append(one)
        if self._tell is not None and len(of_kind) == 1:
            self._tell(self._in_words([one]))

    def in_words(self) -> list[str]:
        """A line for each kind of item that was refused."""
        with self._lock:
            return [self._in_words(of_kind) for of_kind in self._found.values()]

    def _in_words(self, of_kind: list[Refusal]) -> str:
        first, more = of_kind[0], len(of_kind) - 1
        what = first.what if not more else f"{more + 1} {first.kind}s, among them {first.what}"
        return f"MLflow did not take {what} ({first.why}); it has the rest, and `{self._again}` tries again"


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first `most` different names as one text, separated by commas, and how many more there are."""
    every = list(dict.fromkeys(names))
    more = len(every) - most
    return ", ".join(every[:most]) + (f" and {more} more" if more > 0 else "")
