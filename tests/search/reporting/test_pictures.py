"""Figures as pictures, drawn by a browser that is there."""

from pathlib import Path

import plotly.graph_objects as go
import pytest
from pages import figures_in

from search.reporting import pictures
from search.reporting.html import Figure, colour_axis
from search.reporting.pictures import on_paper, size_of
from search.reporting.report import report
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

CHROMIUM = Path("/usr/bin/chromium")


@pytest.mark.slow
def test_a_machine_without_a_browser_is_told_how_to_mend_it(typed, told):
    ended = typed("report", "told", "--png", results=told, BROWSER_PATH="/nowhere/chrome")
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert "/nowhere/chrome is not on this machine; install one" in line
    assert not (told / "told" / "figures").exists()


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium")
def test_every_figure_is_a_picture_under_its_slug(typed, told):
    folder = SearchFolder(told / "told")
    folder.figures.mkdir()
    (folder.figures / "of-an-older-report.png").touch()
    printed = typed("report", "told", "--png", results=told)
    assert printed.returncode == 0, printed.stderr
    drawn = {path.stem: path for path in folder.figures.iterdir()}
    assert set(drawn) == set(figures_in(folder.report.read_text()))
    assert printed.stdout.split() == [str(folder.report), *(str(drawn[slug]) for slug in sorted(drawn))]
    for path in drawn.values():
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20]) == pictures.WIDTH * pictures.SCALE


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium")
def test_a_paper_gets_text_as_text_with_its_fonts_and_other_kinds_stay(told):
    folder = SearchFolder(told / "told")
    folder.figures.mkdir()
    (folder.figures / "kept.png").touch()
    drawn = {path.suffix: path for path in report("told", figures="svg", results=told).pictures}
    content = drawn[".svg"].read_text()
    assert "<text" in content
    assert f'width="{pictures.COLUMN}' in content or f'width="{pictures.TWO_COLUMNS}' in content
    first = report("told", figures="pdf", results=told).pictures[0].read_bytes()
    assert first.startswith(b"%PDF")
    assert b"/FontFile" in first
    assert (folder.figures / "kept.png").exists()


def test_a_kind_that_there_is_not_is_refused_before_anything_is_written(told):
    with pytest.raises(InputError, match="--figures: must be one of png, svg, pdf, but got gif"):
        report("told", figures="gif", results=told)


def test_on_paper_a_figure_has_its_own_colour_bar_and_a_columns_letters():
    coloured = Figure("map", go.Figure(layout={"coloraxis": colour_axis(0.1, 0.9)}))
    assert on_paper(coloured, "png").layout.coloraxis.showscale
    plain = on_paper(Figure("plain", go.Figure()), "pdf")
    assert plain.layout.coloraxis.showscale is None
    assert plain.layout.font.size == pictures.LETTERS


def test_a_figure_is_as_wide_as_a_column_and_one_that_scrolls_as_two():
    narrow, wide = Figure("a", go.Figure()), Figure("b", go.Figure(), least_width=700)
    assert [size_of(figure, "pdf")["width"] for figure in (narrow, wide)] == [pictures.COLUMN, pictures.TWO_COLUMNS]
    assert size_of(wide, "png")["width"] == pictures.WIDTH
