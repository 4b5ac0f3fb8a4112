"""Ray's tokens. Whoever can call a Ray can run any program there, so every Ray that afcl starts asks for a token."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.cluster import ray_internals

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def known_token() -> str | None:
    """The token that Ray would send; None if the user has none.

    It is in RAY_AUTH_TOKEN, or in the file that RAY_AUTH_TOKEN_PATH names, by default ~/.ray/auth_token.
    """
    if token := os.environ.get(TOKEN, "").strip():
        return token
    path = os.environ.get(TOKEN_PATH) or "~/.ray/auth_token"
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip() or None
    except (OSError, RuntimeError):  # there is no such file, or no home folder
        return None


@contextmanager
def session_token() -> Iterator[None]:
    """Give a Ray that is started within the block a new secret token: the Ray refuses calls without it.

    Ray by itself makes one token for all its sessions, in a file that others on the machine may be able to read. A
    token or a mode that the user has set in Ray's environment variables is kept.
    """
    given = {TOKEN: os.environ.get(TOKEN) or ("" if TOKEN_PATH in os.environ else secrets.token_hex(32))}
    with _environment({name: value for name, value in given.items() if value}):
        yield


@contextmanager
def token_sent(is_sent: bool) -> Iterator[None]:
    """Within the block, this process sends its token to Ray if `is_sent`, else no token."""
    with _environment({MODE: "token" if is_sent else "disabled"}):
        yield


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (MODE, TOKEN)}
    os.environ.update(changes)
    ray_internals.read_token_anew()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)  # Ray itself sets the mode of a process that has started a cluster
            else:
                os.environ[name] = value
        ray_internals.read_token_anew()
