"""The learning curves: the metric by epoch, a line for each drawn trial."""

import math
import random
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from search.algorithms.asha import rung_epochs
from search.journal.history import Trial
from search.reporting.chance import mark_chance
from search.reporting.context import GREY, View, families_in, hover, named
from search.reporting.html import Figure, Section
from search.reporting.marks import blank_figure, rounded
from trainers.loss_config import END_TO_END
from trainers.seeds import derive_seed

LINES, FINISHED = 300, 200  # the most learning curves that are drawn, and of finished trials among them
FAINT = 0.25  # opacity of a stopped trial's curve
FEW = 12  # with at most this many epochs, the axis shows the number of each, and no half of one
APART = 0.17  # share of the axis: names of rungs that are closer would touch


def learning_curves(view: View) -> Section | None:
    """The metric by epoch: a line for each drawn trial (a sample if there are many).

    Rungs, stops and the first epoch of the classifier are marked. None if no trial has reported yet.
    """
    begun = [trial for trial in view.history.trials.values() if trial.epochs]
    if not begun:
        return None
    best = view.ranked[0] if view.ranked else None
    drawn = drawn_curves(begun, view.spec.search.seed, best)
    traces = [_curve(view, trial, best) for trial in drawn]
    traces += [_legend(view, family) for family in families_in(drawn)]
    stopped = [trial for trial in drawn if trial.state == "stopped"]
    if stopped:
        traces += [_stops(view, stopped), _legend_of_stops()]
    figure = blank_figure(traces, "epoch (representation, then classifier)", view.metric_words)
    rungs, last = rung_epochs(view.spec), max(max(trial.epochs) for trial in drawn)
    has_two_stages = any(trial.family not in END_TO_END for trial in drawn)
    boundary = view.spec.representation.epochs + 0.5
    _mark_rungs(figure, rungs, last, boundary if has_two_stages and last > boundary else math.inf)
    if has_two_stages:
        figure.add_vline(x=boundary, annotation={"text": "classifier", "xanchor": "right", "yanchor": "bottom"})
    figure.update_layout(height=460, margin={"t": 45})
    if last <= FEW:
        figure.update_xaxes(dtick=1)
    chance = mark_chance(view, figure, (trial.epochs[e].get(view.metric) for trial in drawn for e in trial.epochs))
    caption = " ".join(_caption(view, drawn, len(begun), rungs, best)) + chance
    return Section("Learning curves", figures=(Figure("learning-curves", figure, caption),))


