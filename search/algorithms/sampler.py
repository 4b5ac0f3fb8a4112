"""What to try next: Optuna's samplers, given every trial as optuna_trials describes.

`propose` depends only on the space, the trials so far and a seed, and makes a new study at every ask. So a search that
was killed and resumed proposes what it would have proposed without the interruption.
"""

import warnings
from collections.abc import Iterable, Sequence
from statistics import median

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.known_trials import KnownTrials, ToldStorage
from search.algorithms.optuna_trials import WORST, Space, suggest_all
from search.algorithms.startup import draw, draws_before
from search.journal.history import Trial, Value, kind_of
from trainers.loss_config import Family
from trainers.seeds import derive_seed

LIKELY_TO_FAIL = 0.2  # a proposal with at least this probability of failing is drawn again,
MOST_DRAWS = 8  # and it is drawn this often at most; then the draw that is least likely to fail is tried


def propose(
    space: Space,
    history: Iterable[Trial],
    *,
    sampler: str,
    metric: str,
    seed: int,
    number: int,
    slots: int = 1,
    known: KnownTrials | None = None,
) -> dict[str, Value]:
    """Values of the searched fields for one trial.

    Args:
        space: the searched fields by path.
        history: the trials so far.
        sampler: tpe, gp or random; the grid is in grid.py.
        metric: the key of the deciding value among a trial's metrics; larger is better.
        seed: the search's seed.
        number: the trial's number.
        slots: how many trials run at once. With more slots, TPE waits for more random trials before it starts.
        known: from `known_trials` for this space and sampler. It keeps the work of earlier asks, which saves time and
            does not change the values.
    """
    derived = derive_seed(seed, "ask", number)
    if sampler == "random":
        return draw(space, seed, number)
    known = known or known_trials(space, sampler, metric)
    told = known.told(history)
    if sampler == "gp":
        told = as_full_length(told)
    drawn: list[tuple[float, dict[str, Value]]] = []
    for attempt in range(MOST_DRAWS):
        values = _ask(space, told, sampler, derived if attempt == 0 else derive_seed(derived, "again", attempt), slots)
        drawn.append((known.feasibility.chance_of_failing(values), values))
        if drawn[-1][0] < LIKELY_TO_FAIL:
            break
    return min(drawn, key=lambda one: one[0])[1]


def _ask(space: Space, told: list[FrozenTrial], sampler: str, seed: int, slots: int) -> dict[str, Value]:
    study = optuna.create_study(storage=ToldStorage(told), direction="maximize", sampler=_sampler(sampler, seed, slots))
    trial = study.ask()
    return suggest_all(trial, space, _needs_one_coordinate(sampler))


def known_trials(space: Space, sampler: str, metric: str) -> KnownTrials:
    """An empty memory of a space's trials, for `propose`."""
    return KnownTrials(space, metric, one_coordinate=_needs_one_coordinate(sampler))


def _needs_one_coordinate(sampler: str) -> bool:
    return sampler == "gp"  # it needs a fixed space, and would draw conditional values independently


def _sampler(name: str, seed: int, slots: int) -> optuna.samplers.BaseSampler:
    draws = draws_before(name, slots)
    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False, n_startup_trials=draws)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # for multivariate and group
        return optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            constant_liar=True,
            n_startup_trials=draws,
        )


def as_full_length(told: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Turn stopped trials into complete ones, for samplers that learn from complete trials only, as Optuna's GP does.

    The score is the trial's last value plus the median gain, from that epoch to the end, of complete trials of the same
    kind: a head that is trained end to end gains more than a probe. A trial that its values made fail gets the worst
    score of all; if there is no score yet, it is left out.
    """
    complete = [trial for trial in told if trial.state == TrialState.COMPLETE]
    gains: dict[tuple[Family | None, int], float] = {}

    def gain_from(kind: Family | None, epoch: int) -> float:
        if (kind, epoch) not in gains:
            alike = [trial for trial in complete if _kind(trial) == kind]
            reached = [(trial.value, trial.intermediate_values.get(epoch)) for trial in alike]
            gained = [end - then for end, then in reached if end is not None and then is not None]
            gains[kind, epoch] = median(gained) if gained else 0.0
        return gains[kind, epoch]

    def score(trial: FrozenTrial) -> float | None:
        if trial.state == TrialState.COMPLETE:
            return trial.value
        if trial.state != TrialState.PRUNED or not trial.intermediate_values:
            return None
        epoch, value = max(trial.intermediate_values.items())
        return value + gain_from(_kind(trial), epoch)

    scores = [score(trial) for trial in told]
    worst = min((value for value in scores if value is not None and value > WORST / 2), default=None)
    rewritten = []
    for trial, value in zip(told, scores, strict=True):
        if value is None:
            rewritten.append(trial)
        elif worst is not None:
            rewritten.append(_completed(trial, max(value, worst)))
    return rewritten


def _kind(told: FrozenTrial) -> Family | None:
    return kind_of(told.user_attrs["family"])


def _completed(trial: FrozenTrial, score: float) -> FrozenTrial:
    made = optuna.trial.create_trial(value=score, params=trial.params, distributions=trial.distributions)
    made.number = trial.number
    return made
