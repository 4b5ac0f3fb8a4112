"""What a classifier scores that does not look at the image: the level below which a score means nothing."""

from collections.abc import Iterable

import plotly.graph_objects as go

from search.reporting.context import View

ROOM = 1.0  # how far below the lowest value the line is drawn, in spans of the values; farther, it would flatten them


def chance_level(view: View) -> float | None:
    """The metric's value by chance; None if the classes are not known, or for macro F1, which has no single one.

    Balanced accuracy: one class of all. Accuracy: the share of the largest class. AUROC: a half.
    """
    counts = list(view.validation.values())
    if not counts or not sum(counts):
        return None
    levels = {"balanced_accuracy": 1 / len(counts), "accuracy": max(counts) / sum(counts), "auroc": 0.5}
    return levels.get(view.spec.search.metric)


def mark_chance(view: View, figure: go.Figure, values: Iterable[float | None]) -> str:
    """Draw chance as a dashed line under these values of the metric; the sentence on it for the caption.

    Where the line would lie so far below the values that it flattened them, the sentence says so instead.
    """
    level, there = chance_level(view), [value for value in values if value is not None]
    if level is None or not there:
        return ""
    if min(there) - level > ROOM * (max(there) - min(there)):
        return f" Chance, {level:.3g}, lies below the figure."
    figure.add_hline(y=level, line={"dash": "dash"}, annotation={"text": f"chance, {level:.3g}", "yanchor": "bottom"})
    return ""
