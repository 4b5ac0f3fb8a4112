"""A sampler of the user's own: the function's signature (`Sampler`), calls of it, and a check of what it proposes.

The function is called for each proposal, with the trials so far and a seed that depends on the search's seed and the
proposal's number. So a search that was killed and resumed proposes the same values as an uninterrupted one.
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
        values: the searched values by path, such as loss.eta. If loss.name is searched, only the fields that the
            trial's loss uses.
        state: "finished", "stopped", "failed" or "running". "stopped": ASHA stopped the trial, or would have stopped
            it if the trial were not exempt; such a trial is shown as it was at that epoch. "failed": the trial's values
            made it fail, for example by a loss that diverged.
        value: of a finished trial, the value that ranks it; else the search's measure at the last epoch in `by_epoch`;
            None for a failed trial or before the first epoch. Larger is better.
        by_epoch: the search's measure at each epoch; empty for a failed trial.
        number: the trial's number. Trials of an older search (--from) come first, with their numbers in that search.
    """

    values: Mapping[str, Value]
    state: ToldState
    value: float | None
    by_epoch: Mapping[int, float] = field(default_factory=dict)
    number: int = 0


class Sampler(Protocol):
    """A function that proposes a trial.

    Its import path, such as `mypkg:propose`, is given as search.sampler. The result may depend on the arguments only:
    the function keeps nothing between two calls, reads no clock, and draws at random only from a generator that `seed`
    begins, such as numpy.random.default_rng(seed).

    Args:
        space: the range of each searched field, by path; see spaces.ranges. `range.sample(generator)` draws a value,
            and `range.contains(value)` says whether a value is in the range. With search.per_family these are the
            ranges of one family.
        told: the trials so far whose values are in the space, the oldest first. Trials that crashed for another reason
            than their values are left out. With search.per_family these are the trials of one family.
        seed: the seed of this call, which depends on the search's seed and the proposal's number.

    Returns:
        A value for each field of `space`. If loss.name is among them, only the fields that the proposed loss uses.
    """

    def __call__(self, space: Space, told: Sequence[Told], *, seed: int) -> Mapping[str, Value]: ...  # noqa: D102


def propose(
    name: str, space: Space, trials: Iterable[Trial], *, metric: str, seed: int, number: int
) -> dict[str, Value]:
    """The values that a sampler of the user's own proposes for the next trial, by path.

    Args:
        name: the sampler's import path, with or without a hash.
        space: the range of each searched field, by path.
        trials: the trials so far.
        metric: the name of the search's measure among a trial's metrics; larger is better.
        seed: the search's seed.
        number: the number of the next trial; with search.per_family, its position in its family's own search.

    Raises:
        InputError: the sampler is not on this machine, raises an error, or proposes values outside the space. The
            message has one line.
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
    """A NumPy number as a Python number, as the journal cannot hold NumPy's; any other value unchanged."""
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def refuse_outside(space: Space, values: Mapping[str, Value], where: str) -> None:
    """Raise InputError unless `values` has a value in the range of each active field, and no other value.

    A field is active if the loss that `values` names uses it. `where` begins the message.
    """
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
    """A trial as a sampler sees it; None if its values are outside the space, or if it failed for another reason."""
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
    """Test a sampler before the first trial. It is called twice without trials, and twice with trials of every state.

    Raises:
        InputError: for the reasons of `propose`, or because two calls with the same arguments propose different values.
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
