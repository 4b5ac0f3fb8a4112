"""Paired differences of the losses on the test split, as a forest plot."""

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from search.reporting.context import GREY, View
from search.reporting.html import Figure
from trainers.loss_config import in_order

if TYPE_CHECKING:
    from search.evidence.evidence import Evidence

TOO_WIDE = 0.5  # a wider interval has no whiskers, which would flatten the others


def forest(view: View, evidence: "Evidence") -> Figure | None:
    """The differences between the best loss and each other loss, by seed and as means.

    None if the best loss was compared with no other.
    """
    from search.evidence.evidence import TEST_METRICS

    verdict, scores = evidence.families[TEST_METRICS[0]], evidence.scores[TEST_METRICS[0]]
    against = {pair.b: pair for pair in verdict.against(verdict.best) if pair.difference is not None}
    if not against:
        return None
    traces: list[dict[str, Any]] = []
    untold: list[str] = []
    for label in in_order(against)[::-1]:  # plotly begins at the bottom
        pair, row, colour = against[label], f"{verdict.best} − {label}", view.colour_of(label)
        shared = [seed for seed in scores[verdict.best] if seed in scores[label]]
        dots = [round(scores[verdict.best][seed] - scores[label][seed], 6) for seed in shared]
        common = {"type": "scatter", "mode": "markers", "showlegend": False}
        seeds = [f"{row}, seed {seed}" for seed in shared]
        traces.append(
            common
            | {"x": dots, "y": [row] * len(dots), "hovertext": seeds, "name": "seeds"}
            | {"marker": {"color": colour, "size": 6, "opacity": 0.35}}
        )
        interval, at = pair.interval and pair.interval.within(-1, 1), pair.difference or 0.0
        if interval is not None and interval.high - interval.low > TOO_WIDE:
            untold.insert(0, f"{row} ({interval.low:+.2f} to {interval.high:+.2f})")
            interval = None
        whiskers = {"type": "data", "symmetric": False, "color": colour, "thickness": 2, "width": 5}
        if interval is not None:
            whiskers |= {"array": [interval.high - at], "arrayminus": [at - interval.low]}
        marker = {"color": colour, "size": 12, "symbol": "diamond" if pair.distinguishable else "diamond-open"}
        mean = {"x": [at], "y": [row], "marker": marker, "name": "mean difference"}
        traces.append(common | mean | ({"error_x": whiskers} if interval is not None else {}))
    figure = go.Figure(traces)
    figure.add_vline(x=0, line={"width": 1.5})
    figure.update_layout(
        height=130 + 42 * len(against),
        xaxis={"title": {"text": "difference in balanced accuracy<br>(test split)"}},
        yaxis={"type": "category", "ticksuffix": " "},
        colorway=[GREY],
    )
    counts = [pair.n for pair in against.values()]
    seeds_told = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])
    caption = (
        f"{verdict.best}, which has the best mean, minus each other loss. A dot is a seed, on which both were trained "
        f"alike; the diamond is the mean of {seeds_told} seeds, filled where the two are distinguishable. The whiskers "
        f"are the {100 * verdict.level:g} % interval of the mean difference. Right of 0, {verdict.best} is better."
    )
    if untold:
        caption += f" An interval as wide as the scale is not drawn: {', '.join(untold)}."
    return Figure("differences", figure, caption)
