"""The report's figures of trials: learning curves, history, one searched field at a time, two at a time."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import plotly.graph_objects as go

from search.algorithms.asha import rung_epochs
from search.journal.history import STATE_WORDS, Trial
from search.journal.labels import LOSS_FIELDS, symbol
from search.reporting import axes
from search.reporting.context import GREY, MARKS, View, hover, mark
from search.reporting.html import SCALE, Figure, Section, paragraph
from trainers.loss_config import END_TO_END, in_order
from trainers.seeds import derive_seed

LINES, FINISHED = 300, 200  # the most learning curves that are drawn, and of finished trials among them


def learning_curves(view: View) -> Section | None:
    """The metric by epoch, a line for each trial, with rungs, stops and the beginning of the classifier."""
    begun = [trial for trial in view.history.trials.values() if trial.epochs]
    if not begun:
        return None
    drawn = _drawn(begun, view.spec.search.seed)
    traces = [_curve(view, trial) for trial in drawn]
    traces += [_ends(view, family, drawn) for family in _families(drawn)]
    is_one_step = view.spec.classifier.solver == "lbfgs"
    figure = _figure(traces, "epoch (representation, then classifier)", view.metric_words)
    for epoch in rung_epochs(view.spec):
        figure.add_vline(x=epoch, line={"dash": "dot"}, annotation={"text": f"rung, epoch {epoch}", "textangle": -90})
    has_two_stages = any(trial.family not in END_TO_END for trial in drawn)
    if has_two_stages:
        boundary = view.spec.representation.epochs + 0.5
        figure.add_vline(x=boundary, annotation={"text": "classifier", "xanchor": "left"})
    figure.update_layout(height=460)
    caption = "× stopped by ASHA at a rung; thick: a baseline."
    if has_two_stages:
        other = "the same" if is_one_step else "another"
        caption += f" Before the classifier the value is the probe's, which is {other} estimator."
        if view.spec.classifier.fine_tune:
            caption += " After the classifier's fit the value is that of the encoder as it is fine-tuned with it."
    if one_stage := [family for family in _families(drawn) if family in END_TO_END]:
        caption += f" {' and '.join(one_stage)}: trained end to end; the value is that of the head."
    if len(drawn) < len(begun):
        caption += (
            f" Of {len(begun)} trials {len(drawn)} are drawn: the baselines, the best, and a random choice (seeded) of "
            f"the other finished ones, up to {FINISHED} in all, and of those that did not finish."
        )
    return Section("Learning curves", figures=(Figure("learning-curves", figure, caption),))


def optimisation_history(view: View) -> Section | None:
    """Each trial's last value by number, and the best finished score up to it."""
    traces = list(_scatter(view, lambda trial: trial.number, lambda trial: trial.latest(view.metric)))
    if not traces:
        return None
    best, steps = float("-inf"), []
    for trial in view.history.in_state("finished"):
        if trial.score is not None and trial.score > best:
            best = trial.score
            steps.append((trial.number, best))
    if steps:
        steps.append((max(view.history.trials), best))
        numbers, scores = zip(*steps, strict=True)
        line = {"shape": "hv", "color": GREY, "width": 2}
        traces.append(
            {"type": "scatter", "x": numbers, "y": scores, "mode": "lines", "line": line, "name": "best finished"}
        )
    figure = _figure(traces, "trial", view.metric_words)
    return Section(
        "Optimisation history", figures=(Figure("optimisation-history", figure, MARKS + view.drawn_in_words),)
    )


def slices(view: View) -> Section | None:
    """The last value of each trial over each searched field."""
    figures = []
    for path in searched_first(view):
        range_ = view.spec.space[path]
        x = _placed(view, path)
        if traces := list(_scatter(view, x, lambda trial: trial.latest(view.metric))):
            figure = _figure(traces, "", view.metric_words)
            figure.update_layout(xaxis=axes.axis(path, range_), shapes=axes.zero_line(range_, "x"), height=360)
            figures.append(Figure(f"slice-{_slug(path)}", figure))
    if not figures:
        return None
    text = paragraph(
        f"{MARKS} A stopped trial's value comes from an earlier epoch: it is no score.{view.drawn_in_words}"
    )
    return Section("Score over each field", text, tuple(figures))


