"""The report's figures of trials: history, one searched field at a time, two at a time."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

from search.journal.history import Trial
from search.journal.labels import LOSS_FIELDS, symbol
from search.reporting import axes
from search.reporting.chance import mark_chance
from search.reporting.context import GREY, MARKS, View
from search.reporting.html import Figure, Section, colour_axis, colour_key, paragraph
from search.reporting.marks import blank_figure, points, scatter, widened

CROWD = 100  # more marks of stopped trials than this are drawn fainter, so that they do not hide the finished ones
FEW = 8  # with at most this many trials, the axis shows the number of each


def optimisation_history(view: View) -> Section | None:
    """A mark for each drawn trial, its last value by its number; and the best score of the finished trials so far.

    None if no trial has reported yet.
    """
    traces = list(scatter(view, lambda trial: trial.number, lambda trial: trial.latest(view.metric)))
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
    figure = blank_figure(traces, "trial", view.metric_words)
    values = [trial.latest(view.metric) for trial in view.drawn]
    widened(figure, values)
    if len(view.history.trials) <= FEW:
        figure.update_xaxes(dtick=1, range=[-0.5, max(view.history.trials) + 0.5])  # there is no trial -1
    chance = mark_chance(view, figure, values)
    caption = MARKS + chance + view.drawn_in_words
    return Section("Optimisation history", figures=(Figure("optimisation-history", figure, caption),))


def slices(view: View) -> Section | None:
    """A figure for each searched field: the last values of the drawn trials over the field. None without any value."""
    figures = []
    for path in searched_first(view):
        range_ = view.spec.space[path]
        x = _placed(view, path)
        if traces := list(scatter(view, x, lambda trial: trial.latest(view.metric))):
            figure = blank_figure(traces, "", view.metric_words)
            figure.update_layout(xaxis=axes.axis(path, range_), shapes=axes.zero_line(range_, "x"), height=360)
            widened(figure, (trial.latest(view.metric) for trial in view.drawn if path in trial.values))
            figures.append(Figure(f"slice-{_slug(path)}", figure))
    if not figures:
        return None
    text = paragraph(
        f"{MARKS} A stopped trial's value comes from an earlier epoch: it is no score.{view.drawn_in_words}"
    )
    return Section("Score over each field", text, tuple(figures))


def maps(view: View) -> Section | None:
    """A figure for each pair of searched fields among η, γ and τ, with scores as colours.

    It has a coloured dot for each drawn finished trial and a grey × for each drawn stopped one. It has no contours,
    which would show what nobody measured. None if fewer than two of the fields are searched, or no trial has finished.
    """
    paths = [path for path in LOSS_FIELDS if path in view.spec.space]
    if len(paths) < 2 or not view.ranked:
        return None
    low, high = view.ranked_between
    figures = []
    stopped = [trial for trial in view.drawn if trial.state == "stopped"]
    size, opacity = (6, 0.9) if len(stopped) <= CROWD else (4, 0.4)
    dimmed = {"marker": {"symbol": "x-thin-open", "size": size, "color": GREY}, "opacity": opacity}
    for first, second in combinations(paths, 2):
        x, y = (_placed(view, path) for path in (first, second))
        finished = [trial for trial in view.drawn if trial.state == "finished"]
        finished.sort(key=lambda trial: trial.score or 0)  # the best on top
        traces = [
            points(stopped, x, y, "stopped") | dimmed,
            points(finished, x, y, "finished") | {"marker": _scored(finished)},
        ]
        figure = blank_figure(traces, "", "")
        ranges = view.spec.space[first], view.spec.space[second]
        figure.update_layout(xaxis=axes.axis(first, ranges[0]), yaxis=axes.axis(second, ranges[1]), height=400)
        figure.update_layout(shapes=[*axes.zero_line(ranges[0], "x"), *axes.zero_line(ranges[1], "y")])
        figure.update_layout(coloraxis=colour_axis(low, high), showlegend=False)
        figures.append(Figure(f"map-{_slug(first)}-{_slug(second)}", figure))
    text = colour_key(f"{low:.3f}", f"{high:.3f}", "score of a finished trial") + paragraph(
        f"A dot is a finished trial; its colour is its score. A grey × was stopped early and has none. The dotted "
        f"line parts zero from the rest.{view.drawn_in_words}"
    )
    return Section(f"Score over {', '.join(map(symbol, paths[:-1]))} and {symbol(paths[-1])}", text, tuple(figures))


def searched_first(view: View) -> list[str]:
    """The paths of the searched fields; η, γ and τ come first."""
    first = [path for path in LOSS_FIELDS if path in view.spec.space]
    return first + [path for path in view.spec.space if path not in first]


def _scored(finished: list[Trial]) -> dict[str, Any]:
    return {
        "color": [trial.score for trial in finished],
        "coloraxis": "coloraxis",
        "size": 11 if len(finished) <= 100 else 7,
        "line": {"width": 0.5, "color": GREY},
    }


def _placed(view: View, path: str) -> Callable[[Trial], float | None]:
    range_ = view.spec.space[path]
    return lambda trial: axes.place(range_, trial.values[path]) if path in trial.values else None


def _slug(path: str) -> str:
    return path.removeprefix("loss.").replace(".", "-").replace("_", "-")
