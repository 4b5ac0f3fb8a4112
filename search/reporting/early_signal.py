"""How far the values at the rungs could be trusted, judged by how trials ended."""

from search.algorithms.asha import rung_epochs
from search.journal import probe_gap
from search.reporting.context import View
from search.reporting.html import Section, bullets


def early_signal(view: View) -> Section | None:
    """The correlations of the values at the rungs with the final scores, and the regret of pruning, in sentences."""
    from search.evidence.rung_reliability import honesty, in_words  # half a second, for scipy

    if not view.ranked:
        return None
    rungs = rung_epochs(view.spec)
    found = honesty(view.history, view.spec.deciding_key, rungs=rungs, stage_one=view.spec.representation.epochs)
    by = "" if view.history.ranked()[0].decided is None else f"what rungs compare is the {view.deciding_words}"
    lines = [*([by] if by else []), *in_words(found), *probe_gap.in_words(view.spec, view.history)]
    return Section("Was the early signal honest?", bullets(f"{line[0].upper()}{line[1:]}." for line in lines))
