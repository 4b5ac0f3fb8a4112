"""What a config means that an older version wrote: a field that it lacks has the value that was the only one then."""

from collections.abc import Mapping
from typing import Any

BEFORE_SPLIT_RULES = {"split_rules": 1}  # of `data`
BEFORE_NEWER_SEARCH_FIELDS = {"final": None, "decide_by": "metric", "baselines": ["CL", "FCL", "ACL"]}  # of `search`
BEFORE_SOLVERS = {"solver": "adamw"}  # of `classifier`; stage one's probe was an estimator of its own


def as_meant_then(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a trial's config, or of a search's spec, that a search or an export has kept.

    What a search keeps is resolved: every field that there was is in it. So a field that is missing was not there yet,
    while in a user's file it has its default.
    """
    meant = dict(stored)
    lacking: dict[str, Mapping[str, Any]] = {"data": BEFORE_SPLIT_RULES}
    if not _has_one_stage(stored):
        lacking["classifier"] = BEFORE_SOLVERS
    for section, then in lacking.items():
        given = stored.get(section)
        if isinstance(given, Mapping | None):  # else whoever checks it says so
            meant[section] = {**then, **(given or {})}
    if isinstance(search := stored.get("search"), Mapping):  # of a spec; a trial's config has none
        meant["search"] = {**BEFORE_NEWER_SEARCH_FIELDS, **search}
    return meant


def _has_one_stage(stored: Mapping[str, Any]) -> bool:
    """Whether a trial is trained end to end: it has no classifier to speak of."""
    loss = stored.get("loss")
    return isinstance(loss, Mapping) and loss.get("name", "afcl") != "afcl"
