"""Balanced against overall accuracy, the two measures of the AFCL paper, with the Pareto front of the trials."""

from search.evidence.pareto import pareto_front
from search.journal.history import Trial
from search.reporting.context import GREY, View, families_in, hover
from search.reporting.html import Figure, Section, paragraph
from search.reporting.marks import blank_figure, points, rounded

BALANCED, OVERALL = "val_balanced_accuracy", "val_accuracy"
TITLE = "Balanced against overall accuracy"


def two_measures(view: View) -> Section | None:
    """A dot for each drawn finished trial, its balanced against its overall accuracy, and the Pareto front.

    A sentence if all classes have equally many validation images: the two measures are then the same. None if no
    finished trial has both.
    """
    there = [trial for trial in view.ranked if _has_both(trial)]
    if not there:
        return None
    if len(set(view.validation.values())) == 1:
        return Section(TITLE, paragraph("Each class has equally many validation images, so the two are the same."))
    front = [there[place] for place in pareto_front([(_at(trial, OVERALL), _at(trial, BALANCED)) for trial in there])]
    drawn = {trial.number for trial in (*view.drawn, *front)}
    traces = []
    for family in families_in(there):
        mine = [trial for trial in there if trial.family == family and trial.number in drawn]
        marks = points(mine, lambda trial: rounded(_at(trial, OVERALL)), lambda trial: _at(trial, BALANCED), family)
        traces.append(marks | {"marker": {"color": view.colour_of(family), "size": 9}})
    line = {
        "type": "scatter",
        "x": [rounded(_at(trial, OVERALL)) for trial in front],
        "y": [rounded(_at(trial, BALANCED)) for trial in front],
        "mode": "lines",
        "line": {"color": GREY, "shape": "hv", "width": 2},
        "name": "front",
        "hovertext": [hover(trial) for trial in front],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    lines = [line] if len(front) > 1 else []
    figure = blank_figure([*lines, *traces], "accuracy (validation)", "balanced accuracy (validation)")
    numbers = ", ".join(str(trial.number) for trial in front)
    told = f"Trial {numbers} is best in both measures."
    if len(front) > 1:
        told = f"The line joins those that no other trial beats in both measures: trials {numbers}."
    caption = (
        f"Each dot is one of {len(there)} finished trials, one seed each; equal trials share a dot. {told} Accuracy "
        f"counts every image alike, balanced accuracy every class.{view.drawn_in_words}"
    )
    return Section(TITLE, figures=(Figure("two-measures", figure, caption),))


def _has_both(trial: Trial) -> bool:
    last = trial.epochs[trial.epoch]
    return BALANCED in last and OVERALL in last


def _at(trial: Trial, metric: str) -> float:
    return trial.epochs[trial.epoch][metric]
