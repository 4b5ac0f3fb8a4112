"""A search as one page that a person looks at: self-contained, readable offline, without any network."""

import html
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from search.asha import rung_epochs
from search.history import History, Trial
from search.precision import balanced_accuracy_error
from search.store import SearchFolder, open_folder, results_root
from search.tables import LOSS_FIELDS, counts_line, search_state, searched, short, symbol
from spaces.ranges import LogUniform, Range, ZeroOr
from spaces.spec import SearchSpec
from trainers.files import write_atomically

COLOURS = {"CL": "#5778a4", "FCL": "#e49444", "ACL": "#6a9f58", "AFCL": "#d1615d"}


def report(name: str, *, results: Path | None = None) -> Path:
    """Write results/NAME/index.html from the journal, of a running search too; where it is."""
    folder = open_folder(results_root(results), name)
    write_atomically(folder.report, render(folder).encode())
    return folder.report


def render(folder: SearchFolder) -> str:
    """The page as HTML."""
    spec, history, about = folder.spec(), folder.history(), folder.about()
    metric = spec.search.metric_key
    data = about["provenance"]["data"]
    sections = [
        f"<h1>{html.escape(folder.name)}</h1>",
        f"<p class=answer>{html.escape(answer(spec, history, data))}</p>",
        f"<p>{html.escape(data['description'])}; {counts_line(history)} ({search_state(folder, history)}).</p>",
        "<h2>Leaderboard</h2>",
        _leaderboard(history, metric),
    ]
    figures = {
        "Learning curves": learning_curves(spec, history),
        "Optimisation history": optimisation_history(spec, history),
        **{f"Score over {symbol(path)}": slice_over(path, spec, history) for path in _sliced(spec)},
    }
    for title, figure in figures.items():
        sections += [f"<h2>{html.escape(title)}</h2>", _embed(figure)]
    sections += ["<h2>How to reproduce</h2>", _reproduction(folder, about)]
    return _PAGE.format(title=html.escape(folder.name), plotly=get_plotlyjs(), body="\n".join(sections))


def answer(spec: SearchSpec, history: History, data: dict[str, Any]) -> str:
    """The search's outcome in a sentence or two, with what it cannot say."""
    ranked = history.ranked()
    if not ranked:
        return "No trial has finished yet."
    best = ranked[0]
    values = ", ".join(f"{symbol(path)} = {short(value)}" for path, value in searched(best).items())
    error = balanced_accuracy_error(list(data["validation"].values()))
    is_done = history.closed is not None and history.closed["reason"] == "done"
    return (
        f"{'Best' if is_done else 'Best so far'}: trial {best.number} ({best.family}) with {spec.search.metric_key} "
        f"{best.score:.4f} at {values}. One seed each and a standard error of about {error:.3f} from the validation "
        f"images alone: nearby scores are not distinguished, and luck is part of the best one."
    )


def learning_curves(spec: SearchSpec, history: History) -> go.Figure:
    """The metric by epoch, a line a trial, with the rungs."""
    figure = go.Figure()
    shown: set[str] = set()
    for trial in history.trials.values():
        epochs = sorted(trial.epochs)
        figure.add_scatter(
            x=epochs,
            y=[trial.epochs[epoch].get(spec.search.metric_key) for epoch in epochs],
            mode="lines+markers",
            line={"color": COLOURS[trial.family], "width": 2.5 if trial.baseline else 1.2},
            marker={
                "size": [8 if epoch == trial.epoch and trial.state == "stopped" else 0 for epoch in epochs],
                "symbol": "x",
            },
            opacity=0.5 if trial.state == "stopped" else 1,
            name=trial.family,
            legendgroup=trial.family,
            showlegend=trial.family not in shown,
            hovertemplate=f"trial {trial.number} {trial.state}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
        )
        shown.add(trial.family)
    for rung, epoch in enumerate(rung_epochs(spec)):
        figure.add_vline(x=epoch, line={"dash": "dot", "width": 1}, annotation_text=f"rung {rung}")
    figure.add_vline(x=spec.representation.epochs, line={"width": 1}, annotation_text="classifier")
    return _labelled(figure, "epoch", spec.search.metric_key)


