"""What a confirmation adds to the page. See search.reporting.verdict_section."""

import shutil

from pages import confirm, figures_in, headings

from search.reporting.context import read_view
from search.reporting.report import render
from search.reporting.verdict_section import verdict
from search.storage.search_folder import SearchFolder


def test_a_confirmed_search_has_its_verdict_right_after_the_answer(played):
    begun = SearchFolder(played.path / "confirm-1")
    begun.path.mkdir()
    shutil.copy(played.path / "search.json", begun.path)
    assert "Verdict on fresh seeds" not in headings(render(played))
    confirm(played, caveats=("A caveat.",))
    page = render(played)
    assert headings(page)[:3] == ["Verdict on fresh seeds", "Leaderboard", "The losses side by side"]
    assert "<p>A caveat.</p>" in page
    drawn = figures_in(page)["verdict"]
    assert [list(trace.x) for trace in drawn.data if len(trace.x) == 3] == [[0.8, 0.82, 0.81], [0.7, 0.71, 0.72]]


def test_losses_stand_in_one_order_and_whiskers_as_wide_as_the_scale_are_a_sentence(played):
    scores = {"AFCL": {1: 0.8, 2: 0.82, 3: 0.81}, "CL": {1: 0.3, 2: 0.9, 3: 0.6}}
    confirm(played, caveats=(), scores=scores)
    shown, differences = verdict(read_view(played)).figures
    assert differences.slug == "differences"
    means = [trace for trace in shown.figure.data if trace.name == "mean"]
    assert [trace.y[0] for trace in means] == ["AFCL", "CL"], "plotly begins at the bottom"
    assert [trace.error_x.array is None for trace in means] == [False, True]
    assert "An interval as wide as the scale is not drawn: CL's reaches from 0.00 to 1.00." in shown.caption
    assert "over 3 seeds" in shown.caption
