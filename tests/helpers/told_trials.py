"""Trials as a history has them, for samplers to be told of."""

from search.algorithms.samplers import BoundSampler
from search.engine.controller import Conductor
from search.journal.history import History, Trial, Value
from spaces.ranges import Choice, IntUniform, LogUniform, Uniform, ZeroOr
from spaces.sections import SearchConfig
from trainers.config import METRIC

SPACE = {
    "loss.eta": ZeroOr(LogUniform(1, 300)),
    "loss.gamma": ZeroOr(Uniform(0.5, 10)),
    "loss.temperature": LogUniform(0.03, 1),
    "representation.batch_size": IntUniform(32, 256),
    "representation.optimizer": Choice(("adamw", "sgd")),
}


def trial_of(number, values=None, state="finished", score=0.7, epochs=3, baseline=False) -> Trial:
    values = values or {
        "loss.eta": 0.0,
        "loss.gamma": 2.0,
        "loss.temperature": 0.07,
        "representation.batch_size": 64,
        "representation.optimizer": "sgd",
    }
    trial = Trial(number, "FCL", baseline, values, {}, 0, state=state)
    trial.epochs = {epoch: {METRIC: score - 0.1 * (epochs - epoch)} for epoch in range(1, epochs + 1)}
    trial.score = score if state == "finished" else None
    return trial


def searched_by(sampler: str, **more) -> SearchConfig:
    """The section `search` of a spec with this sampler, whatever its name."""
    return SearchConfig(trials=30, **more).model_copy(update={"sampler": sampler})


def bound(sampler, space, history, *, slots=1, **more) -> BoundSampler:
    """A sampler that is told of all trials of a history."""
    search = searched_by(sampler, **more)
    return BoundSampler(
        space, search, METRIC, history, families=("FCL", "CE"), slots=slots, fixed={}, epochs=(2, 6, 16)
    )


def propose(sampler, space, trials, *, number, seed=0, slots=1) -> dict[str, Value]:
    """What a sampler proposes that has been asked for nothing before."""
    history = History(trials=dict(enumerate(trials)))
    return bound(sampler, space, history, slots=slots).propose(seed=seed, number=number)


def told_value(conductor: Conductor, value: float) -> dict[str, float]:
    """What a trial reports whose score, and what decides, is this value."""
    return {conductor.metric: value, conductor.deciding: value}


def values_of(number: int) -> dict[str, Value]:
    """Values of the searched fields, others for each number below 36."""
    return {
        "loss.eta": 0.0 if number % 3 == 0 else 1.0 + number,
        "loss.gamma": 0.0 if number % 2 == 0 else 0.5 + number / 10,
        "loss.temperature": 0.03 + number / 40,
        "representation.batch_size": 32 + number,
        "representation.optimizer": ("adamw", "sgd")[number % 2],
    }


def at(tau, number=0, *, by_values=None) -> Trial:
    """A trial with this temperature; `by_values` is for a failed one: whether its values were the cause."""
    trial = trial_of(number, values_of(number) | {"loss.temperature": tau})
    if by_values is not None:
        trial.state, trial.by_values = "failed", by_values
    return trial
