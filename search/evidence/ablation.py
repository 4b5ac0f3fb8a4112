"""The plan of `afcl confirm --ablation`: a path from the best CL trial to the best trial of FCL, ACL and AFCL.

Each step switches one value from that of the start to that of the end, in the order η, γ, τ, learning rate. A value in
which the two trials agree has no step. If they differ in other values too, a last step switches all of these. Both ends
of the path are candidates of the confirmation. The configurations between them run on the same fresh seeds. The plan is
on disk before the test split opens.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from search.evidence.candidates import ABLATION, Candidate, plan_in
from search.journal.history import Trial
from search.journal.labels import short, symbol
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError
from trainers.loss_config import CONTRASTIVE
from trainers.older_configs import as_meant_then

ORDER = ("loss.eta", "loss.gamma", "loss.temperature", "representation.lr")
START = "CL"
OF_THE_SEED = ("seed", "data.seed")  # these differ from run to run, so no step switches them
REST = "the rest"


@dataclass(frozen=True)
class Switch:
    """One step of an ablation's path."""

    label: str  # what this step switches, such as + η = 12.3
    changes: dict[str, Any]  # dotted path (loss.eta) -> new value, for all that this and the earlier steps switched


@dataclass(frozen=True)
class Ablation:
    """A path from one candidate to another.

    The last step leads to the candidate `end`, so only the configurations of the other steps need runs of their own.
    """

    start: str  # the label of the candidate where the path starts
    end: str  # the label of the candidate where the path ends
    trial: int  # the number of the start's trial in the search
    steps: tuple[Switch, ...]

    @property
    def between(self) -> tuple[Switch, ...]:
        """All steps but the last, whose configuration is that of the candidate `end`."""
        return self.steps[:-1]

    def in_words(self) -> str:
        """The path in words: from CL to AFCL by + η = 12, + γ = 2."""
        return f"from {self.start} to {self.end} by {', '.join(step.label for step in self.steps)}"


def ablation_of(chosen: Sequence[Candidate], trials: Mapping[int, Trial]) -> Ablation:
    """The path from the best CL trial to the best trial of FCL, ACL and AFCL.

    Args:
        chosen: the confirmation's candidates, best first.
        trials: the search's trials, by number.

    Raises:
        InputError: CL is no candidate, or none of FCL, ACL and AFCL is, because no such trial finished; or both ends of
            the path have the same configuration.
    """
    start = next((one for one in chosen if one.label == START), None)
    end = next((one for one in chosen if one.label in CONTRASTIVE and one.label != START), None)
    if start is None or end is None:
        missing = START if start is None else " nor ".join(label for label in CONTRASTIVE if label != START)
        raise InputError(f"--ablation: no trial of {missing} has finished, so there is no path from CL to a winner")
    # an older version's trial may lack fields of a trial by which a newer one extended the search
    before, after = (_leaves(as_meant_then(trials[one.trial].config)) for one in (start, end))
    differing = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    differing = [path for path in differing if path not in OF_THE_SEED]
    switched = [[path] for path in ORDER if path in differing]
    if rest := [path for path in differing if path not in ORDER]:
        switched.append(rest)
    steps: list[Switch] = []
    changes: dict[str, Any] = {}
    for paths in switched:
        changes |= {path: after.get(path) for path in paths}
        label = REST if paths == rest else f"{symbol(paths[0])} = {short(after.get(paths[0]))}"
        steps.append(Switch(f"+ {label}", dict(changes)))
    if not steps:
        raise InputError(f"--ablation: {START} and {end.label} have the same configuration")
    return Ablation(start.label, end.label, start.trial, tuple(steps))


def changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a trial's config with new values. `changes` has the values by dotted path, such as loss.eta."""
    made = deepcopy(dict(config))
    for path, value in changes.items():
        *sections, name = path.split(".")
        inside = made
        for section in sections:
            inside = inside.setdefault(section, {})
        inside[name] = value
    return made


def as_plan(ablation: Ablation) -> dict[str, Any]:
    """The ablation as plain values, for the plan in a confirmation's search.json (written before anything runs)."""
    return {
        "start": ablation.start,
        "end": ablation.end,
        "trial": ablation.trial,
        "steps": [vars(step) for step in ablation.steps],
    }


def read_ablation(folder: SearchFolder) -> Ablation | None:
    """The ablation in a confirmation's plan; None if none was planned. Plans of older versions have none."""
    kept = (plan_in(folder.about()) or {}).get(ABLATION)
    if kept is None:
        return None
    return Ablation(kept["start"], kept["end"], kept["trial"], tuple(Switch(**step) for step in kept["steps"]))


def _leaves(config: Mapping[str, Any], stem: str = "") -> dict[str, Any]:
    """All values of a nested config, by dotted path. Each path begins with `stem`."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        path = f"{stem}{name}"
        found |= _leaves(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found
