"""The chance level: the score of a classifier that does not look at the image."""

from collections.abc import Iterable

import plotly.graph_objects as go

from search.reporting.context import View

# in spans of the values: a chance line farther below the lowest value is not drawn, as it would flatten the curves
ROOM = 1.0


def chance_level(view: View) -> float | None:
    """The metric's value by chance. None if the classes are not known, or for macro F1, which has no one chance level.

    Balanced accuracy: 1 / number of classes. Accuracy: the share of the largest class. AUROC: 0.5.
    """
    counts = list(view.validation.values())
    if not counts or not sum(counts):
        return None
    levels = {"balanced_accuracy": 1 / len(counts), "accuracy": max(counts) / sum(counts), "auroc": 0.5}
    return levels.get(view.spec.search.metric)


def mark_chance(view: View, figure: go.Figure, values: Iterable[float | None]) -> str:
    """Draw the chance level as a dashed line into a figure.

    Args:
        view: the search.
        figure: the figure; its vertical axis is the metric.
        values: the values of the metric in the figure. A line that is too far below these values is not drawn.

    Returns:
        A sentence for the caption if the line is too far below, else "".
    """
    level, there = chance_level(view), [value for value in values if value is not None]
    if level is None or not there:
        return ""
    if min(there) - level > ROOM * (max(there) - min(there)):
        return f" Chance, {level:.3g}, lies below the figure."
    figure.add_hline(y=level, line={"dash": "dash"}, annotation={"text": f"chance, {level:.3g}", "yanchor": "bottom"})
    return ""
