"""A journal's damaged line is told with its number and with the field that is not as it should be."""

import json

import pytest

from search.journal.history import read_history
from search.journal.log import JournalError

ASKED = {
    "event": "asked",
    "time": 1,
    "up": 0.1,
    "trial": 0,
    "family": "CL",
    "baseline": True,
    "values": {"loss.eta": 1.0},
    "config": {"loss": {"eta": 0, "gamma": 0, "temperature": 0.1}},
}
RESULT = {"event": "result", "time": 2, "up": 0.2, "trial": 0, "epoch": 1, "metrics": {"val_x": 0.5}}
END = {"event": "end", "time": 3, "up": 0.3, "trial": 0, "state": "finished", "reason": None, "score": 0.5}


def journal(folder, *events) -> str:
    path = folder / "journal.jsonl"
    path.write_text("".join(f"{event if isinstance(event, str) else json.dumps(event)}\n" for event in events))
    return path


def test_whole_lines_are_read(tmp_path):
    history = read_history(journal(tmp_path, ASKED, RESULT, END, {"event": "of a later version", "time": 4, "x": []}))
    assert history.trials[0].score == 0.5


@pytest.mark.parametrize(
    ("number", "change", "field"),
    [
        (0, {"time": None}, "time"),
        (0, {"family": "XCL"}, "family"),
        (0, {"values": {"loss.eta": [1]}}, "values"),
        (0, {"config": {"loss": {"eta": "a"}}}, "config"),
        (1, {"epoch": "1"}, "epoch"),
        (1, {"epoch": -1}, "epoch"),
        (1, {"trial": True}, "trial"),
        (1, {"metrics": {"val_x": 10**400}}, "metrics"),
        (1, {"metrics": {"val_x": "\ud800"}}, "metrics"),
        (2, {"score": None}, "score"),
        (2, {"state": "running"}, "state"),
        (2, {"reason": 3}, "reason"),
    ],
)
def test_a_field_of_another_kind_is_told(number, change, field, tmp_path):
    events = [ASKED, RESULT, END]
    events[number] = events[number] | change
    with pytest.raises(JournalError, match=f"journal.jsonl: line {number + 1} is damaged: its {field} is not what"):
        read_history(journal(tmp_path, *events))


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"event":"x","v":NaN}', '{"event":"x","v":' + "9" * 5000 + "}", "{}", ""]
)
def test_what_is_no_event_is_told(line, tmp_path):
    with pytest.raises(JournalError, match="line 2 is damaged: it is no event in JSON"):
        read_history(journal(tmp_path, ASKED, line, RESULT))
