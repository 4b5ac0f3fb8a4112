"""What a search tries, trial by trial: first the baselines, then what the sampler proposes.

An agenda is a function of the trials so far: a driver that goes on from a journal asks what the dead one would have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from search.algorithms.grid import grid_point, grid_size
from search.journal.history import History, Trial, Value
from spaces.ranges import Range
from spaces.sections import FAMILIES, Family
from spaces.spec import SearchSpec
from trainers.config import TrialConfig


@dataclass(frozen=True)
class Question:
    """One trial to run."""

    values: dict[str, Value]  # the searched fields by path
    config: TrialConfig
    baseline: bool = False
    note: str = ""


class Agenda(Protocol):
    """All that is to be tried, in order."""

    def planned(self, history: History) -> int:
        """How many trials there are to be, those that have run included."""

    def question(self, number: int, history: History) -> Question:
        """Trial `number`, given what is known so far."""


class SearchAgenda:
    """The agenda of a spec. slots: how many trials run at once."""

    def __init__(self, spec: SearchSpec, slots: int) -> None:
        self._spec, self._slots = spec, slots

    def planned(self, history: History) -> int:
        """Baselines, the spec's trials, and those that the search was extended by."""
        return planned_trials(self._spec, history.extra)

    def question(self, number: int, history: History) -> Question:
        """A baseline, or the sampler's next proposal."""
        spec, baselines = self._spec, self._spec.search.baselines
        if number < len(baselines):
            name = baselines[number]
            return Question(spec.baseline_values(name), spec.baseline(name), baseline=True)
        index = number - len(baselines)
        if spec.search.per_family:
            values = self._of_a_family(FAMILIES[index % len(FAMILIES)], index // len(FAMILIES), history)
        elif spec.search.sampler == "grid":
            values = grid_point(spec.space, spec.search.grid_points, index)
        else:
            values = self._proposed(number, [*history.known, *history.trials.values()])
        return Question({path: values[path] for path in spec.space}, spec.trial_config(values))

    def _of_a_family(self, family: Family, index: int, history: History) -> dict[str, Value]:
        """Proposal `index` of one family's own search, which knows its own trials alone.

        The draws depend on `index`, not on the family: the four searches are matched by seed.
        """
        ranges, fixed = self._spec.family_space(family)
        of_family = [trial for trial in (*history.known, *history.trials.values()) if trial.family == family]
        return fixed | self._proposed(index, of_family, ranges)

    def _proposed(self, number: int, trials: list[Trial], space: Mapping[str, Range] | None = None) -> dict[str, Value]:
        from search.algorithms.sampler import (
            propose,  # a second, for Optuna: who only counts what is planned needs none of it
        )

        search = self._spec.search
        return propose(
            self._spec.space if space is None else space,
            trials,
            sampler=search.sampler,
            metric=search.metric_key,
            seed=search.seed,
            number=number,
            slots=self._slots,
        )


def planned_trials(spec: SearchSpec, extra: int = 0) -> int:
    """Baselines, and what the sampler proposes, `extra` more than the spec says.

    A grid may have fewer points than trials were asked for; with a search for each family, each has them all.
    """
    proposed = spec.search.trials + extra
    if spec.search.sampler == "grid":
        proposed = min(proposed, grid_size(spec.space, spec.search.grid_points))
    return len(spec.search.baselines) + proposed * (len(FAMILIES) if spec.search.per_family else 1)
