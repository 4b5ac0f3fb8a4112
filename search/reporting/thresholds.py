"""The thresholds that were asked for with `--sensitivity`, as a section of the report."""

from search.evidence.sensitivity import in_words
from search.reporting.context import View
from search.reporting.html import Section, bullets


def thresholds(view: View) -> Section | None:
    """The thresholds and what they reach, in sentences; None if none was asked for."""
    if not view.points:
        return None
    lines = [line for point in view.points for line in in_words(point)]
    return Section("Thresholds for a wanted sensitivity", bullets(f"{line[0].upper()}{line[1:]}." for line in lines))
