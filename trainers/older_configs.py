"""What a config means that an older version wrote: a field that it lacks has the value that was the only one then."""

from collections.abc import Mapping
from typing import Any

BEFORE_SPLIT_RULES = {"split_rules": 1}  # of `data`
BEFORE_THE_FINAL_STEP = {"final": None}  # of `search`


def as_meant_then(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a trial's config, or of a search's spec, that a search or an export has kept.

    What a search keeps is resolved: every field that there was is in it. So a field that is missing was not there yet,
    while in a user's file it has its default.
    """
    data, search = stored.get("data"), stored.get("search")
    if not isinstance(data, Mapping | None) or not isinstance(search, Mapping | None):
        return dict(stored)  # whoever checks it says so
    meant = {**stored, "data": {**BEFORE_SPLIT_RULES, **(data or {})}}
    return meant if search is None else {**meant, "search": {**BEFORE_THE_FINAL_STEP, **search}}
