"""Parallel coordinates: an axis for each searched field and one for the score, and a line for each drawn trial.

The lines belong to a scatter plot. Plotly's own parallel coordinates are not used: their axes vanish on dark paper, and
their lines need WebGL.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.colors import find_intermediate_color, hex_to_rgb

from search.journal.history import Trial
from search.journal.labels import symbol
from search.reporting import axes
from search.reporting.context import GREY, View, hover
from search.reporting.curves import drawn_curves
from search.reporting.figures import searched_first
from search.reporting.html import NOTHING, SCALE, Figure, Section, colour_axis, colour_key

SHADES = 12  # how many colours lines have: each has one trace, as hundreds of traces are slow
SLOT = 0.12  # share of an axis below its values, for the lines of trials without a value
AXIS_WIDTH = 84  # px that an axis needs for its labels

Ticks = list[tuple[float, str]]


def parallel_coordinates(view: View) -> Section | None:
    """A line for each drawn trial through its values on the axes. A stopped trial's line ends below the scores.

    None if no trial has finished or been stopped.
    """
    there = [trial for trial in view.drawn if trial.state in ("finished", "stopped") and trial.values]
    if not there:
        return None
    trials = drawn_curves(there, view.spec.search.seed, view.ranked[0] if view.ranked else None)
    scores = [trial.score for trial in trials if trial.score is not None]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    columns, ticks, names = [], [], []
    for path in searched_first(view):
        range_ = view.spec.space[path]
        places = [axes.place(range_, trial.values[path]) if path in trial.values else None for trial in trials]
        column, marks = _with_a_slot(places, axes.ticks(range_), "none")
        columns.append(column)
        ticks.append(marks)
        names.append(symbol(path) + ("<br>(log)" if axes.is_log(range_) else ""))
    heights = [None if trial.score is None else (trial.score - low) / ((high - low) or 1.0) for trial in trials]
    steps = [(share, f"{low + (high - low) * share:.3f}") for share in (0, 0.25, 0.5, 0.75, 1)] if high > low else []
    column, marks = _with_a_slot(heights, steps or [(0.0, f"{high:.3f}")], "stopped")
    columns, ticks, names = [*columns, column], [*ticks, marks], [*names, "score"]
    rows = list(zip(*columns, strict=True))
    best = next((place for one in view.ranked for place, trial in enumerate(trials) if trial is one), None)
    figure = go.Figure(_lines(trials, rows, heights, best))
    _draw_axes(figure, ticks, names)
    if scores:
        figure.update_layout(coloraxis=colour_axis(low, high))
        figure.add_trace(_key(low))
    caption = (
        "Each line is a trial, from its values on the left to its score on the right. Lines are coloured by the score, "
        "the best on top and strong. Faint grey: stopped early, without a score."
    )
    if len(trials) < len(there):
        count = len(view.history.in_state("finished", "stopped"))
        caption += f" Of {count} trials {len(trials)} are drawn: the best, and a random choice (seeded)."
    key = colour_key(f"{low:.3f}", f"{high:.3f}", "score of a finished trial") if scores else NOTHING
    shown = Figure("parallel-coordinates", figure, caption, least_width=AXIS_WIDTH * len(names))
    return Section("Parallel coordinates", key, (shown,))


def _with_a_slot(places: Sequence[float | None], ticks: Ticks, name: str) -> tuple[list[float], Ticks]:
    """The places and ticks of an axis, with a slot below all values for trials without one, whose place is None.

    Without such trials, places and ticks are returned unchanged. `name` is the slot's tick.
    """
    if None not in places:
        return [place for place in places if place is not None], ticks
    moved = [0.0 if place is None else SLOT + (1 - SLOT) * place for place in places]
    return moved, [(0.0, name), *((SLOT + (1 - SLOT) * at, text) for at, text in ticks)]


def _lines(
    trials: Sequence[Trial], rows: Sequence[Sequence[float]], heights: Sequence[float | None], best: int | None
) -> list[dict[str, Any]]:
    """A trace for each shade of trials, the stopped trials' first and the best trial's last.

    Args:
        trials: the trials.
        rows: for each trial, its places on the axes.
        heights: for each trial, its score on a scale from 0 (the lowest) to 1 (the highest); None if it was stopped.
        best: the position of the best trial in `trials`; None if none has finished.
    """
    groups: dict[int, list[int]] = {}
    for number, height in enumerate(heights):
        shade = -1 if height is None else min(SHADES - 1, int(height * SHADES))
        groups.setdefault(shade, []).append(number)
    traces = []
    for shade in sorted(groups):
        members = [number for number in groups[shade] if number != best]
        colour = GREY if shade < 0 else _shade((shade + 0.5) / SHADES)
        line = {"color": colour, "width": 1 if shade < 0 else 1.6}
        traces.append(_trace(trials, rows, members, line, 0.3 if shade < 0 else 0.85))
    if best is not None:
        line = {"color": _shade(heights[best] or 0.0), "width": 3.5}
        traces.append(_trace(trials, rows, [best], line, 1.0))
    return [trace for trace in traces if trace["x"]]


def _trace(
    trials: Sequence[Trial],
    rows: Sequence[Sequence[float]],
    members: Sequence[int],
    line: dict[str, Any],
    opacity: float,
) -> dict[str, Any]:
    """The lines of the trials at the positions `members`, with gaps between them, as one trace."""
    x: list[float | None] = []
    y: list[float | None] = []
    said: list[str] = []
    for number in members:
        x += [*range(len(rows[number])), None]
        y += [*(round(place, 4) for place in rows[number]), None]
        said += [hover(trials[number])] * len(rows[number]) + [""]
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": line,
        "opacity": opacity,
        "hovertext": said,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
    }


def _shade(at: float) -> str:
    below = max(n for n in range(len(SCALE) - 1) if SCALE[n][0] <= at)
    (low, first), (high, second) = SCALE[below], SCALE[below + 1]
    mixed = find_intermediate_color(hex_to_rgb(first), hex_to_rgb(second), (at - low) / (high - low))
    return f"rgb({', '.join(str(round(part)) for part in mixed)})"


def _key(low: float) -> dict[str, Any]:
    """A mark that is not drawn: it gives the figure on paper its colour bar."""
    marker = {"color": [low], "coloraxis": "coloraxis"}
    return {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "marker": marker, "showlegend": False}


def _draw_axes(figure: go.Figure, ticks: Sequence[Ticks], names: Sequence[str]) -> None:
    """Draw upright lines with labels, as shapes and annotations: the page's templates set the colours of both."""
    for place, (marks, name) in enumerate(zip(ticks, names, strict=True)):
        figure.add_shape(type="line", x0=place, x1=place, y0=0, y1=1, layer="below")
        head = {"text": name, "font": {"weight": "bold"}}
        figure.add_annotation(x=place, y=1.03, yanchor="bottom", showarrow=False, **head)
        for at, text in marks:
            figure.add_annotation(x=place, y=at, xanchor="right", xshift=-3, text=text, showarrow=False)
    hidden = {"visible": False, "showgrid": False, "fixedrange": True}
    figure.update_layout(
        height=440,
        hovermode="closest",
        margin={"l": 25, "r": 25, "t": 45, "b": 15},
        xaxis=hidden | {"range": [-0.55, len(names) - 0.9]},
        yaxis=hidden | {"range": [-0.03, 1.03]},
    )
