"""Confusion matrices: for trials with counts of validation images, for confirmed losses with shares of test images."""

from collections.abc import Sequence

import plotly.graph_objects as go

from search.reporting.context import View, evidence_of
from search.reporting.html import Figure, Section, paragraph
from search.reporting.marks import class_axis, in_figure
from trainers.loss_config import in_order

SHADES = [[0, "#f2f6fb"], [1, "#7fa8d6"]]  # opaque and light: one dark ink is legible on every cell in both schemes
INK = "#14181d"
LEAST_HEIGHT = 340  # pixels of a matrix; long names of classes need more
MOST_WORDS = 12  # with more classes than this, numbers in the cells would overlap


def matrix(title: str, counts: Sequence[Sequence[int]], names: Sequence[str], *, per_cent: bool = False) -> go.Figure:
    """A confusion matrix.

    Args:
        title: the figure's title.
        counts: numbers of images, as [true class][predicted class].
        names: the classes' names, as plain text.
        per_cent: whether the cells say which share of the true class's images they have, in per cent; else the count.
    """
    words = [in_figure(name) for name in names]
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    text = [[f"{share:.1%}" for share in row] for row in shares] if per_cent else counts
    trace = {
        "type": "heatmap",
        "x": words,
        "y": words,
        "z": shares,
        "zmin": 0,
        "zmax": 1,
        "text": text,
        "customdata": counts,
        "texttemplate": "%{text}" if len(names) <= MOST_WORDS else "",
        "textfont": {"color": INK},
        "colorscale": SHADES,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": "%{y} taken for %{x}: %{customdata} (%{z:.1%} of its class)<extra></extra>",
    }
    axis = class_axis(names)
    lines = [label.split("<br>") for label in axis["ticktext"]]
    # below the cells the longest line, as it may be turned upright; beside each row all lines of its label
    room = 150 + 8 * max(len(line) for label in lines for line in label) + 18 * len(names) * max(map(len, lines))
    figure = go.Figure([trace])
    return figure.update_layout(
        title={"text": title, "font": {"size": 14}},
        xaxis=axis | {"title": {"text": "predicted", "standoff": 6}},
        yaxis=axis | {"title": {"text": "true", "standoff": 6}, "autorange": "reversed"},
        margin={"t": 45},
        height=max(LEAST_HEIGHT, room),
    )


def confused_on_test(view: View) -> Section | None:
    """A confusion matrix of each confirmed loss on the test split; None if the last verdict has no such matrices."""
    evidence = evidence_of(view)
    if evidence is None or not evidence.measured:
        return None
    figures = []
    for label in in_order(evidence.measured):
        found = evidence.measured[label]
        title = f"{label}, {found.runs} seed{'s' * (found.runs != 1)}"
        figures.append(
            Figure(f"test-confusion-{_slug(label)}", matrix(title, found.confusion, found.class_names, per_cent=True))
        )
    text = paragraph(
        "A cell is the share of a true class's test images, in per cent, that was taken for a class. Every fresh seed "
        "classified all test images once; the shares are of all these answers together."
    )
    return Section("Confusions on the test split", text, tuple(figures))


def _slug(label: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in label.lower())
