"""The section on how well the values at the rungs foretold the final scores."""

from collections.abc import Iterator, Sequence
from functools import partial

from search.algorithms.asha import rung_epochs
from search.journal import probe_gap
from search.journal.history import Trial
from search.reporting.context import View, families_in
from search.reporting.html import Figure, Section, bullets
from search.reporting.marks import blank_figure, points, rounded


def early_signal(view: View) -> Section | None:
    """Sentences on how values at the rungs correlate with final scores and what pruning cost, and a figure per rung.

    None if no trial has finished.
    """
    from search.evidence.rung_reliability import honesty, in_words  # imported only here: scipy takes half a second

    if not view.ranked:
        return None
    rungs = rung_epochs(view.spec)
    found = honesty(view.history, view.spec.deciding_key, rungs=rungs, stage_one=view.spec.representation.epochs)
    by = "" if view.history.ranked()[0].decided is None else f"what rungs compare is the {view.deciding_words}"
    lines = [*([by] if by else []), *in_words(found), *probe_gap.in_words(view.spec, view.history)]
    told = bullets(f"{line[0].upper()}{line[1:]}." for line in lines)
    return Section("Did the rungs foretell the final scores?", told, tuple(_rungs(view, rungs)))


def _rungs(view: View, rungs: Sequence[int]) -> Iterator[Figure]:
    """A figure for each rung at which at least two drawn trials reported; `with_probes` says which trials count.

    The figure has a dot for each of these trials: its value at the rung against its final score.
    """
    from search.evidence.rung_reliability import with_probes  # imported only here: scipy takes half a second

    key, drawn = view.spec.deciding_key, {trial.number for trial in view.drawn}
    judged = [trial for trial in with_probes(view.history) if trial.number in drawn]
    for epoch in rungs:
        there = [trial for trial in judged if key in trial.epochs.get(epoch, {})]
        if len(there) < 2:
            continue
        traces = []
        for family in families_in(there):
            mine = [trial for trial in there if trial.family == family]
            marks = points(mine, partial(_value_at, key, epoch), lambda trial: trial.score, family)
            traces.append(marks | {"marker": {"color": view.colour_of(family), "size": 8}})
        figure = blank_figure(traces, f"{view.deciding_words.partition(' (')[0]}<br>at epoch {epoch}", "final score")
        figure.update_layout(height=360)
        caption = (
            f"Each dot is one of {len(there)} finished trials: its value at the rung of epoch {epoch}, and its score."
        )
        yield Figure(f"rung-{epoch}", figure, caption)


def _value_at(metric: str, epoch: int, trial: Trial) -> float | None:
    return rounded(trial.epochs[epoch][metric])
