"""search.live_page.reports: drawn when asked for, again when the journal has grown, and not more often than stated."""

import os
import sys

import pytest

from search.live_page import reports as drawing
from search.live_page.reports import Reports
from search.reporting.context import read_view
from search.reporting.html import page
from search.reporting.report import report, sections_of
from search.storage.search_folder import SearchFolder


@pytest.fixture
def folder(told) -> SearchFolder:
    return SearchFolder(told / "told")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(drawing.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def drawn(monkeypatch, clock):
    """The names of the searches that were drawn; a drawing takes two seconds."""
    names = []

    def draw(self, folder):
        names.append(folder.name)
        clock[0] += 2.0
        return b"drawn", None, clock[0]

    monkeypatch.setattr(Reports, "_page", draw)
    return names


@pytest.mark.slow
def test_the_page_is_the_report_and_nothing_is_written(folder):
    reports = Reports()
    assert reports.ask(folder) == (None, "")
    before = sorted(folder.path.rglob("*"))
    reports.draw_what_is_due()
    found, problem = reports.ask(folder)
    assert problem == ""
    assert found.page.decode() == page(folder.name, sections_of(read_view(folder)))
    assert sorted(folder.path.rglob("*")) == before


@pytest.mark.slow
def test_the_page_that_the_word_wrote_is_served_until_something_happens(folder):
    written = report(folder.name, results=folder.root).page
    written.write_text("as it was written")
    reports = Reports()
    reports.ask(folder)
    reports.draw_what_is_due()
    drawn = reports.ask(folder)[0]
    assert (drawn.page, drawn.at) == (b"as it was written", written.stat().st_mtime), "and it is as old as it is"
    later = written.stat().st_mtime + 5
    os.utime(folder.journal, (later, later))
    assert drawing.written_page(folder) is None


def test_it_is_drawn_again_when_the_journal_has_grown_and_after_ten_times_what_it_took(folder, drawn, clock):
    reports = Reports()
    reports.ask(folder)
    reports.draw_what_is_due()
    assert drawn == ["told"]
    assert reports.ask(folder)[0].rest == drawing.AT_MOST_EVERY, "the first drawing also imports what draws"
    clock[0] += 100
    reports.ask(folder)
    reports.draw_what_is_due()
    assert drawn == ["told"], "nothing has happened"
    folder.journal.touch()
    reports.draw_what_is_due()
    assert drawn == ["told"] * 2
    assert reports.ask(folder)[0].rest == 20
    folder.journal.touch()
    clock[0] += 19
    reports.ask(folder)
    reports.draw_what_is_due()
    assert drawn == ["told"] * 2, "two seconds of drawing are followed by twenty of rest"
    clock[0] += 2
    reports.draw_what_is_due()
    assert drawn == ["told"] * 3


def test_nobody_looks_and_nothing_is_drawn(folder, drawn, clock):
    reports = Reports()
    reports.draw_what_is_due()
    reports.ask(folder)
    clock[0] += drawing.WATCHED_FOR + 1
    reports.draw_what_is_due()
    assert drawn == []


def test_of_reports_that_nobody_looks_at_any_more_a_few_are_kept(folder, drawn, clock, told):
    reports = Reports()
    for number in range(drawing.KEPT + 2):
        reports.ask(SearchFolder(told / f"told{number}"))
        reports.draw_what_is_due()
        clock[0] += drawing.WATCHED_FOR + 1
    reports.draw_what_is_due()
    assert len(reports._watched) == drawing.KEPT


@pytest.mark.slow
def test_what_cannot_be_drawn_is_a_line_and_the_last_drawing_stays(folder, clock):
    reports = Reports()
    reports.ask(folder)
    reports.draw_what_is_due()
    first, _ = reports.ask(folder)
    folder.journal.write_text("nonsense\n")
    clock[0] += 10_000
    reports.ask(folder)
    reports.draw_what_is_due()
    found, problem = reports.ask(folder)
    assert found is first
    assert "line 1 is damaged" in problem


def test_a_machine_without_plotly_says_so(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    for module in ("report", "html"):
        monkeypatch.delitem(sys.modules, f"search.reporting.{module}")
    reports = Reports()
    reports.ask(folder)
    reports.draw_what_is_due()
    assert reports.ask(folder) == (None, "plotly, which draws the report, is not installed here")
