"""The verdict of a confirmation on the losses and on the best trials, as a section of the report."""

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from markupsafe import Markup

from search.evidence.headline import headline
from search.reporting.context import View, evidence_of
from search.reporting.forest import TOO_WIDE, forest
from search.reporting.html import Figure, Section, paragraph, table
from trainers.loss_config import in_order

if TYPE_CHECKING:
    from search.evidence.evidence import Evidence
    from search.evidence.until_decided import Decided


def confirmed_sentences(view: View) -> list[str]:
    """The verdict for the head of the page, as a list with one sentence; empty if no confirmation has a verdict."""
    evidence = evidence_of(view)
    if evidence is None:
        return []
    from search.evidence.evidence import TEST_METRICS

    return [headline(len(evidence.seeds), evidence.families[TEST_METRICS[0]].sentence)]


def verdict(view: View) -> Section | None:
    """The last verdict in words, its pairs as a table, and figures of every seed's score on the test split.

    None if no confirmation has a verdict.
    """
    evidence = evidence_of(view)
    if evidence is None:
        return None
    from search.evidence.evidence import in_words

    pairs = _pairs(evidence) if evidence.until_decided is None else _decided_pairs(evidence.until_decided)
    words = Markup().join(paragraph(f"{line[0].upper()}{line[1:]}") for line in in_words(evidence)) + pairs
    differences = forest(view, evidence)
    figures = (Figure("verdict", *_by_seed(view, evidence)), *([] if differences is None else [differences]))
    return Section("Verdict on fresh seeds", words, figures)


def _pairs(evidence: "Evidence") -> Markup:
    """A table with a row for each pair of losses, compared on balanced accuracy; empty if there are no pairs."""
    from search.evidence.evidence import TEST_METRICS

    columns = ["pair", "seeds", "difference", "95 % interval", "p", "p (Holm)", "d_z", "P(better)", "seeds needed"]
    pairs = evidence.families[TEST_METRICS[0]].pairs
    shown = [pair.interval and pair.interval.within(-1, 1) for pair in pairs]
    rows = [
        [
            f"{pair.a} − {pair.b}",
            str(pair.n),
            _number(pair.difference, "+.4f"),
            f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "",
            _number(pair.p, ".2g"),
            _number(pair.p_holm, ".2g"),
            _number(pair.effect, "+.2f"),
            _number(pair.p_better, ".2f"),
            "" if pair.seeds_needed is None else str(pair.seeds_needed),
        ]
        for pair, interval in zip(pairs, shown, strict=True)
    ]
    note = (
        "Paired by seed, on the test split. The interval is not corrected for the number of pairs, p (Holm) is. d_z: "
        "mean difference over its standard deviation. P(better): share of seeds on which the first is above the second."
    )
    if shown != [pair.interval for pair in pairs]:
        note += " Intervals are cut off at −1 and 1, the ends of what a difference can be."
    return table(columns, rows) + paragraph(note) if rows else Markup()


def _decided_pairs(found: "Decided") -> Markup:
    """A table with a row for each pair of configurations: how the rounds of `--until-decided` ended for it."""
    from search.evidence.decided_verdict import state_in_words

    columns = ["pair", "state", "rounds", "seeds", "difference", "interval"]
    rows = []
    for pair in found.pairs:
        interval = pair.interval and pair.interval.within(-1, 1)
        rows.append(
            [
                f"{pair.a} − {pair.b}",
                state_in_words(pair, found.plan.smallest),
                str(pair.rounds),
                str(pair.n),
                _number(pair.difference, "+.4f"),
                f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "",
            ]
        )
    note = "Paired by seed, on the test split, after the round that ended the pair. The interval holds at every look."
    return table(columns, rows) + paragraph(note)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _by_seed(view: View, evidence: "Evidence") -> tuple[go.Figure, str]:
    """The figure of each seed's score and each loss's mean with its interval; and the figure's caption."""
    from search.evidence.evidence import TEST_METRICS
    from search.evidence.verdict import judge

    traces: list[dict[str, Any]] = []
    untold: list[str] = []
    labels = in_order(label for label, of in evidence.scores[TEST_METRICS[0]].items() if of)
    for label in labels[::-1]:  # plotly begins at the bottom
        scores = evidence.scores[TEST_METRICS[0]][label]
        (summary,) = judge({label: scores}).labels
        colour = view.colour_of(label)
        interval, at = summary.interval and summary.interval.within(0, 1), summary.mean or 0.0
        if interval is not None and interval.high - interval.low > TOO_WIDE:
            untold.insert(0, f"{label}'s reaches from {interval.low:.2f} to {interval.high:.2f}")
            interval = None
        below, above = (at - interval.low, interval.high - at) if interval else (0.0, 0.0)
        whiskers = {"type": "data", "symmetric": False, "array": [above], "arrayminus": [below]}
        common = {"type": "scatter", "mode": "markers", "showlegend": False}
        seeds = [f"{label}, seed {seed}" for seed in scores]
        dots = {"x": list(scores.values()), "y": [label] * len(scores), "hovertext": seeds}
        mean = {"x": [summary.mean], "y": [label]} | ({"error_x": whiskers} if interval else {})
        traces += [
            common | dots | {"marker": {"color": colour, "size": 7, "opacity": 0.4}},
            common | mean | {"marker": {"color": colour, "size": 12, "symbol": "diamond"}, "name": "mean"},
        ]
    figure = go.Figure(traces)
    figure.update_layout(
        height=120 + 45 * len(labels),
        xaxis={"title": {"text": "balanced accuracy (test split)"}},
        yaxis={"type": "category", "ticksuffix": " "},
    )
    caption = (
        "A dot is a seed, which sets split, order and initialisation; the diamond is the mean. "
        f"The whiskers are the 95 % interval of the mean over {_seeds(evidence)}."
    )
    if untold:
        caption += f" An interval as wide as the scale is not drawn: {', '.join(untold)}."
    return figure, caption


def _seeds(evidence: "Evidence") -> str:
    count = len(evidence.seeds)
    return f"{count} seed{'s' * (count != 1)}"
