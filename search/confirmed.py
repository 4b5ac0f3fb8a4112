"""What a confirmation said of the losses and of the winner, as a section of the report."""

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from search.page import Figure, Section, paragraph
from search.view import COLOURS, GREY, View

if TYPE_CHECKING:
    from search.evidence import Evidence


def verdict(view: View) -> Section | None:
    """The last weighed confirmation in words, with every seed's score on the test split."""
    if not any(folder.verdict.exists() for folder in view.folder.confirmations()):
        return None
    from search.evidence import in_words, read_evidence  # seconds, as it knows how to run a confirmation too

    evidence = read_evidence(view.folder)
    assert evidence is not None, "there is a verdict.json"
    words = "".join(paragraph(f"{line[0].upper()}{line[1:]}") for line in in_words(evidence))
    caption = "A dot a seed, which sets split, order and initialisation; the whiskers are the interval of the mean."
    return Section("Verdict on fresh seeds", words, (Figure("verdict", _by_seed(evidence), caption),))


def _by_seed(evidence: "Evidence") -> go.Figure:
    from search.evidence import TEST_METRICS
    from search.verdict import judge

    traces = []
    for candidate in evidence.candidates[::-1]:  # plotly begins at the bottom
        scores = evidence.scores[TEST_METRICS[0]][candidate.label]
        if not scores:
            continue
        (summary,) = judge({candidate.label: scores}).labels
        colour = COLOURS.get(candidate.label, GREY)
        half = 0.0 if summary.interval is None or summary.mean is None else summary.interval.high - summary.mean
        common = {"type": "scatter", "mode": "markers", "showlegend": False}
        seeds = [f"{candidate.label}, seed {seed}" for seed in scores]
        dots = {"x": list(scores.values()), "y": [candidate.label] * len(scores), "hovertext": seeds}
        mean = {"x": [summary.mean], "y": [candidate.label], "error_x": {"type": "data", "array": [half]}}
        traces += [
            common | dots | {"marker": {"color": colour, "size": 7, "opacity": 0.4}},
            common | mean | {"marker": {"color": colour, "size": 12, "symbol": "diamond"}, "name": "mean"},
        ]
    figure = go.Figure(traces)
    return figure.update_layout(
        height=120 + 45 * len(evidence.candidates),
        xaxis={"title": {"text": "balanced accuracy (test split)"}},
        yaxis={"type": "category", "ticksuffix": " "},
    )
