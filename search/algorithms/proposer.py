"""What a search tries, trial by trial: first the baselines, then what the sampler proposes.

An agenda depends only on the trials so far, so a driver that goes on from a journal tries what the dead one would have
tried.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from search.algorithms import own_sampler
from search.algorithms.grid import GridWalk
from search.algorithms.startup import draw, draw_every
from search.journal.history import History, Trial, Value
from spaces.ranges import Range
from spaces.spec import SearchSpec
from trainers.config import TrialConfig
from trainers.loss_config import Family
from trainers.own_parts import is_path
from trainers.seeds import derive_seed

if TYPE_CHECKING:
    from search.algorithms.known_trials import KnownTrials


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


class SearchAgenda:
    """The agenda of a spec: the baselines, the user's first guesses, then what the sampler proposes.

    Args:
        spec: the search's spec.
        slots: how many trials run at once.
    """

    def __init__(self, spec: SearchSpec, slots: int) -> None:
        self._spec, self._slots = spec, slots
        self._known: dict[Family | None, KnownTrials] = {}  # by family with `per_family`, else under None
        self._grid = grid_walk(spec) if spec.search.sampler == "grid" else None
        self._told: History | None = None  # the history whose first `_taken` trials the grid's walk knows
        self._taken = 0

    def planned(self, history: History) -> int:
        """Baselines, the spec's trials, and those that the search was extended by."""
        return planned_trials(self._spec, history.extra)

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
                values = spec.guessed(draw_every(spec.space, _seed(spec, history), number), first[index])
            return Question(values, spec.trial_config(values), note="first guess")
        if spec.search.per_family:
            family = spec.families[index % len(spec.families)]
            values = self._of_a_family(family, index // len(spec.families), history)
        elif self._grid is not None:
            values = self._next_grid_point(self._grid, history)
        else:
            searched = self._spec.families  # a baseline may have all fields, but a loss that is not searched
            told = [trial for trial in (*history.known, *history.trials.values()) if trial.family in searched]
            values = self._proposed(number, told, history)
        return Question({path: values[path] for path in spec.space if path in values}, spec.trial_config(values))

    def _next_grid_point(self, grid: GridWalk, history: History) -> dict[str, Value]:
        """The first point of the grid that no trial had. First guesses may have taken points out of order."""
        if self._told is not history:  # the trials of another search, as in a test
            self._grid, self._told, self._taken = (grid := grid_walk(self._spec)), history, 0
        fresh = list(itertools.islice(history.trials.values(), self._taken, None))
        self._taken += len(fresh)
        return grid.next_point(tuple(trial.values.values()) for trial in fresh if not trial.baseline)

    def _of_a_family(self, family: Family, index: int, history: History) -> dict[str, Value]:
        """Proposal `index` of one family's own search, which learns from this family's trials only.

        Random draws depend on `index` and not on the family, so that the searches of all families have the same draws.
        """
        ranges, fixed = self._spec.family_space(family)
        of_family = [
            # the values that define the family are left out, as the sampler does not choose them
            replace(trial, values={path: value for path, value in trial.values.items() if path not in fixed})
            for trial in (*history.known, *history.trials.values())
            if trial.family == family
        ]
        return fixed | self._proposed(index, of_family, history, family, ranges)

    def _proposed(
        self,
        number: int,
        trials: list[Trial],
        history: History,
        family: Family | None = None,
        space: Mapping[str, Range] | None = None,
    ) -> dict[str, Value]:
        search, space = self._spec.search, self._spec.space if space is None else space
        if search.sampler == "random":
            return draw(space, _seed(self._spec, history), number)
        if is_path(search.sampler):
            metric, seed = self._spec.deciding_key, _seed(self._spec, history)
            return own_sampler.propose(search.sampler, space, trials, metric=metric, seed=seed, number=number)
        # imports Optuna, which takes a second; counting trials and random draws do not need it
        from search.algorithms.sampler import known_trials, propose

        if family not in self._known:
            self._known[family] = known_trials(space, search.sampler, self._spec.deciding_key)
        return propose(
            space,
            trials,
            sampler=search.sampler,
            metric=self._spec.deciding_key,
            seed=_seed(self._spec, history),
            number=number,
            slots=self._slots,
            known=self._known[family],
        )


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


def grid_walk(spec: SearchSpec) -> GridWalk:
    """The order in which a search on a grid tries its points."""
    search = spec.search
    return GridWalk(spec.space, search.grid_points, search.trials, search.seed, search.first)
