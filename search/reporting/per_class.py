"""Recalls and confusion matrices of the winner and the baselines on the validation images."""

from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from search.evidence.standard_error import score_error
from search.journal.history import Trial
from search.reporting.class_table import class_table
from search.reporting.confusions import matrix
from search.reporting.context import View, families_in, named
from search.reporting.html import Figure, Section, paragraph
from search.reporting.marks import class_axis, in_figure
from search.storage.trial_folder import RESULT


def recalls(view: View) -> Section | None:
    """A table of the winner's measures; then recalls and confusion matrices of the winner and every finished baseline.

    None if no trial has finished.
    """
    order = families_in(view.ranked)
    baselines = sorted((one for one in view.ranked[1:] if one.baseline), key=lambda one: order.index(one.family))
    shown = [*view.ranked[:1], *baselines]
    if not shown:
        return None
    results = {trial.number: view.folder.trial(trial.number).read_result() for trial in shown}
    missing = [named(trial) for trial in shown if results[trial.number] is None]
    there = [(trial, result) for trial in shown if (result := results[trial.number]) is not None]
    text = class_table(view, shown[0])
    text += paragraph(f"No {RESULT} of {'; '.join(missing)}.") if missing else Markup()
    figures = [Figure("recalls", _recall_bars(view, there), "Whiskers: one standard error from the number of images.")]
    for trial, result in there:
        made = matrix(_title(view, trial), result["confusion"], result["class_names"])
        figures.append(Figure(f"confusion-{trial.number:04d}", made))
    return Section("Classes: recalls and confusions", text, tuple(figures) if there else ())


def _recall_bars(view: View, shown: list[tuple[Trial, dict[str, Any]]]) -> go.Figure:
    traces = []
    for trial, result in shown:
        recall = result["recall"]
        errors = {name: _error(view, name, value) for name, value in recall.items()}
        whiskers = {  # a recall lies between 0 and 1, and so do its whiskers
            "array": [min(errors[name], 1 - value) for name, value in recall.items()],
            "arrayminus": [min(errors[name], value) for name, value in recall.items()],
        }
        traces.append(
            {
                "type": "bar",
                "name": _title(view, trial),
                "x": [in_figure(name) for name in recall],
                "y": [round(value, 4) for value in recall.values()],
                "error_y": {"type": "data", "symmetric": False} | whiskers,
                "marker": {"color": view.colour_of(trial.family), "pattern": {"shape": "" if trial.baseline else "/"}},
            }
        )
    figure = go.Figure(traces)
    return figure.update_layout(
        xaxis=class_axis(list(dict.fromkeys(name for _, result in shown for name in result["recall"]))),
        yaxis={"title": {"text": "recall (validation)"}, "range": [0, 1.05]},
        barmode="group",
    )


def _error(view: View, name: str, recall: float) -> float:
    count = view.validation.get(name)
    return score_error(recall, count) if count else 0.0


def _title(view: View, trial: Trial) -> str:
    role = "winner: " if trial is view.ranked[0] else ""
    return f"{role}{named(trial)}"
