"""Which searched fields distinguish the best trials: Optuna's PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255).

PED-ANOVA compares how the best and all finished trials are distributed over each field, so a field does not look
important because the sampler preferred some of its values. The method draws no random numbers. To show how much depends
on single trials, it is repeated `REPEATS` times, each time with other trials left out, which are drawn by seed.
"""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import quantiles

import plotly.graph_objects as go

from search.journal.history import Trial
from search.journal.labels import symbol
from search.reporting.context import View, words
from search.reporting.html import Figure, Section, paragraph
from spaces.conditions import SWITCH, active
from spaces.ranges import Range
from trainers.seeds import derive_seed

FEWEST = 8  # the fewest finished trials from which importances are computed
BEST = 5  # at least this many trials count as the best, as Optuna's manual advises; of fewer than ten, half do
REPEATS = 30
LEFT_OUT = 0.2
COLOUR = "#5778a4"
TOO_WIDE = 0.6  # a longer whisker would say nothing, as shares lie between 0 and 1


@dataclass(frozen=True)
class Importance:
    """A field's share of the total importance, and the ends of the middle 80 % of its shares in the repetitions."""

    path: str
    share: float
    low: float
    high: float


def importances(view: View) -> Section | None:
    """A bar for each searched field; a sentence if too few trials have finished, or if the best do not stand out.

    None if fewer than two fields are searched.
    """
    if len(view.spec.space) < 2:
        return None
    space, trials = measured_fields(view)
    of_loss = f" with loss.name: {trials[0].config['loss']['name']}" if SWITCH in view.spec.space and trials else ""
    if len(trials) < FEWEST:
        text = f"Too few trials have finished within the space to say: {len(trials)}{of_loss}, and {FEWEST} are needed."
        return Section("Importances", paragraph(text))
    found = measure(view, trials, space)
    if all(math.isclose(each.share, found[0].share) for each in found):
        text = (
            f"Nothing to say: so many of the {len(trials)} finished trials share a score that the best of them are not "
            f"set apart from the others."
        )
        return Section("Importances", paragraph(text))
    text = (
        f"How far each field sets the best {_quantile(len(trials)):.0%} of the {len(trials)} finished trials{of_loss} "
        f"apart from all of them (PED-ANOVA); the shares add up to 1. Stopped trials have no part. The whiskers hold "
        f"the middle 80 % of {REPEATS} repetitions with {LEFT_OUT:.0%} of the trials left out: where they overlap, the "
        f"order of the fields is not known."
    )
    caption = f"The share of each field, of {len(trials)} finished trials."
    if untold := [each for each in found if _is_untold(each)]:
        reaches = ", ".join(map(_reach, untold))
        caption += f" A whisker as wide as the scale is not drawn, as such a share is not known: {reaches}."
    return Section("Importances", paragraph(text), (Figure("importances", _bars(found), caption),))


def _is_untold(found: Importance) -> bool:
    """Whether no whisker is drawn, as the repetitions leave nearly every share possible."""
    return found.high - found.low > TOO_WIDE


def _reach(found: Importance) -> str:
    return f"{symbol(found.path)} ({found.low:.2f} to {found.high:.2f})"


def measure(view: View, trials: Sequence[Trial], space: Mapping[str, Range] | None = None) -> list[Importance]:
    """The importances of the fields of `space`, the largest first. If `space` is None, those of all searched fields."""
    space = view.spec.space if space is None else space
    whole = _shares(view, trials, space)
    draws = random.Random(derive_seed(view.spec.search.seed, "importances", 0))
    size = max(FEWEST - 2, round((1 - LEFT_OUT) * len(trials)))
    repeats = [_shares(view, draws.sample(trials, size), space) for _ in range(REPEATS)]
    found = []
    for path, share in whole.items():
        tenths = quantiles([repeat[path] for repeat in repeats], n=10)
        found.append(Importance(path, share, min(tenths[0], share), max(tenths[-1], share)))
    return sorted(found, key=lambda each: -each.share)


def _shares(view: View, trials: Sequence[Trial], space: Mapping[str, Range]) -> dict[str, float]:
    import optuna  # takes a second: imported only if there is something to measure
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    from search.algorithms.optuna_trials import as_optuna_trial

    told = [as_optuna_trial(space, trial, view.metric, one_coordinate=True) for trial in trials]
    study = optuna.create_study(direction="maximize")
    for trial, score in zip(told, trials, strict=True):
        assert trial is not None, "only trials within the space come here"
        # the sampler sees a baseline that ASHA would have stopped as PRUNED; here its full score counts
        trial.state, trial.value = optuna.trial.TrialState.COMPLETE, score.score
    study.add_trials([trial for trial in told if trial is not None])
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_quantile(len(trials)))
    with warnings.catch_warnings():
        # if many trials share a score, all may count as the best: then the shares are equal, and `importances` says so
        warnings.filterwarnings("ignore", message="Target and region quantiles select the same set of trials")
        found = get_param_importances(study, evaluator=evaluator)
    return {path: float(found.get(path, 0.0)) for path in space}


def _quantile(trials: int) -> float:
    return min(0.5, max(0.1, BEST / trials))


def measured_fields(view: View) -> tuple[dict[str, Range], list[Trial]]:
    """The fields to measure, and the finished trials that have values for all of them within the space, best first.

    If the loss itself is searched, the fields differ between losses. Then the fields and trials are those of the loss
    with the most finished trials.
    """
    space = dict(view.spec.space)
    if SWITCH not in space:
        return space, [trial for trial in view.ranked if _is_inside(space, trial)]
    by_loss: dict[str, list[Trial]] = {}
    for trial in view.ranked:
        if _is_inside(active(space, trial.values), trial):
            fields = {path: value for path, value in trial.values.items() if path != SWITCH}
            by_loss.setdefault(str(trial.values[SWITCH]), []).append(replace(trial, values=fields))
    loss, trials = max(by_loss.items(), key=lambda one: len(one[1]), default=("afcl", []))
    return {path: one for path, one in active(space, {SWITCH: loss}).items() if path != SWITCH}, trials


def _is_inside(space: Mapping[str, Range], trial: Trial) -> bool:
    return all(path in trial.values and range_.contains(trial.values[path]) for path, range_ in space.items())


def _bars(found: list[Importance]) -> go.Figure:
    rising = found[::-1]  # plotly puts the first at the bottom
    traces = []
    for untold in (False, True):
        shown = [each for each in rising if _is_untold(each) == untold]
        trace = {
            "type": "bar",
            "orientation": "h",
            "y": [symbol(each.path) for each in shown],
            "x": [round(each.share, 4) for each in shown],
            "marker": {"color": COLOUR},
            "hovertext": [words(each.path) for each in shown],
            "hovertemplate": "%{hovertext}: %{x:.2f}<extra></extra>",
            "showlegend": False,
        }
        whiskers = {
            "type": "data",
            "symmetric": False,
            "array": [round(each.high - each.share, 4) for each in shown],
            "arrayminus": [round(each.share - each.low, 4) for each in shown],
        }
        traces.append(trace if untold else trace | {"error_x": whiskers})
    figure = go.Figure(traces)
    order = [symbol(each.path) for each in rising]
    figure.update_layout(
        height=120 + 40 * len(rising),
        xaxis={"title": {"text": "share"}, "rangemode": "tozero"},
        yaxis={"ticksuffix": " ", "categoryorder": "array", "categoryarray": order},
    )
    return figure
