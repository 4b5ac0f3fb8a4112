"""The partial dependence of the score on each searched field, as a section of the report."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from search.evidence.partial_dependence import FEWEST, FORESTS, Dependence, grid_of, partial_dependence
from search.reporting import axes
from search.reporting.context import View
from search.reporting.html import Figure, Section, paragraph
from search.reporting.importance import measured_fields
from trainers.seeds import derive_seed

TITLE = "Score by one field, the others as they were"
COLOUR, BAND = "#5778a4", "rgba(87, 120, 164, 0.25)"


def dependences(view: View) -> Section | None:
    """A curve with a band for each searched field; a sentence if too few trials have finished.

    None if none has finished, or no field is searched.
    """
    space, trials = measured_fields(view)
    if not space or not view.ranked:
        return None
    if len(trials) < FEWEST:
        text = f"Too few trials have finished within the space to say: {len(trials)}, and {FEWEST} are needed."
        return Section(TITLE, paragraph(text))
    values = np.array([[range_.to_unit(trial.values[path]) for path, range_ in space.items()] for trial in trials])
    scores = np.array([trial.score or 0.0 for trial in trials])
    grids = [grid_of(column) for column in values.T]
    found = partial_dependence(values, scores, grids, seed=derive_seed(view.spec.search.seed, "dependence", 0))
    low, high = min(min(one.low) for one in found), max(max(one.high) for one in found)
    room = 0.08 * (high - low) or 0.01
    figures = []
    for (path, range_), one in zip(space.items(), found, strict=True):
        figure = go.Figure(_curve(one))
        figure.update_layout(
            xaxis=axes.axis(path, range_),
            shapes=axes.zero_line(range_, "x"),
            yaxis={"title": {"text": view.metric_words}, "range": [low - room, high + room]},
            height=340,
            showlegend=False,
        )
        figures.append(Figure(f"dependence-{path.replace('.', '-').replace('_', '-')}", figure))
    text = paragraph(
        f"The line is the score that a random forest expects at each value, as a mean over {found[0].trials} finished "
        f"trials with their other values unchanged (partial dependence). The band is the middle 80 % of {FORESTS} such "
        "forests, each fitted to trials drawn anew with replacement. Where the band is as wide as the line rises or "
        "falls, the field's effect is not known. Stopped trials have no part, so the curve is of what was let finish."
    )
    return Section(TITLE, text, tuple(figures))


def _curve(found: Dependence) -> list[dict[str, Any]]:
    x = [round(place, 4) for place in found.places]
    edge: dict[str, Any] = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    middle: dict[str, Any] = {
        "type": "scatter",
        "x": x,
        "mode": "lines+markers",
        "marker": {"size": 4},
        "line": {"color": COLOUR},
    }
    return [
        edge | {"y": [round(value, 5) for value in found.low]},
        edge | {"y": [round(value, 5) for value in found.high], "fill": "tonexty", "fillcolor": BAND},
        middle | {"y": [round(value, 5) for value in found.mean], "hovertemplate": "%{y:.4f}<extra></extra>"},
    ]
