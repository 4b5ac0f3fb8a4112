"""The plan of a path from CL to a winner: η, γ, τ and the learning rate switched one by one, each step a real run.

Both ends are candidates of the confirmation. What lies between them runs on the same fresh seeds. The order is fixed
and part of the plan, which is on disk before the test split opens.
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

ORDER = ("loss.eta", "loss.gamma", "loss.temperature", "representation.lr")
START = "CL"
OF_THE_SEED = ("seed", "data.seed")
REST = "the rest"


@dataclass(frozen=True)
class Switch:
    """One step: what is switched, and all that differs from the start's configuration after it, by dotted path."""

    label: str  # + η = 12.3
    changes: dict[str, Any]


@dataclass(frozen=True)
class Ablation:
    """A path. Its last step arrives at the end, which is a candidate; the steps before it run on their own."""

    start: str  # labels of candidates
    end: str
    trial: int  # the start's number in the search
    steps: tuple[Switch, ...]

    @property
    def between(self) -> tuple[Switch, ...]:
        """The steps that are no candidate."""
        return self.steps[:-1]

    def in_words(self) -> str:
        """From CL to AFCL by + η = 12, + γ = 2."""
        return f"from {self.start} to {self.end} by {', '.join(step.label for step in self.steps)}"


def ablation_of(chosen: Sequence[Candidate], trials: Mapping[int, Trial]) -> Ablation:
    """The path from the best CL to the best of the other contrastive losses.

    Args:
        chosen: the confirmation's candidates, best first.
        trials: the search's, by number.

    Raises:
        InputError: one of the two has not finished.
    """
    start = next((one for one in chosen if one.label == START), None)
    end = next((one for one in chosen if one.label in CONTRASTIVE and one.label != START), None)
    if start is None or end is None:
        missing = START if start is None else " nor ".join(label for label in CONTRASTIVE if label != START)
        raise InputError(f"--ablation: no trial of {missing} has finished, so there is no path from CL to a winner")
    before, after = _leaves(trials[start.trial].config), _leaves(trials[end.trial].config)
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
    """A trial's config with other values at these dotted paths."""
    made = deepcopy(dict(config))
    for path, value in changes.items():
        *sections, name = path.split(".")
        inside = made
        for section in sections:
            inside = inside.setdefault(section, {})
        inside[name] = value
    return made


def as_plan(ablation: Ablation) -> dict[str, Any]:
    """The path as a confirmation's folder records it, before anything runs."""
    return {
        "start": ablation.start,
        "end": ablation.end,
        "trial": ablation.trial,
        "steps": [vars(step) for step in ablation.steps],
    }


def read_ablation(folder: SearchFolder) -> Ablation | None:
    """The path that a confirmation planned; None if it planned none, as those of older versions."""
    kept = (plan_in(folder.about()) or {}).get(ABLATION)
    if kept is None:
        return None
    return Ablation(kept["start"], kept["end"], kept["trial"], tuple(Switch(**step) for step in kept["steps"]))


def _leaves(config: Mapping[str, Any], stem: str = "") -> dict[str, Any]:
    """All values by their dotted paths."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        path = f"{stem}{name}"
        found |= _leaves(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found
