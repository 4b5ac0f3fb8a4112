"""The picture of test images that a confirmation leaves."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from scored import SEEDS, confirmed, scored_search, scores_of

from search.engine.judged_sheet import draw_judged, leave_judged_test
from trainers.data.arrays import Split

TOLD = [(0.9, 0), (0.8, 1), (0.2, 2), (0.7, 0)]


def split(labels):
    draws = np.random.default_rng(0)
    return Split(draws.integers(0, 255, (len(labels), 1, 8, 8)).astype(np.uint8), np.array(labels))


def test_a_picture_has_a_row_for_each_class_and_rows_of_mistakes():
    test = split([0, 1, 2, 0])
    drawn, told = draw_judged(test.images, test.labels, scores_of(TOLD, TOLD).test, ("a", "b", "c"))
    assert told == {"images": 4, "wrong": 2, "shown": 2}
    few, none = Image.open(io.BytesIO(drawn)), draw_judged(test.images[:1], test.labels[:1], np.eye(3)[:1], "abc")[0]
    assert few.height == pytest.approx(4 * Image.open(io.BytesIO(none)).height, abs=24)


@pytest.mark.slow
def test_a_run_leaves_the_picture_and_other_labels_leave_none_and_say_so(tmp_path):
    folder = confirmed(scored_search(tmp_path), dict.fromkeys(SEEDS, scores_of(TOLD, TOLD)))
    folder.trial(0).write_result({"class_names": ["a", "b", "c"], "recall": {}, "confusion": []})
    said = []
    leave_judged_test(folder, 0, "CL", split([0, 1, 1, 0]), said.append)
    assert not folder.judged_test.exists()
    assert "no predictions" in said.pop()
    leave_judged_test(folder, 0, "CL", split([0, 1, 2, 0]), said.append)
    assert json.loads(folder.judged_test.with_suffix(".json").read_text())["what"] == "CL"
    assert folder.judged_test.read_bytes().startswith(b"\xff\xd8")
    assert said == []
