"""Figures as pictures, drawn by a browser that is there."""

from pathlib import Path

import pytest
from pages import figures_in

from search.reporting import png
from search.storage.search_folder import SearchFolder

CHROMIUM = Path("/usr/bin/chromium")


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
        assert int.from_bytes(content[16:20]) == png.WIDTH * png.SCALE