def maps(view: View) -> Section | None:
    """Scores over each pair of η, γ and τ, as points: contours would show what nobody measured."""
    paths = [path for path in LOSS_FIELDS if path in view.spec.space]
    if len(paths) < 2 or not view.ranked:
        return None
    figures = []
    dimmed = {"marker": {"symbol": "x-thin-open", "size": 5, "color": GREY}, "opacity": 0.6}
    for first, second in combinations(paths, 2):
        x, y = (_placed(view, path) for path in (first, second))
        stopped = [trial for trial in view.drawn if trial.state == "stopped"]
        finished = [trial for trial in view.drawn if trial.state == "finished"]
        finished.sort(key=lambda trial: trial.score or 0)  # the best on top
        traces = [
            _points(stopped, x, y, "stopped") | dimmed,
            _points(finished, x, y, "finished") | {"marker": _scored(finished)},
        ]
        figure = _figure(traces, "", "")
        ranges = view.spec.space[first], view.spec.space[second]
        figure.update_layout(xaxis=axes.axis(first, ranges[0]), yaxis=axes.axis(second, ranges[1]), height=400)
        figure.update_layout(shapes=[*axes.zero_line(ranges[0], "x"), *axes.zero_line(ranges[1], "y")])
        figures.append(Figure(f"map-{_slug(first)}-{_slug(second)}", figure))
    text = paragraph(
        "The colour is the score of a finished trial; a grey × was stopped by ASHA and has none." + view.drawn_in_words
    )
    return Section(f"Score over {', '.join(map(symbol, paths[:-1]))} and {symbol(paths[-1])}", text, tuple(figures))


def parallel_coordinates(view: View) -> Section | None:
    """All searched fields and the score, a line for each trial; stopped trials end in a slot of their own."""
    trials = [trial for trial in view.drawn if trial.state in ("finished", "stopped") and trial.values]
    if not trials:
        return None
    scores = [trial.score for trial in trials if trial.score is not None]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    spread = high - low or 1.0
    heights = [0.05 if trial.score is None else 0.2 + 0.8 * (trial.score - low) / spread for trial in trials]
    dimensions = []
    for path in searched_first(view):
        range_ = view.spec.space[path]
        places = [axes.place(range_, trial.values[path]) or 0.0 if path in trial.values else None for trial in trials]
        name = symbol(path) + (" (log)" if axes.is_log(range_) else "")
        dimensions.append(_with_a_slot_for_none(name, places, axes.ticks(range_)))
    steps = [(0.2 + 0.8 * share, f"{low + spread * share:.3f}") for share in (0, 0.25, 0.5, 0.75, 1) if scores]
    dimensions.append(_dimension("score", heights, [(0.05, "stopped"), *steps]))
    line = {"color": heights, "cmin": 0, "cmax": 1}  # the page sets the colours, which depend on its colour scheme
    figure = go.Figure([{"type": "parcoords", "line": line, "dimensions": dimensions, "unselected": {"line": {}}}])
    figure.update_layout(margin={"l": 45, "r": 45, "t": 50, "b": 20})
    caption = (
        "Coloured by score, the best on top; grey: stopped by ASHA, without a score. Drag along an axis to keep only "
        "the lines that pass there; a click on the axis takes that back." + view.drawn_in_words
    )
    return Section("Parallel coordinates", figures=(Figure("parallel-coordinates", figure, caption),))


def searched_first(view: View) -> list[str]:
    """Paths of the searched fields, η, γ and τ first."""
    first = [path for path in LOSS_FIELDS if path in view.spec.space]
    return first + [path for path in view.spec.space if path not in first]


def _with_a_slot_for_none(label: str, places: Sequence[float | None], ticks: list[tuple[float, str]]) -> dict[str, Any]:
    """An axis with a slot below all values, for trials whose loss has no such field."""
    if None not in places:
        return _dimension(label, [place for place in places if place is not None], ticks)
    bottom = 0.15
    moved = [0.0 if place is None else bottom + (1 - bottom) * place for place in places]
    return _dimension(label, moved, [(0.0, "none"), *((bottom + (1 - bottom) * at, text) for at, text in ticks)])


def _dimension(label: str, values: list[float], ticks: list[tuple[float, str]]) -> dict[str, Any]:
    places, labels = zip(*ticks, strict=True)
    return {"label": label, "values": values, "range": [0, 1], "tickvals": places, "ticktext": labels}