def drawn_curves(begun: list[Trial], seed: int, best: Trial | None = None) -> list[Trial]:
    """The trials whose curves are drawn: at most `LINES`, and at most `FINISHED` finished ones among them.

    Baselines, `best` and the `FINISHED` / 4 trials with the best scores are chosen first, the others by lot from
    `seed`. The trial `best` is the last in the list, so that its curve is drawn on top.
    """
    draws = random.Random(derive_seed(seed, "learning curves", 0))
    finished = sorted((trial for trial in begun if trial.score is not None), key=lambda trial: -(trial.score or 0))
    others = [trial for trial in begun if trial.score is None]
    sure = {trial.number for trial in finished[: FINISHED // 4]} | {trial.number for trial in begun if trial.baseline}
    sure |= {best.number} if best is not None else set()
    order = {trial.number: (trial.number not in sure, draws.random()) for trial in begun}
    chosen = sorted(finished, key=lambda trial: order[trial.number])[:FINISHED]
    chosen += sorted(others, key=lambda trial: order[trial.number])[: LINES - len(chosen)]
    return sorted(chosen, key=lambda trial: (trial is best, trial.state == "finished", trial.baseline, trial.number))


def _caption(view: View, drawn: list[Trial], begun: int, rungs: Sequence[int], best: Trial | None) -> list[str]:
    """Sentences that explain the lines."""
    said = []
    if best is not None:
        said.append(f"Each line is a trial; the strong one is the best, {named(best)}.")
    if any(trial.baseline for trial in drawn):
        said.append("Dashed: a baseline.")
    if any(trial.state == "stopped" for trial in drawn):
        said.append("Faint, with × at its end: stopped at a rung.")
    if rungs:
        said.append(f"Dotted: {'rungs, at epochs' if len(rungs) > 1 else 'the rung, at epoch'} {_listed(rungs)}.")
    if any(trial.family not in END_TO_END for trial in drawn):
        other = "the same" if view.spec.classifier.solver == "lbfgs" else "another"
        said.append(f"Before the classifier the value is the probe's, which is {other} estimator.")
        if view.spec.classifier.fine_tune:
            said.append(
                "After the classifier's fit the value is that of encoder and classifier while both are fine-tuned."
            )
    if one_stage := [family for family in families_in(drawn) if family in END_TO_END]:
        said.append(f"{_listed(one_stage)}: trained end to end; the value is that of the head.")
    if len(drawn) < begun:
        said.append(
            f"Of {begun} trials {len(drawn)} are drawn: the baselines, the best, and a random choice (seeded) of "
            f"the other finished ones, up to {FINISHED} in all, and of those that did not finish."
        )
    return said


def _listed(names: Sequence[object]) -> str:
    *others, last = map(str, names)
    return f"{', '.join(others)} and {last}" if others else last


def _mark_rungs(figure: go.Figure, rungs: Sequence[int], last: int, boundary: float) -> None:
    """Draw a dotted line for each rung, with its name above the plot if there is room.

    Args:
        figure: the figure.
        rungs: the epochs of the rungs.
        last: the last epoch in the figure.
        boundary: the epoch at which the classifier begins; its label needs room too. Infinite if it is not marked.
    """
    named_at = -float(last)
    for epoch in rungs:
        figure.add_vline(x=epoch, line={"dash": "dot"})
        if epoch - named_at > APART * last and not 0 < boundary - epoch < 1.4 * APART * last:
            named_at = epoch
            figure.add_annotation(
                x=epoch, y=1, yref="paper", yanchor="bottom", showarrow=False, text=f"rung,<br>epoch {epoch}"
            )


def _curve(view: View, trial: Trial, best: Trial | None) -> dict[str, Any]:
    epochs = sorted(trial.epochs)
    return {
        "type": "scatter",
        "x": epochs,
        "y": [rounded(trial.epochs[epoch].get(view.metric)) for epoch in epochs],
        "mode": "lines" if len(epochs) > 1 else "markers",
        "marker": {"size": 3, "color": view.colour_of(trial.family)},
        "line": {
            "color": view.colour_of(trial.family),
            "width": 4.5 if trial is best else 2 if trial.baseline else 1.3,
            "dash": "dash" if trial.baseline and trial is not best else "solid",
        },
        "opacity": FAINT if trial.state == "stopped" else 1 if trial is best else 0.75,
        "name": trial.family,
        "legendgroup": trial.family,
        "showlegend": False,
        "hovertemplate": f"{hover(trial)}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    }


def _legend(view: View, family: str) -> dict[str, Any]:
    """A trace that draws nothing but adds the family's line to the legend."""
    line = {"color": view.colour_of(family), "width": 2.5}
    common = {"type": "scatter", "x": [None], "y": [None], "mode": "lines", "hoverinfo": "skip"}
    return common | {"line": line, "name": family, "legendgroup": family}


def _stops(view: View, stopped: list[Trial]) -> dict[str, Any]:
    """A trace with a × at the end of each stopped trial's curve, in the colour of the trial's family."""
    return {
        "type": "scatter",
        "x": [trial.epoch for trial in stopped],
        "y": [rounded(trial.latest(view.metric)) for trial in stopped],
        "mode": "markers",
        "marker": {
            "symbol": "x-thin",
            "size": 7,
            "line": {"width": 1.5, "color": _colours(view, stopped)},
            "color": GREY,
        },
        "opacity": 0.7,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _legend_of_stops() -> dict[str, Any]:
    marker = {"symbol": "x-thin-open", "size": 7, "color": GREY}
    common = {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip"}
    return common | {"marker": marker, "name": "stopped"}


def _colours(view: View, trials: list[Trial]) -> list[str]:
    return [view.colour_of(trial.family) for trial in trials]
