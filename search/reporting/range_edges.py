"""Warn of best values near an end of their range: the optimum may be beyond it."""

from statistics import median

from search.journal.history import Trial
from search.journal.labels import short
from search.reporting.context import View, words
from search.reporting.figures import searched_first
from search.reporting.html import Cell, Section, bullets, paragraph, table
from spaces.conditions import SWITCH
from spaces.ranges import Edge, Range, Value, is_number

MARGIN = 0.05  # share of a range, on its own scale
TOP = 5
SIDES = {"low": "downwards", "high": "upwards"}


def edges(view: View) -> Section | None:
    """A table of each searched field's value in the best trial and its median in the best five trials; and advice.

    The advice is to widen ranges that have these values near an end. None if no field is searched, or no trial has
    finished.
    """
    top = view.ranked[:TOP]
    if not top or not view.spec.space:
        return None
    rows: list[list[Cell | str]] = []
    advice = []
    for path in searched_first(view):
        range_ = view.spec.space[path]
        # for a field of another loss: the best trials of that loss
        having = [trial for trial in view.ranked if path in trial.values][:TOP]
        best, middle = (having[0].values[path] if having else None), _middle(having, path)
        rows.append([words(path), range_.describe(), _judged(range_, best), _judged(range_, middle)])
        ties = [trial.values[path] for trial in _as_good(view, having)]
        apart = [value for value in ties if edge_of(range_, value) != edge_of(range_, best)]
        if edge_of(range_, best) and apart and not edge_of(range_, middle):
            advice.append(
                f"{words(path)}: of {len(ties)} trials that share the best score, {len(ties) - len(apart)} "
                f"{'lies' if len(ties) - len(apart) == 1 else 'lie'} near the {edge_of(range_, best)} end of "
                f"{range_.describe()} and {len(apart)} elsewhere: no reason to widen the range yet."
            )
            continue
        ends = [edge for value in (best, middle) if (edge := edge_of(range_, value))]
        if ends:
            advice.append(
                f"{words(path)}: {'the best value lies' if edge_of(range_, best) else 'the best values lie'} near the "
                f"{ends[0]} end of {range_.describe()}, and better ones may lie beyond: widen the range "
                f"{SIDES[ends[0]]} and search again."
            )
    columns = ["field", "range", "best", f"median of the best {len(top)}" if len(top) > 1 else "median"]
    found = bullets(advice) if advice else paragraph("No best value lies near an end of its range.")
    note = f"Near: within {MARGIN:.0%} of the range, on its own scale. Zero, where it may be chosen, does not count."
    if len({trial.config["loss"].get("name") for trial in top}) > 1 or SWITCH in view.spec.space:
        note += " A field of one loss is judged by the best trials that have it."
    return Section("Edges of the ranges", table(columns, rows) + found + paragraph(note))


def _as_good(view: View, having: list[Trial]) -> list[Trial]:
    """The first of the trials `having`, and those that `View.merit` ranks equal to it."""
    return [trial for trial in having if view.merit(trial) == view.merit(having[0])]


def edge_of(range_: Range, value: Value | None) -> Edge:
    """The end of the range that a value is close to or beyond; None if it is close to neither, or if there is no value.

    A baseline's value may be beyond. Zero never counts as an end: it makes the loss another member of the family.
    """
    return None if value is None or value == 0 else range_.near_edge(value, MARGIN)


def _middle(top: list[Trial], path: str) -> Value | None:
    """The median of the trials' values at `path`; None if a value is no number, or if there are no trials."""
    values = [trial.values[path] for trial in top]
    numbers = [value for value in values if is_number(value)]
    return median(numbers) if numbers and len(numbers) == len(values) else None


def _judged(range_: Range, value: Value | None) -> Cell:
    if value is None:
        return Cell("")
    edge = edge_of(range_, value)
    return Cell(f"{short(value)} (near the {edge} end)" if edge else short(value))
