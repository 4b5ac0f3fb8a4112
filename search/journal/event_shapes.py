"""The fields that each kind of journal line must have, so that a damaged line is reported with its number.

Only fields that the replay and its readers use are checked; other fields may come from a later version.
"""

from collections.abc import Callable
from typing import Any

from search.journal.log import Event
from trainers.loss_config import FAMILIES, own_family
from trainers.own_parts import is_path

Check = Callable[[Any], bool]
LARGEST = 1e300  # numbers must be below this in magnitude, so that their sums stay finite
ENDS, ACTIONS = ("finished", "stopped", "failed"), ("continue", "stop", "spare", "pause")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_value(value: Any) -> bool:
    return isinstance(value, bool) or _is_number(value) or _is_text(value)


def _is_metrics(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_values(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_value, value.values()))


def _is_config(value: Any) -> bool:
    """Whether the value is a configuration with a sound loss; its other sections are not checked.

    A loss without a name is the AFCL, which needs its parameters.
    """
    if not isinstance(value, dict) or not isinstance(value.get("loss"), dict):
        return False
    loss = value["loss"]
    if loss.get("name", "afcl") != "afcl":
        return _is_text(loss["name"])
    return all(_is_number(loss.get(name)) for name in ("eta", "gamma", "temperature"))


def _is_family(family: str, loss: dict[str, Any]) -> bool:
    """Whether `family` fits the loss of a configuration: the family of the user's own loss, else one of `FAMILIES`."""
    name = loss.get("name", "afcl")
    return family == own_family(name) if is_path(name) else family in FAMILIES


def _is_judgement(value: Any) -> bool:
    """Whether the value is a trial's number, and the mean and deviation of its expected score."""
    return isinstance(value, list) and len(value) == 3 and _is_count(value[0]) and all(map(_is_number, value[1:]))


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(*known: str) -> Check:
    return lambda value: isinstance(value, str) and value in known


_DECISION: dict[str, Check] = {
    "trial": _is_count,
    "epoch": _is_count,
    "rung": _is_count,
    "value": _is_number,
    "cutoff": _or_none(_is_number),
    "standing": _is_count,
    "action": _one_of(*ACTIONS),
}
_ASKED: dict[str, Check] = {
    "trial": _is_count,
    "family": _is_text,
    "baseline": lambda value: isinstance(value, bool),
    "values": _is_values,
    "config": _is_config,
    "time": _is_count,
}
NEEDED: dict[str, dict[str, Check]] = {
    "asked": _ASKED,
    "launched": {"trial": _is_count},
    "result": {"trial": _is_count, "epoch": _is_count, "metrics": _is_metrics},
    "decision": _DECISION,
    "end": {
        "trial": _is_count,
        "state": _one_of(*ENDS),
        "reason": _or_none(_is_text),
        "score": _or_none(_is_number),
        "time": _is_count,
    },
    "promoted": {
        "trial": _is_count,
        "epoch": _is_count,
        "came": _is_count,
        "gone": _is_count,
        "waiting": _is_count,
        "expected": _or_none(_is_number),
        "deviation": _or_none(_is_number),
    },
    "judged": {"trials": lambda value: isinstance(value, list) and all(map(_is_judgement, value))},
    "extended": {"trials": _is_count},
    "enough": {"trials": _is_count, "left": _is_count, "gain": _is_number, "noise": _is_number},
    "close": {"reason": _is_text},
    "known": {"trials": lambda value: isinstance(value, list)},
}
_ALL: dict[str, Check] = {"time": _is_count}
_MAY_HAVE: dict[str, Check] = {
    "up": _is_number,
    "note": _is_text,
    "bracket": _is_count,
    "slots": _is_count,
    "decided": _is_number,
}


def misshapen(event: Event) -> str | None:
    """The name of the first field that is missing or wrong in an event; None if all are right.

    For an unknown kind of event, only the time is checked, and the fields that any event may have.
    """
    needed = _ALL | NEEDED.get(event["event"], {})
    for name, check in needed.items():
        if name not in event or not check(event[name]):
            return name
    if event["event"] == "asked" and not _is_family(event["family"], event["config"]["loss"]):
        return "family"
    for name, check in _MAY_HAVE.items():
        if name in event and not check(event[name]):
            return name
    if event["event"] == "end" and event["state"] == "finished" and event["score"] is None:
        return "score"
    return None
