"""Load samplers by import path, those of this package (`OURS`) and a user's own, and ask them for the next trial.

A sampler is a function of the space, the trials so far and a seed (`Sampler`). The seed depends on the search's seed
and the proposal's number, so a search that was killed and resumed proposes the same values as an uninterrupted one. A
sampler of the user's own is tried before the first trial (`try_sampler`).
"""

from collections.abc import Container, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from search.algorithms.told import Space, Told, ToldState, ToldTrials, without
from search.journal.history import History, Value
from spaces.conditions import active
from spaces.sections import SearchConfig
from trainers.errors import InputError
from trainers.loss_config import Family
from trainers.own_parts import MARK, load_part, parameters_of
from trainers.seeds import derive_seed
from trainers.wording import did_you_mean, printable, shown

if TYPE_CHECKING:
    from search.algorithms.known_curves import KnownCurves

FIELD = "search.sampler"
OURS = {  # the value of search.sampler: the import path of the sampler; none is imported before it is asked
    "tpe": "search.algorithms.tpe:propose",
    "gp": "search.algorithms.gp:propose",
    "curves": "search.algorithms.curves:propose",
    "random": "search.algorithms.random_search:propose",
    "grid": "search.algorithms.grid:propose",
}
ASKED = ("slots", "search", "tried", "memory", "epochs")  # parameters that are passed to a sampler that has them
EACH_STATE: tuple[ToldState, ...] = ("finished", "stopped", "failed", "running", "paused", "finished")


class Sampler(Protocol):
    """A function that proposes a trial.

    Its import path, such as `mypkg:propose`, is given as search.sampler. The result may depend on the arguments only:
    the function reads no clock, and draws at random only from a generator that `seed` begins, such as
    numpy.random.default_rng(seed). Parameters of these five names are passed too, if the function has them:

        slots: how many trials run at once.
        search: the section `search` of the spec; see spaces.sections.SearchConfig.
        tried: the values of each trial of this search that is no baseline, in their order, whatever became of them.
            `told` lacks trials that crashed, and those outside the space.
        memory: a dict that is the same at each call, for work that need not be done again, such as a conversion of each
            trial. It must not change what is proposed: a resumed search begins with an empty one.
        epochs: those of the rungs, ascending, then a trial's last epoch.

    Args:
        space: the range of each searched field, by path; see spaces.ranges. `range.sample(generator)` draws a value,
            and `range.contains(value)` says whether a value is in the range. With search.per_family these are the
            ranges of one family, which has a memory of its own.
        told: the trials so far whose values are in the space, the oldest first. Trials that crashed for another reason
            than their values are left out. With search.per_family these are the trials of one family.
        seed: the seed of this call, which depends on the search's seed and the proposal's number.

    Returns:
        A value for each field of `space`. If loss.name is among them, only the fields that the proposed loss uses.
    """

    def __call__(self, space: Space, told: Sequence[Told], /, *, seed: int, **asked: Any) -> Mapping[str, Value]: ...  # noqa: D102


