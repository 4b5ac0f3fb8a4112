"""What a search tries, trial by trial: first the baselines, then what the sampler proposes.

An agenda depends only on the trials so far, so a driver that goes on from a journal tries what the dead one would have
tried.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from search.algorithms.asha import rung_epochs
from search.algorithms.grid import GridWalk, walk_of
from search.algorithms.random_search import draw_every
from search.algorithms.samplers import BoundSampler, seed_of_ask
from search.journal.history import History, Value, kind_of
from spaces.spec import SearchSpec
from trainers.config import TrialConfig
from trainers.loss_config import Family
from trainers.seeds import derive_seed


@dataclass(frozen=True)
class Question:
    """One trial to run."""

    values: dict[str, Value]  # the searched fields by path
    config: TrialConfig
    baseline: bool = False
    note: str = ""


class Agenda(Protocol):
    """The trials of a search, in order."""

    def planned(self, history: History) -> int:
        """How many trials there will be in all, including those that have run."""

    def question(self, number: int, history: History) -> Question:
        """Trial `number`, given what is known so far."""

    def expected(self, numbers: Sequence[int], history: History) -> list[tuple[float, float]] | None:
        """The means and standard deviations of what trials of one bracket are expected to score at their ends.

        None if too few trials are known for that.
        """

    def judged(self, history: History) -> list[tuple[int, float, float]]:
        """The finished trials that are ranked by all learning curves, with their expected scores and the deviations."""


class SearchAgenda:
    """The agenda of a spec: the baselines, the user's first guesses, then what the sampler proposes.

    Args:
        spec: the search's spec.
        slots: how many trials run at once.
    """

    def __init__(self, spec: SearchSpec, slots: int) -> None:
        self._spec, self._slots = spec, slots
        self._grid = grid_walk(spec) if spec.search.sampler == "grid" else None  # for first guesses
        self._samplers: dict[Family | None, BoundSampler] = {}  # by family with `per_family`, else under None
        self._history: History | None = None  # whose trials the samplers know

    def planned(self, history: History) -> int:
        """Baselines, the spec's trials, and those that the search was extended by; fewer if the rest is luck."""
        return planned_by_now(self._spec, history)

    def question(self, number: int, history: History) -> Question:
        """A baseline, a first guess, or the sampler's next proposal."""
        spec, baselines, first = self._spec, self._spec.search.baselines, self._spec.search.first
        if number < len(baselines):
            name = baselines[number]
            return Question(spec.baseline_values(name), spec.baseline(name), baseline=True)
        index = number - len(baselines)
        if index < len(first):
            values: dict[str, Value]
            if self._grid is not None:
                values = self._grid.first[index]
            else:
                drawn = draw_every(spec.space, seed_of_ask(_seed(spec, history), number))
                values = spec.guessed(drawn, first[index])
            return Question(values, spec.trial_config(values), note="first guess")
        if spec.search.per_family:
            family = spec.families[index % len(spec.families)]
            # draws depend on the proposal's position in its family and not on the family, so all families have the same
            values = self._proposed(index // len(spec.families), history, family)
        else:
            values = self._proposed(number, history)
        return Question({path: values[path] for path in spec.space if path in values}, spec.trial_config(values))

    def expected(self, numbers: Sequence[int], history: History) -> list[tuple[float, float]] | None:
        """By the model of learning curves of the search, or of the family that the trials belong to."""
        family = history.trials[numbers[0]].family if self._spec.search.per_family else None
        return self._sampler(history, family).expected(numbers)

    def judged(self, history: History) -> list[tuple[int, float, float]]:
        """Each finished trial of two stages, with the mean and deviation of its expected score by all curves.

        With `per_family` a family of which too few trials are known has no model: its trials' own values are given,
        with the luck of one score by another family's model. Empty if there is no model at all.
        """
        groups: defaultdict[Family | None, list[int]] = defaultdict(list)
        for trial in history.in_state("finished"):
            if kind_of(trial.family) is None:
                groups[trial.family if self._spec.search.per_family else None].append(trial.number)
        expected = {family: self.expected(numbers, history) for family, numbers in groups.items()}
        luck = max((self._sampler(history, family).luck() for family in groups if expected[family]), default=None)
        if luck is None:
            return []
        found: list[tuple[int, float, float]] = []
        for family, numbers in groups.items():
            ended = [history.trials[number].epochs[history.trials[number].epoch] for number in numbers]
            values = expected[family] or [(told[self._spec.deciding_key], luck) for told in ended]
            found += [(number, *one) for number, one in zip(numbers, values, strict=True)]
        return sorted(found)

    def _proposed(self, number: int, history: History, family: Family | None = None) -> dict[str, Value]:
        """A proposal of the search, or of one family's own search, which learns from this family's trials only."""
        return self._sampler(history, family).propose(seed=_seed(self._spec, history), number=number)

    def _sampler(self, history: History, family: Family | None) -> BoundSampler:
        spec = self._spec
        if self._history is not history:  # the trials of another search, as in a test
            self._samplers, self._history = {}, history
        if family not in self._samplers:
            space, fixed = (spec.space, {}) if family is None else spec.family_space(family)
            self._samplers[family] = BoundSampler(
                space,
                spec.search,
                spec.deciding_key,
                history,
                # a baseline may have all fields, but a loss that is not searched
                families=spec.families if family is None else (family,),
                slots=self._slots,
                fixed=fixed,
                epochs=(*rung_epochs(spec), spec.representation.epochs + spec.classifier.steps),
            )
        return self._samplers[family]


def _seed(spec: SearchSpec, history: History) -> int:
    """The seed of a search's draws. A search that starts from an older one has another seed, to draw other values."""
    if not history.known:
        return spec.search.seed
    return derive_seed(spec.search.seed, "from", len(history.known), history.known[0].asked_at)


def planned_trials(spec: SearchSpec, extra: int = 0) -> int:
    """How many trials a search has: its baselines, and what the sampler proposes, `extra` more than the spec says.

    On a grid, proposals are limited to its points and the guesses off it. With `per_family`, each family has as many.
    """
    proposed = spec.search.trials + extra
    if spec.search.sampler == "grid":
        grid = grid_walk(spec)
        proposed = min(proposed, grid.whole + grid.off)  # guesses off the grid are tried in addition
    return len(spec.search.baselines) + proposed * (len(spec.families) if spec.search.per_family else 1)


def planned_by_now(spec: SearchSpec, history: History, more: int = 0) -> int:
    """How many trials a search will have, with an extension by `more`.

    If the rest of its plan was luck, it has those that were begun till then, and those of later extensions.
    """
    if history.enough is None:
        return planned_trials(spec, history.extra + more)
    begun: int = history.enough["trials"]
    return begun + history.after_enough + more


def grid_walk(spec: SearchSpec) -> GridWalk:
    """The order in which a search on a grid tries its points."""
    return walk_of(spec.space, spec.search)
