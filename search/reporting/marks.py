"""What figures of trials share: marks for trials, and a figure with titles on its axes."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from search.journal.history import STATE_WORDS, Trial
from search.reporting.context import View, families_in, hover, mark

LETTERS_OF_CLASS, LINES_OF_CLASS = 12, 3  # of a class's name on an axis: letters in a line, and lines


def scatter(view: View, x: Callable[[Trial], Any], y: Callable[[Trial], float | None]) -> Iterator[dict[str, Any]]:
    """Traces of the drawn trials, one for each family and state; then traces for the legend's entries.

    The family sets a mark's colour, the state its shape. Trials that have reported nothing are left out.

    Args:
        view: the search.
        x: returns a trial's horizontal position; if it returns None, the trial is left out.
        y: returns a trial's vertical position.
    """
    seen: set[str] = set()
    size = 9 if len(view.history.trials) <= 200 else 6
    for family in families_in(view.drawn):
        for state in STATE_WORDS:
            trials = [trial for trial in view.drawn if (trial.family, trial.state) == (family, state)]
            trials = [trial for trial in trials if trial.epochs and x(trial) is not None]
            if trials:
                marker = {"color": view.colour_of(family), "size": size, "symbol": mark(trials[0])}
                yield points(trials, x, y, family) | {
                    "marker": marker | ({"size": size - 2, "line": {"width": 1.5}} if state == "stopped" else {}),
                    "opacity": 0.6 if state == "stopped" else 0.9,
                    "legendgroup": family,
                    "showlegend": False,
                }
                seen.add(family)
    for family in families_in(view.drawn):
        if family in seen:  # a dot in the legend, whatever the states of its trials
            marker = {"color": view.colour_of(family), "size": 9, "symbol": "circle"}
            yield {
                "type": "scatter",
                "x": [None],
                "y": [None],
                "mode": "markers",
                "name": family,
                "legendgroup": family,
                "marker": marker,
                "hoverinfo": "skip",
            }


def points(
    trials: list[Trial], x: Callable[[Trial], Any], y: Callable[[Trial], float | None], name: str
) -> dict[str, Any]:
    """A trace with a mark for each trial, and a text about the trial under the pointer. name: the trace's name."""
    return {
        "type": "scatter",
        "x": [x(trial) for trial in trials],
        "y": [rounded(y(trial)) for trial in trials],
        "mode": "markers",
        "name": name,
        "hovertext": [hover(trial) for trial in trials],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def blank_figure(traces: list[dict[str, Any]], x: str, y: str) -> go.Figure:
    """A figure of these traces. `x` and `y` are the titles of its axes."""
    return go.Figure(traces, {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}})


def widened(figure: go.Figure, values: Iterable[float | None]) -> None:
    """Widen the vertical axis if all values are equal. Plotly would choose a range that shows their seventh digit."""
    there = {round(value, 5) for value in values if value is not None}
    if len(there) == 1:
        (value,) = there
        figure.update_yaxes(range=[value - 0.05, value + 0.05])


def rounded(value: float | None) -> float | None:
    """A value rounded to five decimals, more than a figure can show; None stays None."""
    return None if value is None else round(value, 5)


def class_axis(names: Sequence[str]) -> dict[str, Any]:
    """An axis of classes. A long name is wrapped, and cut after a few lines, so that it leaves room for the figure.

    Args:
        names: the classes' names as plain text. Data on this axis are named by `in_figure(name)`.
    """
    labels = []
    for name in names:
        lines = textwrap.wrap(name, LETTERS_OF_CLASS) or [name]
        kept = lines[:LINES_OF_CLASS]
        labels.append("<br>".join(map(in_figure, kept)) + ("…" if len(lines) > len(kept) else ""))
    # a class may be called 3: without a type it would be a number
    return {
        "type": "category",
        "tickmode": "array",
        "tickvals": [in_figure(name) for name in names],
        "ticktext": labels,
    }


def in_figure(text: str) -> str:
    """Text as a figure must be given it: plotly.js reads tags and `&lt;`, but would draw `&quot;` letter by letter."""
    return escape(text, quote=False)
