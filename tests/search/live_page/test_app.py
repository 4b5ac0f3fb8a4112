"""What search.live_page.app answers: pages, their parts, and what there is not."""

import json
import re

import pytest

from search.journal.log import Journal
from search.storage.search_folder import SearchFolder


def test_the_list_has_each_search_with_its_state_best_error_and_progress(shown):
    text = shown.get("/").text
    assert '<a href="/searches/told">told</a>' in text
    assert re.search(r"0\.\d{4} ± 0\.\d{4}</span> <small>trial \d+, ", text)
    assert text.count("trials have ended") == 2
    assert "interrupted" in text


def test_a_search_shows_its_trials_each_with_its_explanation_a_click_away(shown):
    text = shown.get("/searches/told").text
    history = SearchFolder(shown.root / "told").history()
    for number in history.trials:
        assert f'href="/searches/told/trial/{number}"' in text
    explained = shown.get("/searches/told/trial/0").text
    assert "<li>trial 0, " in explained
    assert "trial 0 has no log yet" in explained


def test_a_part_is_sent_again_only_when_it_has_changed(page):
    first = page.get("/searches/begun/rows")
    same = {"if-none-match": first.headers["etag"]}
    assert page.get("/searches/begun/rows", **same).status_code == 304
    folder = SearchFolder(page.root / "begun")
    ended = {"event": "end", "trial": 0, "state": "failed", "reason": "diverged: it is nan", "score": None}
    journal = Journal(folder.journal)
    journal.append(ended | {"time": 1, "up": 0.0})
    journal.close()
    again = page.get("/searches/begun/rows", **same)
    assert again.status_code == 200
    assert "diverged: it is nan" in again.text


def test_the_page_carries_the_tag_of_the_part_that_it_shows(shown):
    shown.reports.ask(SearchFolder(shown.root / "told"))
    whole, part = shown.get("/searches/told"), shown.get("/searches/told/rows")
    tag = re.search(r'data-tag="([^"]+)"', whole.text)[1].replace("&#34;", '"')
    assert tag == part.headers["etag"]
    assert part.text in whole.text


@pytest.mark.parametrize(
    "path", ["/searches/none", "/searches/told/trial/99", "/searches/told/none/trial/0", "/searches/..%2f..", "/x"]
)
def test_what_there_is_not_is_said_on_a_page(shown, path):
    answer = shown.get(path)
    assert answer.status_code == 404
    assert "<h1>Not here</h1>" in answer.text


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_changed(shown, method):
    for path in ("/", "/searches/told", "/searches/told/report", "/searches/told/trial/0"):
        assert getattr(shown.client, method)(path).status_code == 405


