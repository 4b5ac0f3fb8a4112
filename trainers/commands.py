"""Command lines that a person is told to type: each can be pasted into a shell as it stands."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import PurePath
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Flags that later commands need again, each with the commands that take it. For example, `afcl resume` needs the
# `--data` of `afcl search`.
TAKEN_BY = {
    "data": frozenset({"plan", "search", "resume", "extend", "confirm", "report", "train", "data", "doctor"}),
    "address": frozenset({"search", "resume", "extend", "confirm"}),
    "results": frozenset(
        {"search", "resume", "extend", "stop", "confirm", "list", "show", "explain", "logs", "report", "ui", "sync"}
        | {"export", "train", "rm", "doctor"}
    ),
}
_GIVEN: ContextVar[Mapping[str, str]] = ContextVar("given", default={})  # noqa: B039  # it is never written to


def command_line(*words: object, **flags: object) -> str:
    """The command line `afcl WORDS --FLAG VALUE`, quoted for a POSIX shell.

    Args:
        words: what follows `afcl`, the command first. A word that begins with a dash, as a file's name may, becomes
            ./-word.
        flags: the flags by name, in order. A flag whose value is None is left out; True gives a flag without a value.
            Remembered flags (see `given` and `remember`) are added if the command takes them, unless `flags` names
            them.
    """
    told = ["afcl", *(_quoted(f"./{word}" if str(word).startswith("-") else word) for word in words)]
    remembered = {
        name: value
        for name, value in _GIVEN.get().items()
        if name not in flags and words and str(words[0]) in TAKEN_BY[name]
    }
    for name, value in (flags | remembered).items():
        if value is not None:
            told.append(f"--{name.replace('_', '-')}")
            told += [] if value is True else [_quoted(value)]
    return " ".join(told)


def _quoted(word: object) -> str:
    """The word for a shell: as it is, in quotes if needed, or as $'…' if the terminal cannot show its letters."""
    text = str(word)
    if text.isprintable() and _can_be_shown(text):
        return shlex.quote(text)
    escapes = {ord("'"): "\\'", ord("\\"): "\\\\"}
    letters = (escapes.get(byte, chr(byte)) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in os.fsencode(text))
    return f"$'{''.join(letters)}'"


def _can_be_shown(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def remember(flag: str, value: str | PurePath | None) -> None:
    """Add a flag of the user's to every later `command_line` whose command takes the flag. None forgets the flag.

    A path is made absolute, because the line may be pasted in another folder.
    """
    known = {name: told for name, told in _GIVEN.get().items() if name != flag}
    if value is not None:
        # not Path.expanduser: an unknown ~user is reported later, where the folder is looked for
        known[flag] = os.path.abspath(os.path.expanduser(value)) if isinstance(value, PurePath) else value  # noqa: PTH100, PTH111
    _GIVEN.set(known)


@contextmanager
def given(**flags: str | PurePath | None) -> Iterator[None]:
    """Within the block, `remember` these flags for every `command_line`; a flag whose value is None is not added."""
    before = _GIVEN.get()
    try:
        for flag, value in flags.items():
            if value is not None:
                remember(flag, value)
        yield
    finally:
        _GIVEN.set(before)


def told_in_hints(verb: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function such as `search.resume`: the command lines that it suggests repeat the caller's flags.

    These are the function's keyword arguments `data`, `address` and `results`.
    """

    @wraps(verb)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        flags = {name: value for name, value in kwargs.items() if name in TAKEN_BY}
        with given(**{name: value for name, value in flags.items() if isinstance(value, str | PurePath)}):
            return verb(*args, **kwargs)

    return called


def forget() -> None:
    """Forget all remembered flags, before another command begins in this process."""
    _GIVEN.set({})
