"""Names and texts as every MLflow server takes them.

MLflow's own rules (mlflow.utils.validation): letters, digits, `_`, `-`, `.`, blanks and `/`, of the form of a path, at
most 250 of them. `:` is left out, as older servers and those on Windows refuse it.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_NAME = 250  # of a metric, a parameter or a tag; a database may hold no longer name of an experiment either
LONGEST_PARAMETER = 6000
LONGEST_TAG = 5000  # of 8000: servers before MLflow 2.16 take no more


class Keys:
    """Which name stands for which in MLflow: two that differ here differ there too."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """known: names that will come; where two of them would become one, each gets a mark of its own."""
        names = list(dict.fromkeys(known))
        meeting = Counter(_as_databases_compare(key_for(name)) for name in names)
        self._keys: dict[str, str] = {}
        self._taken: set[str] = set()
        for name in names:
            self._add(name, is_alone=meeting[_as_databases_compare(key_for(name))] == 1)

    def of(self, name: str) -> str:
        """The key of a name. One that was not known, and would become another's key, gets a mark."""
        if name not in self._keys:
            self._add(name, is_alone=_as_databases_compare(key_for(name)) not in self._taken)
        return self._keys[name]

    def _add(self, name: str, *, is_alone: bool) -> None:
        key = key_for(name)
        self._keys[name] = key if is_alone else _marked(key, name)
        self._taken.add(_as_databases_compare(key))


def key_for(name: str) -> str:
    """A name by MLflow's rules; where it is too long its end becomes a hash of the whole."""
    signs = re.sub(r"[^\w\-. /]", "_", name)
    parts = [part if part.strip(".") else "_" * max(1, len(part)) for part in signs.split("/")]
    key = "/".join(parts)
    assert posixpath.normpath(key) == key, "what MLflow asks of a name"
    return key if len(key) <= LONGEST_NAME else _marked(key, name)


def experiment_name(name: str) -> str:
    """An experiment's name without what ends a line, and of a length that every database holds."""
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name)
    return plain if len(plain) <= LONGEST_NAME else _marked(plain, name)


def cut(text: str, longest: int) -> str:
    """A text that is too long with its end replaced by a hash of the whole: other texts stay other texts."""
    return text if len(text) <= longest else f"{text[: longest - 17]}… {_hash(text, 15)}"


def _marked(key: str, name: str) -> str:
    return f"{key[: LONGEST_NAME - 9]}-{_hash(name, 8)}"


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def _as_databases_compare(key: str) -> str:
    """A key as MySQL and SQL Server compare it: without case, accents and blanks at the end."""
    apart = unicodedata.normalize("NFKD", key.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).rstrip()
