"""Classify MLflow's errors, and put them into words that say what to do.

An error means either that the store takes nothing now, or that it refuses only one item.
"""

import re

from search.storage.redact import shown_uri

# MLflow's error codes that concern the server itself, not the item that was sent
OF_THE_STORE = {
    "CUSTOMER_UNAUTHORIZED",
    "UNAUTHENTICATED",
    "DEADLINE_EXCEEDED",
    "TEMPORARILY_UNAVAILABLE",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
}
OF_WHAT_IT_WAS_GIVEN = {"INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS"}
MENDS = {
    "401": "name or password are wrong",
    "403": "MLFLOW_TRACKING_USERNAME, or who logged in, may not write there; its owner can allow it",
    "404": "is this the address of an MLflow server?",
    "413": "a proxy before it takes no request so large; raise its limit (client_max_body_size, in nginx)",
    "429": "too many requests, or a quota is spent; wait, or have it raised",
    "507": "its disk is full; free some",
}
AS_STATUS = {
    "PERMISSION_DENIED": "403",
    "REQUEST_LIMIT_EXCEEDED": "429",
    "RESOURCE_EXHAUSTED": "429",
    "UNAUTHENTICATED": "401",
    "CUSTOMER_UNAUTHORIZED": "401",
}
OF_SQLITE = {
    "readonly database": "it may not be written; make the file and its folder writable",
    "disk is full": "its disk is full; free some",
    "unable to open database file": "the database cannot be opened; is its folder there, and writable?",
    "database is locked": "another process has locked it; end that one, or wait",
    "disk I/O error": "its disk cannot be read or written",
}


class StoreProblem(Exception):
    """A store takes nothing. The message says why, and what to do about it."""


def in_one_line(error: Exception) -> str:
    """MLflow's exception in one line for a person."""
    text = str(error)
    if isinstance(error, StoreProblem):
        return text
    code = status(error)
    if code is not None:
        return f"it answers {code}" + (f", {MENDS[code]}" if code in MENDS else "")
    if "Max retries exceeded" in text:
        return "no server answers"
    if "filesystem tracking backend" in text:
        return "MLflow keeps no runs in plain folders any more; name a database: sqlite:////whole/path/mlflow.db"
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed here; pip install {error.name}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    for said, words in OF_SQLITE.items():
        if said in text:
            return words
    lines = text.strip().splitlines() or [type(error).__name__]
    return shown_uri(lines[0])[:300]


def status(error: Exception) -> str | None:
    """The HTTP status, such as "403", with which a server or a proxy before it refused a request; None if unknown."""
    refused = re.search(r"error code (\d{3})\b|too many (\d{3}) error responses", str(error))
    if refused is not None:
        return refused[1] or refused[2]
    return AS_STATUS.get(_code(error))


def is_of_the_store(error: Exception) -> bool:
    """Whether an error means that the store takes no item at all now."""
    if isinstance(error, StoreProblem):
        return True
    return _code(error) in OF_THE_STORE or status(error) in ("401", "429", "502", "503", "504", "507")


def is_of_what_it_was_given(error: Exception) -> bool:
    """Whether an error means that the store refuses only the item that was sent."""
    return _code(error) in OF_WHAT_IT_WAS_GIVEN or status(error) in ("400", "413", "422")


def is_busy(error: Exception) -> bool:
    """Whether an error means that the store gets too many requests now, so that a pause helps."""
    return status(error) == "429"


def is_timeout(error: Exception) -> bool:
    """Whether an error means that the server did not answer in time. It may still have taken the item."""
    return "failed with timeout exception" in str(error) or "Read timed out" in str(error)


def is_gone(error: Exception) -> bool:
    """Whether an error means that a run was deleted or does not exist."""
    return "must be in the 'active' state" in str(error) or _code(error) == "RESOURCE_DOES_NOT_EXIST"


def _code(error: Exception) -> str:
    return str(getattr(error, "error_code", ""))
