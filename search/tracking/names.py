"""Turn names and texts into a form that every MLflow server accepts.

MLflow's rules for a name (mlflow.utils.validation): letters, digits, `_`, `-`, `.`, spaces and `/`, in the form of a
path, at most 250 characters. MLflow also allows `:`, but older servers and those on Windows refuse it, so it is not
used.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_NAME = 250  # characters of a metric's, parameter's or tag's name; databases limit an experiment's name, too
LONGEST_PARAMETER = 6000
LONGEST_TAG = 5000  # MLflow takes 8000 characters, but servers before 2.16 only 5000


class Keys:
    """The key in MLflow for each of our names. Different names get different keys."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Start with the names that are known in advance.

        Args:
            known: names that will be asked for. If several of them would get the same key, a hash is added to each key.
        """
        names = list(dict.fromkeys(known))
        meeting = Counter(_as_databases_compare(key_for(name)) for name in names)
        self._keys: dict[str, str] = {}
        self._taken: set[str] = set()
        for name in names:
            self._add(name, is_alone=meeting[_as_databases_compare(key_for(name))] == 1)

    def of(self, name: str) -> str:
        """The key of a name. If the name is new and its key is in use, a hash is added to the key."""
        if name not in self._keys:
            self._add(name, is_alone=_as_databases_compare(key_for(name)) not in self._taken)
        return self._keys[name]

    def _add(self, name: str, *, is_alone: bool) -> None:
        key = key_for(name)
        self._keys[name] = key if is_alone else _marked(key, name)
        self._taken.add(_as_databases_compare(key))


def key_for(name: str) -> str:
    """The name, changed only as MLflow's rules demand. If it is too long, a hash of the whole name replaces its end."""
    signs = re.sub(r"[^\w\-. /]", "_", name)
    parts = [part if part.strip(".") else "_" * max(1, len(part)) for part in signs.split("/")]
    key = "/".join(parts)
    assert posixpath.normpath(key) == key, "what MLflow asks of a name"
    return key if len(key) <= LONGEST_NAME else _marked(key, name)


def experiment_name(name: str) -> str:
    """An experiment's name with spaces for control characters, cut to a length that every database holds."""
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name)
    return plain if len(plain) <= LONGEST_NAME else _marked(plain, name)


def cut(text: str, longest: int) -> str:
    """A text of at most `longest` characters.

    The end of a longer text is replaced by a hash of the whole, so that different texts stay different.
    """
    return text if len(text) <= longest else f"{text[: longest - 17]}… {_hash(text, 15)}"


def _marked(key: str, name: str) -> str:
    return f"{key[: LONGEST_NAME - 9]}-{_hash(name, 8)}"


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def _as_databases_compare(key: str) -> str:
    """A key as MySQL and SQL Server compare it: without case, accents and trailing spaces."""
    apart = unicodedata.normalize("NFKD", key.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).rstrip()
