"""A sampler of the user's own: a pure function of the trials so far, and what it is given and may return.

It is asked anew for every trial, with a seed that depends on the search's seed and the trial's number. So a search that
was killed and goes on proposes what it would have proposed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from search.journal.history import Trial, Value
from spaces.conditions import active
from spaces.ranges import Range
from trainers.errors import InputError
from trainers.own_parts import MARK, load_part
from trainers.seeds import derive_seed
from trainers.wording import did_you_mean, printable, shown

FIELD = "search.sampler"
Space = Mapping[str, Range]
ToldState = Literal["finished", "stopped", "failed", "running"]
EACH_STATE: tuple[ToldState, ...] = ("finished", "stopped", "failed", "running", "finished")


@dataclass(frozen=True)
class Told:
    """An earlier trial, as a sampler sees it.

    Attributes:
        values: the searched values by path, such as loss.eta; with loss.name in the space, those that its loss uses.
        state: finished; stopped by ASHA, or exempt from it (then as it was where ASHA would have stopped it); failed
            because of its values, as a loss that diverged; running.
        value: what the search maximises, at the last epoch that counts; None where there is none yet, or it failed.
        by_epoch: the same by epoch.
        number: of the trial. Trials of an older search (--from) come first, with their numbers there.
    """

    values: Mapping[str, Value]
    state: ToldState
    value: float | None
    by_epoch: Mapping[int, float] = field(default_factory=dict)
    number: int = 0


class Sampler(Protocol):
    """A function that proposes a trial.

    `mypkg:propose` names such a function. It depends on its arguments alone: it keeps nothing between two calls, reads
    no clock and draws at random from `seed` alone, as in numpy.random.default_rng(seed).

    Args:
        space: the range of each searched field, by path; see spaces.ranges. `range.sample(generator)` draws from one,
            `range.contains(value)` says whether it holds a value. With search.per_family, those of one family.
        told: the trials so far in the space, by number. Crashes that values did not cause are left out.
        seed: depends on the search's seed and the trial's number.

    Returns:
        A value for each field of `space`; with loss.name in the space, for each field that the proposed loss uses.
    """

    def __call__(self, space: Space, told: Sequence[Told], *, seed: int) -> Mapping[str, Value]: ...  # noqa: D102


def propose(
    name: str, space: Space, trials: Iterable[Trial], *, metric: str, seed: int, number: int
) -> dict[str, Value]:
    """The values that a sampler of the user's own proposes.

    Args:
        name: its import path, with or without a hash.
        space: the searched fields by path.
        trials: the trials so far.
        metric: the key of the deciding value among a trial's metrics; larger is better.
        seed: of the search.
        number: of the trial.

    Raises:
        InputError: the sampler is not on this machine, raises an error, or proposes what is not in the space; one line.
    """
    sampler, path = load_part(FIELD, name), name.partition(MARK)[0]
    where = f"{FIELD}: {path}, asked for trial {number},"
    if not callable(sampler):
        raise InputError(f"{FIELD}: {path} must be a function, but is {type(sampler).__name__}")
    told = [one for trial in trials if (one := told_of(space, trial, metric)) is not None]
    return _asked(sampler, dict(space), told, derive_seed(seed, "ask", number), where)


def _asked(sampler: Callable[..., Any], space: Space, told: Sequence[Told], seed: int, where: str) -> dict[str, Value]:
    try:
        proposed = sampler(space, told, seed=seed)
    except Exception as error:  # a user's code may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"{where} raises {type(error).__name__}: {printable(said[:200])}") from None
    if not isinstance(proposed, Mapping):
        raise InputError(f"{where} must give a mapping of fields to values, but gave {type(proposed).__name__}")
    values = {str(path): _plain(value) for path, value in proposed.items()}
    refuse_outside(space, values, where)
    return values


def _plain(value: Any) -> Any:
    """A number of NumPy's as Python's; the journal has no others."""
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def refuse_outside(space: Space, values: Mapping[str, Value], where: str) -> None:
    """Raise InputError, which begins with `where`, unless the values are those of a trial in the space."""
    wanted = active(space, values)
    for path in values:
        if path not in wanted:
            hint = did_you_mean(path, list(wanted), else_all=False)
            raise InputError(f"{where} proposes {printable(path)}, which is not searched here{hint}")
    for path, range_ in wanted.items():
        if path not in values:
            raise InputError(f"{where} proposes no {path}")
        if not range_.contains(values[path]):
            raise InputError(f"{where} proposes {path} {shown(values[path])}, which is not in {range_.describe()}")


def told_of(space: Space, trial: Trial, metric: str) -> Told | None:
    """A trial as a sampler is told of it; None where it is outside the space, or crashed for no fault of its values."""
    try:
        refuse_outside(space, trial.values, "")
    except InputError:
        return None
    if trial.state == "failed":
        return Told(trial.values, "failed", None, {}, trial.number) if trial.failed_by_its_values else None
    last = trial.spared_at or trial.epoch
    by_epoch = {epoch: values[metric] for epoch, values in sorted(trial.epochs.items()) if epoch <= last}
    value = by_epoch[max(by_epoch)] if by_epoch else None
    if trial.state == "stopped" or trial.spared_at is not None:
        return Told(trial.values, "stopped", value, by_epoch, trial.number)
    if trial.state == "finished":
        return Told(trial.values, "finished", trial.merit, by_epoch, trial.number)
    return Told(trial.values, "running", value, by_epoch, trial.number)


def try_sampler(name: str, space: Space, seed: int) -> None:
    """Ask a sampler before the first trial: with no trials, and with some of each state; each time twice.

    Raises:
        InputError: see `propose`; or two calls with the same arguments propose different values.
    """
    import numpy as np

    sampler, where = load_part(FIELD, name), f"{FIELD}: {name.partition(MARK)[0]}, tried before the first trial,"
    if not callable(sampler):
        raise InputError(f"{where} must be a function, but is {type(sampler).__name__}")
    draws = np.random.default_rng(0)
    told = [
        Told(_drawn(space, draws), state, None if state == "failed" else 0.5 + k / 100, {1: 0.5}, k)
        for k, state in enumerate(EACH_STATE)
    ]
    for known in ([], told):
        first, again = (_asked(sampler, dict(space), known, derive_seed(seed, "ask", 0), where) for _ in range(2))
        if first != again:
            raise InputError(f"{where} proposes other values at a second call; draw from its argument seed alone")


def _drawn(space: Space, draws: Any) -> dict[str, Value]:
    values = {path: range_.sample(draws) for path, range_ in space.items()}
    return {path: values[path] for path in active(space, values)}