class BoundSampler:
    """A sampler at work on one space of a search, with its memory. An ask looks at no trial twice that has ended.

    Args:
        space: the range of each searched field, by path.
        search: the section `search` of the spec, which names the sampler: one of OURS, or an import path with or
            without a hash.
        metric: the name of the search's measure among a trial's metrics; larger is better.
        history: the search's trials, and those of the older one that it starts from.
        families: the sampler is told of the trials of these families.
        slots: how many trials run at once.
        fixed: values by path that all these trials have. The sampler neither sees nor chooses them.
        epochs: those of the rungs, ascending, then a trial's last epoch.

    Raises:
        InputError: the sampler is not on this machine, or is no function. The message has one line.
    """

    def __init__(
        self,
        space: Space,
        search: SearchConfig,
        metric: str,
        history: History,
        *,
        families: Container[Family],
        slots: int,
        fixed: Mapping[str, Value],
        epochs: Sequence[int],
    ) -> None:
        self._space, self._history, self._families, self._fixed = space, history, families, fixed
        self._call = _Call(search.sampler)
        self._told = ToldTrials(space, metric, fixed)
        memory: dict[str, Any] = {}
        self._offered = {"slots": slots, "search": search, "memory": memory, "epochs": tuple(epochs)}
        # the sampler `curves` and what is expected of paused trials share a model
        self._curves, self._epochs, self._metric = memory if search.sampler == "curves" else {}, tuple(epochs), metric
        self._trials = [trial for trial in history.known if trial.family in families]
        self._older = len(self._trials)  # how many of these are an older search's
        self._tried: list[Mapping[str, Value]] = []
        self._seen = 0  # how many of the search's trials were looked at for the two lists above

    def propose(self, *, seed: int, number: int) -> dict[str, Value]:
        """The values of the next trial by path, the fixed ones included.

        Args:
            seed: the search's seed.
            number: the number of the next trial; with search.per_family, its position in its family's own search.

        Raises:
            InputError: a sampler of the user's own raises an error, or the proposed values are not in the space. The
                message has one line.
        """
        told = self._told_now()
        offered = {**self._offered, "tried": [*self._tried]}
        proposed = self._call(self._space, told, seed_of_ask(seed, number), offered, f"asked for trial {number}")
        return {**self._fixed, **proposed}

    def expected(self, numbers: Sequence[int]) -> list[tuple[float, float]] | None:
        """What trials of these numbers are expected to score at their ends: the means and standard deviations.

        They are those of the model of all learning curves (search.algorithms.curve_model); None while it has too few
        trials. The model knows no trial outside the space. Of such a one that has finished, as a baseline may be, its
        own value is given; of one that has not, what is expected at the nearest place in the space.
        """
        told = self._told_now()
        known = self._known_curves()
        model = known.model(told)
        if model is None:
            return None
        running = known.places([trial.values for trial in self._told.going_on() if trial.state == "running"])
        trials = [self._history.trials[number] for number in numbers]
        places = known.places([without(self._fixed, trial.values) for trial in trials])
        mean, deviation = model.predict(places, running)
        finished = {trial.number for trial in trials if trial.state == "finished"}
        outside = finished.difference(trial.number for trial in told if trial.place >= self._older) if finished else ()
        return [
            (trial.epochs[trial.epoch][self._metric], model.luck)
            if trial.number in outside
            else (float(mean[at]), float(deviation[at]))
            for at, trial in enumerate(trials)
        ]

    def luck(self) -> float:
        """What a trial's score at its end varies by luck, as a standard deviation. Only where something is expected."""
        model = self._known_curves().model(self._told_now())
        assert model is not None, "something is expected"
        return model.luck

    def _known_curves(self) -> "KnownCurves":
        """What the model of learning curves is made of."""
        from search.algorithms.known_curves import known_curves  # imported only here: it takes half a second

        return known_curves(self._space, self._curves, self._epochs)

    def _told_now(self) -> list[Told]:
        """The trials so far, as the sampler sees them."""
        fresh = [one for one in islice(self._history.trials.values(), self._seen, None) if one.family in self._families]
        self._seen = len(self._history.trials)
        self._trials += fresh
        self._tried += [without(self._fixed, trial.values) for trial in fresh if not trial.baseline]
        return self._told.of(self._trials)


def seed_of_ask(seed: int, number: int) -> int:
    """The seed of one ask, from the search's seed and the trial's number."""
    return derive_seed(seed, "ask", number)


class _Call:
    """A sampler as it is called: it gets what it asks for, and what it proposes is checked."""

    def __init__(self, name: str) -> None:
        self._name, self.path = name, name.partition(MARK)[0]
        self._sampler = load_part(FIELD, OURS.get(name, name))
        if not callable(self._sampler):
            raise InputError(f"{FIELD}: {self.path} must be a function, but is {type(self._sampler).__name__}")
        self.asks = frozenset(ASKED) & parameters_of(self._sampler, 2).keys()

    def __call__(
        self, space: Space, told: Sequence[Told], seed: int, offered: Mapping[str, Any], when: str
    ) -> dict[str, Value]:
        """What the sampler proposes. `offered` has a value for each name in `asks`; `when` is a part of messages."""
        where = f"{FIELD}: {self.path}, {when},"
        try:
            proposed = self._sampler(dict(space), told, seed=seed, **{name: offered[name] for name in self.asks})
        except Exception as error:  # a user's code may raise anything
            if self._name in OURS:
                raise
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


def try_sampler(space: Space, search: SearchConfig) -> None:
    """Test a search's sampler before the first trial.

    It is called twice without trials, and twice with trials of every state. The first of two calls has the memory of
    earlier calls, the second an empty one.

    Raises:
        InputError: for the reasons of `BoundSampler.propose`, or because two calls with the same arguments propose
            different values, or because what is in the memory changes the proposal.
    """
    import numpy as np

    call, draws = _Call(search.sampler), np.random.default_rng(0)
    told = [
        Told(
            _drawn(space, draws),
            state,
            None if state == "failed" else 0.5 + place / 100,
            {} if state == "failed" else {1: 0.5},
            number=place,
            place=place,
            ended=state not in ("running", "paused"),
        )
        for place, state in enumerate(EACH_STATE)
    ]
    when, memory = "tried before the first trial", dict[str, Any]()
    for known in ([], told):
        offered = {"slots": 1, "search": search, "tried": [one.values for one in known], "epochs": (2, 6)}
        first, again = (
            call(space, known, seed_of_ask(search.seed, 0), {**offered, "memory": kept}, when) for kept in (memory, {})
        )
        if first != again:
            hint = ", and let its memory change nothing" if "memory" in call.asks else ""
            raise InputError(
                f"{FIELD}: {call.path}, {when}, proposes other values at a second call; draw from its argument seed "
                f"alone{hint}"
            )


def _drawn(space: Space, draws: Any) -> dict[str, Value]:
    values = {path: range_.sample(draws) for path, range_ in space.items()}
    return {path: values[path] for path in active(space, values)}