def _drawn(begun: list[Trial], seed: int) -> list[Trial]:
    """At most `LINES` trials, thinned out by a seeded draw; baselines and the best stay."""
    draws = random.Random(derive_seed(seed, "learning curves", 0))
    finished = sorted((trial for trial in begun if trial.score is not None), key=lambda trial: -(trial.score or 0))
    others = [trial for trial in begun if trial.score is None]
    sure = {trial.number for trial in finished[: FINISHED // 4]} | {trial.number for trial in begun if trial.baseline}
    order = {trial.number: (trial.number not in sure, draws.random()) for trial in begun}
    chosen = sorted(finished, key=lambda trial: order[trial.number])[:FINISHED]
    chosen += sorted(others, key=lambda trial: order[trial.number])[: LINES - len(chosen)]
    return sorted(chosen, key=lambda trial: (trial.state == "finished", trial.baseline, trial.number))


def _curve(view: View, trial: Trial) -> dict[str, Any]:
    epochs = sorted(trial.epochs)
    return {
        "type": "scatter",
        "x": epochs,
        "y": [_rounded(trial.epochs[epoch].get(view.metric)) for epoch in epochs],
        "mode": "lines" if len(epochs) > 1 else "markers",
        "marker": {"size": 3},
        "line": {"color": view.colour_of(trial.family), "width": 3.5 if trial.baseline else 1.3},
        "opacity": 0.5 if trial.state == "stopped" else 0.9,
        "name": trial.family,
        "legendgroup": trial.family,
        "showlegend": False,
        "hovertemplate": f"{hover(trial)}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    }


def _ends(view: View, family: str, drawn: list[Trial]) -> dict[str, Any]:
    """The points at which a family's trials were stopped. Without any, the trace is only an entry in the legend."""
    stopped = [trial for trial in drawn if trial.family == family and trial.state == "stopped"]
    return {
        "type": "scatter",
        "x": [trial.epoch for trial in stopped] or [None],
        "y": [_rounded(trial.latest(view.metric)) for trial in stopped] or [None],
        "mode": "markers",
        "marker": {"symbol": "x-thin-open" if stopped else "line-ew-open", "size": 8, "color": view.colour_of(family)},
        "name": family,
        "legendgroup": family,
        "hoverinfo": "skip",
    }


def _scatter(view: View, x: Callable[[Trial], Any], y: Callable[[Trial], float | None]) -> Iterator[dict[str, Any]]:
    """A trace for each family and state, in the family's colour and the state's shape."""
    seen: set[str] = set()
    size = 9 if len(view.history.trials) <= 200 else 6
    for family in _families(view.drawn):
        for state in STATE_WORDS:
            trials = [trial for trial in view.drawn if (trial.family, trial.state) == (family, state)]
            trials = [trial for trial in trials if trial.epochs and x(trial) is not None]
            if trials:
                marker = {"color": view.colour_of(family), "size": size, "symbol": mark(trials[0])}
                yield _points(trials, x, y, family) | {
                    "marker": marker | ({"size": size - 2, "line": {"width": 1.5}} if state == "stopped" else {}),
                    "opacity": 0.6 if state == "stopped" else 0.9,
                    "legendgroup": family,
                    "showlegend": family not in seen,
                }
                seen.add(family)


def _points(
    trials: list[Trial], x: Callable[[Trial], Any], y: Callable[[Trial], float | None], name: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [x(trial) for trial in trials],
        "y": [_rounded(y(trial)) for trial in trials],
        "mode": "markers",
        "name": name,
        "hovertext": [hover(trial) for trial in trials],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _scored(finished: list[Trial]) -> dict[str, Any]:
    bar = {"thickness": 10, "title": {"text": "score"}, "tickformat": ".3f"}
    return {
        "color": [trial.score for trial in finished],
        "colorscale": SCALE,
        "colorbar": bar,
        "size": 11 if len(finished) <= 100 else 7,
        "line": {"width": 0.5, "color": GREY},
    }


def _placed(view: View, path: str) -> Callable[[Trial], float | None]:
    range_ = view.spec.space[path]
    return lambda trial: axes.place(range_, trial.values[path]) if path in trial.values else None


def _families(trials: list[Trial]) -> list[str]:
    return in_order(trial.family for trial in trials)


def _figure(traces: list[dict[str, Any]], x: str, y: str) -> go.Figure:
    return go.Figure(traces, {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _slug(path: str) -> str:
    return path.removeprefix("loss.").replace(".", "-").replace("_", "-")
