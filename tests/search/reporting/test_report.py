"""The report's page, tables and pictures, on searches that are told by hand: no trial of theirs runs."""

import csv
import json
import os
import re
from html.parser import HTMLParser

import pytest
from pages import (
    HEADINGS,
    RANDOM,
    SHORT,
    confirm,
    contents_of,
    figures_in,
    headings,
    play,
    without_plotly,
)

from search.reporting import curves
from search.reporting.leaderboard import SHOWN
from search.reporting.marks import in_figure
from search.reporting.report import render, report
from search.storage.search_folder import SearchFolder


def test_the_sections_stand_in_their_order(played):
    page = render(played)
    assert headings(page) == HEADINGS
    assert "<div class=answer><p>Best: trial " in page


@pytest.mark.slow
@pytest.mark.parametrize("told", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(6, marks=pytest.mark.slow)])
def test_a_search_of_no_or_one_trial_has_a_page(told, tmp_path):
    """Nothing asked yet; one trial in its first epoch; one trial at its end."""
    one = [*SHORT, "search.trials=0", "search.baselines=[CL]", "space={}"]
    folder = play(tmp_path, one, until=told, end="interrupted")
    page = render(folder)
    assert [heading for heading in HEADINGS if heading in headings(page)] == headings(page)
    assert ("No trial has finished yet." in page) == (told < 6)
    assert ("Learning curves" in headings(page)) == (told > 0)
    assert "; interrupted: " in page
    figures_in(page)


@pytest.mark.slow
def test_a_running_search_says_so(played):
    with played.lock():
        assert "; running: " in render(played)
    assert "; done: " in render(played)


@pytest.mark.slow
def test_two_thousand_trials_make_a_page_that_can_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a disk's patience is not what is tested
    folder = play(tmp_path, [*RANDOM, "search.trials=1997"])
    written = report(folder.name, results=tmp_path)
    history = folder.history()
    finished = len(history.in_state("finished"))
    assert len(history.trials) == 2000
    assert finished > 2 * SHOWN
    assert written.page.stat().st_size < 10_000_000
    page = written.page.read_text()
    table = without_plotly(page).split("<h2>Leaderboard</h2>")[1].split("</table>")[0]
    assert table.count("<tr>") == SHOWN + 1
    assert f"{finished - SHOWN} more finished trials" in page
    lines = [trace for trace in figures_in(page)["learning-curves"].data if trace.hovertemplate]
    assert len(lines) == curves.LINES
    assert sum("<br>finished at epoch" in trace.hovertemplate for trace in lines) == curves.FINISHED
    assert sum(" baseline<br>" in trace.hovertemplate for trace in lines) == 3
    assert f"Of 2000 trials {curves.LINES} are drawn" in page
    with folder.leaderboard.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2000


@pytest.mark.slow
def test_a_page_of_a_hundred_trials_with_all_its_pictures_is_small(tmp_path):
    folder = play(tmp_path, [*RANDOM, "search.trials=97", "search.scheduler.reduction=4"])
    confirm(folder, caveats=())
    page = render(folder).encode()
    assert len(folder.history().trials) == 100
    assert len(page) < 2_000_000


def test_the_page_is_one_file_that_asks_for_nothing(played):
    page = without_plotly(render(played))
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"<(script|img|iframe)[^>]*\bsrc|@import|url\(", page)
    drawn = figures_in(render(played))
    assert {"learning-curves", "optimisation-history", "parallel-coordinates", "slots-busy"} <= set(drawn)


class Page(HTMLParser):
    """A page as a browser takes it: its elements and their attributes, its text, and what its figures show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements, self.text, self.drawn, self._is_packed = [], "", contents_of(page), False
        self.feed(without_plotly(page))

    def handle_starttag(self, tag, attrs):
        # a matrix of long names is higher
        same = [(name, re.sub(r"height:\d+px", "height", value or "")) for name, value in attrs]
        self.elements.append((tag, same))
        self._is_packed = ("type", "text/plain") in attrs

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", []))
        self._is_packed = False

    def handle_data(self, data):
        if not self._is_packed:
            self.text += data


def named_by_a_user(folder: SearchFolder, word: str) -> SearchFolder:
    """The search, in which `word` is the name of all that people, files or machines may name."""
    about, names = folder.about(), [word, "b", "c"]
    made = about["provenance"]
    made["data"] |= {"description": word, "validation": dict.fromkeys(names, 40)}
    made |= {"versions": {word: word}, "git_commit": word, "machine": {"cpu": word}}
    (folder.path / "search.json").write_text(json.dumps(about))
    spec = folder.spec()
    tracking = spec.tracking.model_copy(update={"uri": word})
    (folder.path / "spec.yaml").write_text(spec.model_copy(update={"tracking": tracking}).dump_yaml())
    confirm(folder, caveats=(word,))
    for trial in folder.history().in_state("finished")[1:]:  # the first has no picture, which is a sentence
        result = {"recall": dict.fromkeys(names, 0.5), "confusion": [[1] * 3] * 3, "class_names": names}
        folder.trial(trial.number).write_result(result)
        points = {"class_names": names, "labels": [0, 1, 2], "points": [[0, 1], [1, 2], [2, 0]]}
        kept = {"method": "PCA", "checkpoint": "", "fingerprint": "", "explained": [0.5, 0.25]} | points
        folder.trial(trial.number).embedding.write_text(json.dumps(kept))
    return folder


def strings_in(content) -> list[str]:
    """All that is written in a figure."""
    if isinstance(content, dict | list):
        parts = content.values() if isinstance(content, dict) else content
        return [string for part in parts for string in strings_in(part)]
    return [content] if isinstance(content, str) else []


@pytest.mark.parametrize(
    "word",
    [
        """</script><b>R & D" onclick='x'&lt;i&gt;""",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("<script>alert(1)</script>", "</script><b>", "R & D", "&lt;i&gt;", '" onclick="x')
        ),
    ],
)
def test_what_a_user_wrote_is_read_as_text_in_every_section(word, played):
    """The page has the elements of one without such words: they make none, change none and end none."""
    plain, found = (Page(render(named_by_a_user(played, one))) for one in ("Plain: text", word))
    assert found.elements == plain.elements
    assert found.text.count(word) == plain.text.count("Plain: text") == 7
    assert [heading for heading in [*HEADINGS, "Verdict on fresh seeds"] if heading not in found.text] == []
    drawn, drawn_plain = (strings_in(one.drawn) for one in (found, plain))
    for string, plain_string in zip(drawn, drawn_plain, strict=True):
        expected = plain_string.replace("Plain: text", in_figure(word))
        if string != expected:  # a name on an axis, wrapped and cut
            assert plain_string == "Plain: text"
            assert expected.replace(" ", "").startswith(string.replace("<br>", "").replace(" ", "").rstrip("…"))
    assert drawn != drawn_plain
    of_plotly = {"<br>", "<extra>", "</extra>"}
    assert set(re.findall("<[^>]*>?", " ".join(drawn))) <= of_plotly, "it would make elements of others"
