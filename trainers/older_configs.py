"""Fill in configs of older versions: a field that was added later gets the value that those versions used."""

from collections.abc import Mapping
from typing import Any

from trainers.loss_config import END_TO_END

BEFORE_SPLIT_RULES = {"split_rules": 1}  # of `data`
BEFORE_NEWER_SEARCH_FIELDS = {"final": None, "decide_by": "metric", "baselines": ["CL", "FCL", "ACL"]}  # of `search`
BEFORE_SOLVERS = {"solver": "adamw"}  # of `classifier`; stage one's probe was another estimator
BEFORE_L2_RULES = {"l2_rules": 1}  # of `classifier` with the solver lbfgs and `l2: auto`


def as_meant_then(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the values of a trial's config, or of a search's spec, that a search or an export has stored.

    A stored config has every field that its version knew, so a missing field is newer than the config. (In a user's
    own file, a missing field has its default.) Returns a copy.
    """
    meant = dict(stored)
    lacking: dict[str, Mapping[str, Any]] = {"data": BEFORE_SPLIT_RULES}
    if _has_automatic_penalty(stored):
        lacking["classifier"] = BEFORE_L2_RULES
    elif not _has_one_stage(stored):
        lacking["classifier"] = BEFORE_SOLVERS
    for section, then in lacking.items():
        given = stored.get(section)
        if isinstance(given, Mapping | None):  # any other value is refused when the config is checked
            meant[section] = {**then, **(given or {})}
    if isinstance(search := stored.get("search"), Mapping):  # only specs have this section
        meant["search"] = {**BEFORE_NEWER_SEARCH_FIELDS, **search}
    return meant


def _has_automatic_penalty(stored: Mapping[str, Any]) -> bool:
    classifier = stored.get("classifier")
    given = classifier if isinstance(classifier, Mapping) else {}
    return given.get("solver") == "lbfgs" and given.get("l2", "auto") == "auto"


def _has_one_stage(stored: Mapping[str, Any]) -> bool:
    """Whether the stored config is of a trial that is trained end to end, and so may have no classifier section."""
    loss = stored.get("loss")
    return isinstance(loss, Mapping) and loss.get("name", "afcl") in END_TO_END.values()
