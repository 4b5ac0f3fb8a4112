"""What a confirmation adds to the page. See search.reporting.verdict_section."""

import shutil

from pages import confirm, figures_in, headings

from search.reporting.report import render
from search.storage.search_folder import SearchFolder


def test_a_confirmed_search_has_its_verdict_after_the_leaderboard(played):
    begun = SearchFolder(played.path / "confirm-1")
    begun.path.mkdir()
    shutil.copy(played.path / "search.json", begun.path)
    assert "Verdict on fresh seeds" not in headings(render(played))
    confirm(played, caveats=("A caveat.",))
    page = render(played)
    assert headings(page)[:3] == ["Leaderboard", "Verdict on fresh seeds", "Learning curves"]
    assert "<p>A caveat.</p>" in page
    drawn = figures_in(page)["verdict"]
    assert [list(trace.x) for trace in drawn.data if len(trace.x) == 3] == [[0.7, 0.71, 0.72], [0.8, 0.82, 0.81]]
