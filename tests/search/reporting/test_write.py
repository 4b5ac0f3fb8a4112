"""The way to the report from a session, on a machine that may lack plotly. tests/integration hides it for real."""

import sys

import pytest

from search.reporting.write import write_report
from trainers.errors import EnvironmentProblem


@pytest.mark.slow
def test_page_and_table_are_written(told):
    written = write_report("told", results=told)
    assert (written.page, written.pictures) == (told / "told" / "index.html", ())
    assert written.page.exists()
    assert (told / "told" / "leaderboard.csv").exists()


def test_without_plotly_a_line_says_so_and_the_search_is_done_all_the_same(told, monkeypatch):
    def hidden(name, *_):
        if name == "search.reporting.report":
            raise ModuleNotFoundError("No module named 'plotly'", name="plotly.graph_objects")

    monkeypatch.delitem(sys.modules, "search.reporting.report", raising=False)
    monkeypatch.setattr(sys, "meta_path", [type("Hiding", (), {"find_spec": staticmethod(hidden)}), *sys.meta_path])
    with pytest.raises(EnvironmentProblem, match=r"^no report of told: plotly, which draws it, is not installed here$"):
        write_report("told", results=told)


def test_a_mistake_of_ours_is_not_taken_for_a_missing_package(told, monkeypatch):
    monkeypatch.setitem(sys.modules, "search.reporting.report", None)
    with pytest.raises(ModuleNotFoundError, match=r"search\.reporting\.report"):
        write_report("told", results=told)
