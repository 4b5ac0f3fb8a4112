"""The section on `confirm --ablation`: configurations between CL and the winner, each with one value more switched."""

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from search.reporting.context import GREY, View, evidence_of
from search.reporting.forest import TOO_WIDE
from search.reporting.html import Figure, Section, paragraph, table

if TYPE_CHECKING:
    from search.evidence.ablation_path import PathStep

COLOUR = "#5778a4"


def ablation(view: View) -> Section | None:
    """A figure with every seed's score at each step from CL to the winner, and a table of the steps.

    None if the last confirmation with a verdict ran no ablation.
    """
    evidence = evidence_of(view)
    if evidence is None or not evidence.ablation:
        return None
    path = evidence.ablation
    columns = ["step", "seeds", "mean", "change", "95 % interval of the change", "P(better)"]
    note = (
        "Each row differs from the one above in one value alone. Changes are paired by seed. The intervals are not "
        "corrected for the number of steps, and in another order the steps may get other shares of the gain."
    )
    made = table(columns, [_row(step) for step in path]) + paragraph(note)
    title = f"From {path[0].label} to another contrastive loss, one value at a time"
    return Section(title, made, (Figure("ablation", *_drawn(path)),))


def _row(step: "PathStep") -> list[str]:
    from search.evidence.ablation_path import reach_of  # imported only here: scipy takes half a second

    values = list(step.scores.values())
    told = [step.label, str(len(values)), f"{sum(values) / len(values):.4f}" if values else ""]
    change = step.change
    if change is None or change.difference is None:
        return [*told, "", "", ""]
    interval = reach_of(change)
    reach = "" if interval is None else f"{interval.low:+.4f} to {interval.high:+.4f}"
    return [*told, f"{change.difference:+.4f}", reach, "" if change.p_better is None else f"{change.p_better:.2f}"]


def _drawn(path: "tuple[PathStep, ...]") -> tuple[go.Figure, str]:
    """The figure, with a thin line for each seed and a strong line for the mean; and the figure's caption."""
    from search.evidence.verdict import judge

    labels = [step.label for step in path]
    seeds = dict.fromkeys(seed for step in path for seed in step.scores)
    common: dict[str, Any] = {"type": "scatter", "x": labels, "showlegend": False}
    traces = [
        common
        | {"y": [step.scores.get(seed) for step in path], "mode": "lines+markers", "opacity": 0.5}
        | {"line": {"color": GREY, "width": 1}, "marker": {"size": 4}, "name": f"seed {seed}"}
        for seed in seeds
    ]
    means, above, below = [], [], []
    for step in path:
        summary = judge({step.label: step.scores}).labels[0] if step.scores else None
        mean, interval = (summary.mean, summary.interval) if summary else (None, None)
        inside = interval and interval.within(0, 1)
        is_told = inside is not None and mean is not None and inside.high - inside.low <= TOO_WIDE
        means.append(mean)
        above.append(inside.high - (mean or 0.0) if inside and is_told else 0.0)
        below.append((mean or 0.0) - inside.low if inside and is_told else 0.0)
    whiskers = {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": COLOUR}
    traces.append(
        common
        | {"y": means, "mode": "lines+markers", "error_y": whiskers, "name": "mean"}
        | {"line": {"color": COLOUR, "width": 3}, "marker": {"size": 10, "symbol": "diamond"}}
    )
    figure = go.Figure(traces)
    figure.update_layout(
        height=420,
        xaxis={"type": "category", "title": {"text": "one value after the other"}},
        yaxis={"title": {"text": "balanced accuracy (test split)"}},
    )
    caption = (
        f"A grey line is one of {len(seeds)} seeds; every step ran on the same seeds. The diamonds are the means. "
        "The whiskers are the 95 % interval of each mean. The table has those of the changes, which are narrower where "
        "seeds move alike."
    )
    if not any(above):
        caption += " No whiskers are drawn: with so few seeds they would be as wide as the scale."
    return figure, caption