def optimisation_history(spec: SearchSpec, history: History) -> go.Figure:
    """Each trial's last value by number, and the best finished score up to it."""
    figure = go.Figure()
    for family in COLOURS:
        trials = [trial for trial in history.trials.values() if trial.family == family and trial.epochs]
        if trials:
            figure.add_scatter(
                x=[trial.number for trial in trials],
                y=[trial.latest(spec.search.metric_key) for trial in trials],
                mode="markers",
                marker={"color": COLOURS[family], "size": 9, "symbol": [_mark(trial) for trial in trials]},
                name=family,
                hovertext=[f"trial {trial.number} {trial.state} at epoch {trial.epoch}" for trial in trials],
            )
    best, numbers, scores = float("-inf"), [], []
    for trial in history.in_state("finished"):
        best = max(best, trial.score or best)
        numbers.append(trial.number)
        scores.append(best)
    figure.add_scatter(x=numbers, y=scores, mode="lines", line={"shape": "hv", "color": "#888"}, name="best finished")
    return _labelled(figure, "trial", spec.search.metric_key)


def slice_over(path: str, spec: SearchSpec, history: History) -> go.Figure:
    """The last value of each trial over one searched field; a zero of a log range stands apart at the left."""
    range_ = spec.space[path]
    figure = go.Figure()
    for family in COLOURS:
        trials = [
            trial
            for trial in history.trials.values()
            if trial.family == family and trial.epochs and path in trial.values
        ]
        if trials:
            figure.add_scatter(
                x=[_position(trial.values[path], range_) for trial in trials],
                y=[trial.latest(spec.search.metric_key) for trial in trials],
                mode="markers",
                marker={"color": COLOURS[family], "size": 9, "symbol": [_mark(trial) for trial in trials]},
                name=family,
                hovertext=[f"trial {trial.number} {trial.state}: {short(trial.values[path])}" for trial in trials],
            )
    _labelled(figure, path, spec.search.metric_key)
    inner = range_.range if isinstance(range_, ZeroOr) else range_
    if isinstance(inner, LogUniform):
        figure.update_xaxes(type="log")
        if isinstance(range_, ZeroOr):
            zero = _position(0.0, range_)
            figure.add_vline(x=zero, line={"dash": "dot", "width": 1}, annotation_text="0")
    return figure


def _sliced(spec: SearchSpec) -> list[str]:
    first = [path for path in LOSS_FIELDS if path in spec.space]
    return first + [path for path in spec.space if path not in first]


def _position(value: Any, range_: Range) -> Any:
    inner = range_.range if isinstance(range_, ZeroOr) else range_
    if value == 0 and isinstance(inner, LogUniform):
        return inner.low / (inner.high / inner.low) ** 0.1
    return value


def _mark(trial: Trial) -> str:
    return {"finished": "circle", "stopped": "x", "failed": "triangle-down"}.get(trial.state, "circle-open")


def _labelled(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        xaxis_title=x,
        yaxis_title=y.removeprefix("val_").replace("_", " "),
        height=420,
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        template="plotly_white",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080"},
    )
    figure.update_xaxes(gridcolor="rgba(128,128,128,.2)", zeroline=False)
    figure.update_yaxes(gridcolor="rgba(128,128,128,.2)", zeroline=False)
    return figure


def _embed(figure: go.Figure) -> str:
    config = {"responsive": True, "displaylogo": False}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=config))


def _leaderboard(history: History, metric: str) -> str:
    ranked = history.ranked()
    if not ranked:
        return "<p>Nothing has finished yet.</p>"
    paths = list(searched(ranked[0]))
    head = "".join(f"<th>{html.escape(text)}</th>" for text in ("rank", "trial", "loss", metric, *map(symbol, paths)))
    rows = []
    for rank, trial in enumerate(ranked, 1):
        name = trial.family + (" (baseline)" if trial.baseline else "")
        cells = [
            str(rank),
            str(trial.number),
            name,
            f"{trial.score:.4f}",
            *(short(v) for v in searched(trial).values()),
        ]
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _reproduction(folder: SearchFolder, about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["provenance"]["versions"].items())
    return (
        f"<pre>afcl search spec.yaml   # the file below\nafcl export {html.escape(folder.name)}\n"
        f"afcl train best-1.yaml</pre>"
        f"<p>commit {html.escape(str(about['provenance']['git_commit']))}; {html.escape(versions)}; "
        f"{html.escape(about['provenance']['machine']['cpu'])}; "
        f"data fingerprint {about['provenance']['data']['fingerprint'][:16]}.</p>"
        f"<details><summary>spec.yaml</summary><pre>{html.escape(folder.spec().dump_yaml())}</pre></details>"
    )


_PAGE = """<!doctype html>
<html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width, initial-scale=1">
<title>{title}</title><link rel=icon href="data:,">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: break-word }}
.answer {{ font-size: 1.15rem; border-left: 4px solid #d1615d; padding-left: 1rem }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25rem .75rem; text-align: left; border-bottom: 1px solid rgba(128,128,128,.3) }}
pre {{ overflow-x: auto; padding: .75rem; background: rgba(128,128,128,.12) }}
</style><script>{plotly}</script></head><body>
{body}
</body></html>
"""