DAMAGE = {
    "a line of the journal": ("journal.jsonl", '{"event": "asked"}\n'),
    "no JSON in the journal": ("journal.jsonl", "nonsense\n"),
    "a newer format": ("search.json", json.dumps({"format": 99, "id": "x", "provenance": {}})),
    "no JSON": ("search.json", "nonsense"),
    "no spec": ("spec.yaml", "nonsense: ["),
    "a spec that is a list": ("spec.yaml", "[]"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_search_is_a_row_in_the_list_and_a_line_on_its_page(page, what):
    file, content = DAMAGE[what]
    assert page.get("/searches/begun").status_code == 200
    (page.root / "begun" / file).write_text(content)
    listed = page.get("/")
    assert listed.status_code == 200
    assert listed.text.count("class=problem") == 1
    assert '<a href="/searches/told">told</a>' in listed.text, "the others are shown"
    own = page.get("/searches/begun")
    assert (own.status_code, own.text.count("class=problem")) == (200, 1)
    assert page.get("/searches/begun/report").status_code == 503
    assert page.get("/searches/begun/trial/0").status_code == 404
    assert page.get("/searches/begun/log").status_code == 404


def test_a_search_without_its_spec_or_its_journal_is_shown_too(page):
    (page.root / "begun" / "spec.yaml").unlink()
    (page.root / "told" / "journal.jsonl").unlink()
    assert page.get("/").status_code == 200
    assert "spec.yaml" in page.get("/searches/begun").text
    assert page.get("/searches/told").status_code == 200


def test_what_a_search_says_is_text_and_no_html(page):
    folder = SearchFolder(page.root / "begun")
    about = json.loads((folder.path / "search.json").read_text())
    about["provenance"]["data"]["description"] = "<script>alert(1)</script>"
    (folder.path / "search.json").write_text(json.dumps(about))
    folder.trial(0).path.mkdir(parents=True)
    folder.trial(0).log.write_text("<img src=x onerror=alert(1)> at http://me:swordfish@host/")
    for path in ("/", "/searches/begun", "/searches/begun/trial/0"):
        text = page.get(path).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "swordfish" not in text
    assert "http://…@host/" in page.get("/searches/begun/trial/0").text


def test_a_results_folder_without_a_search_says_how_to_begin(page):
    for name in ("told", "begun"):
        (page.root / name).rename(page.root / f".{name}")
    text = page.get("/").text
    assert "No search here yet: start one with `afcl search demo" in text


def test_a_search_with_many_trials_shows_the_newest_and_all_when_asked(page, monkeypatch):
    monkeypatch.setattr("search.live_page.app.MOST_TRIALS", 2)
    few, every = page.get("/searches/told").text, page.get("/searches/told?every=1").text
    assert "The newest 2." in few
    assert '"/searches/told/trial/0"' not in few
    assert '"/searches/told/trial/0"' in every
    assert 'data-from="/searches/told/rows?every=1"' in every, "and it stays so when it is redrawn"


def test_style_and_script_are_served_with_their_types(shown):
    for file, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        assert shown.get(f"/{file}").headers["content-type"].startswith(kind)


def test_a_published_search_says_what_it_is_and_shows_the_page_that_came_with_it(published, page_over):
    page, folder = page_over(published), SearchFolder(published / "told")
    folder.report.write_text("as it was published")
    listed, own = page.get("/").text, page.get("/searches/told").text
    for text in (listed, own):
        assert "published: results without their journal" in text
        assert re.search(r"0\.\d{4} ± 0\.\d{4}", text)
    assert "0 of 7" not in own
    assert "The driver&#39;s log" not in own
    assert "The driver's log" not in own
    trial = page.get("/searches/told/trial/0").text
    assert trial.count("published without its") == 2, "the decision and the log are not here"
    page.reports.draw_what_is_due()
    assert page.get("/searches/told/report").text == "as it was published"
    folder.report.unlink()
    bare = page_over(published)
    bare.get("/searches/told")
    bare.reports.draw_what_is_due()
    assert "published without its journal" in bare.get("/searches/told").text


def test_the_leaderboard_and_the_tables_can_be_downloaded_and_no_other_file(published, page_over):
    page, folder = page_over(published), SearchFolder(published / "told")
    (folder.tables / "mine.csv").write_text("mine")
    own = page.get("/searches/told").text
    for file in ("leaderboard.csv", "tables/trials.csv", "tables/epochs.csv"):
        assert f'href="/searches/told/{file}"' in own
        answer = page.get(f"/searches/told/{file}")
        assert answer.content == (folder.path / file).read_bytes()
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"].startswith("attachment")
    assert page.get("/searches/told/leaderboard.csv", host="evil.example").status_code == 403
    for file in ("tables/mine.csv", "search.json", "tables/..%2fsearch.json", "tables/%2e%2e/search.json", "spec.yaml"):
        assert page.get(f"/searches/told/{file}").status_code == 404
    assert page.get("/searches/begun/leaderboard.csv").status_code == 404, "none was written or drawn"


@pytest.mark.slow
def test_the_leaderboard_of_a_report_that_was_drawn_here_is_served_beside_it(page):
    page.get("/searches/told")
    page.reports.draw_what_is_due()
    report = page.get("/searches/told/report").text
    assert '<a href="leaderboard.csv">leaderboard.csv</a>' in report
    assert "beside this page" not in report
    answer = page.get("/searches/told/leaderboard.csv")
    assert answer.text.startswith("rank,trial,family")
    assert not SearchFolder(page.root / "told").leaderboard.exists(), "nothing was written"
