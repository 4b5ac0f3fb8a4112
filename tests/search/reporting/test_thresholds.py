"""What `--sensitivity` asks for, on the page and on the command line. See search.reporting.thresholds."""

import json

import pytest
from pages import headings
from words import BAD_INPUT, done

from search.reporting.report import report

TITLE = "Thresholds for a wanted sensitivity"


@pytest.mark.slow
def test_a_report_tells_the_threshold_of_each_class_that_was_asked_for_and_else_of_none(scored):
    written = report(scored.name, sensitivity={"3": 0.9, "9": 1}, results=scored.root)
    assert [(point.class_name, point.wanted) for point in written.points] == [("3", 0.9), ("9", 1)]
    page = written.page.read_text()
    assert TITLE in headings(page)
    assert f"Predict 3 if its probability is at least {written.points[0].threshold!r}" in page.replace(
        ": predict", ": Predict"
    )
    assert report(scored.name, results=scored.root).points == ()
    assert TITLE not in headings(written.page.read_text())


@pytest.mark.slow
def test_the_word_report_tells_thresholds_after_the_page_and_as_json(typed, scored):
    printed = done(typed("report", "scored", "--sensitivity", "3=.9", results=scored.root)).splitlines()
    assert printed[0] == str(scored.report)
    assert printed[1].startswith("3, for a sensitivity of 0.9: predict 3 if its probability is at least 0.")
    told = json.loads(done(typed("report", "scored", "--sensitivity", "3=.9", "--json", results=scored.root)))
    (point,) = told["sensitivity"]
    assert repr(point["threshold"]) in printed[1]
    assert point["validation"]["sensitivity"]["images"] == 40
    assert "sensitivity" not in json.loads(done(typed("report", "scored", "--json", results=scored.root)))


@pytest.mark.parametrize("wish", ["3", "3=", "3=much", "7=.9", "3=1.5", "3=0", "3=nan", "=.5"])
def test_a_wrong_wish_is_one_line_and_nothing_is_written(typed, scored, wish):
    refused = typed("report", "scored", "--sensitivity", wish, results=scored.root)
    assert refused.returncode == BAD_INPUT
    (line,) = refused.stderr.splitlines()
    assert "--sensitivity: " in line
    assert not scored.report.exists()


def test_a_checkpoint_that_is_gone_chooses_no_threshold(typed, scored):
    scored.trial(0).drop_checkpoints()
    refused = typed("report", "scored", "--sensitivity", "3=.9", results=scored.root)
    assert refused.returncode == BAD_INPUT
    assert refused.stderr.count("\n") == 1
    assert "trial 0 of scored cannot be used: its checkpoint is gone" in refused.stderr
