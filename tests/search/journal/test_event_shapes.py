"""A journal's line that lacks what its kind has is told with the field's name."""

import copy
import json

import pytest

from search.journal.event_shapes import NEEDED, misshapen
from search.journal.history import read_history
from search.journal.log import JournalError

CONFIG = {"loss": {"eta": 0.0, "gamma": 2.0, "temperature": 0.1}}
EVENTS = [
    {"event": "start", "slots": 2},
    {
        "event": "asked",
        "trial": 0,
        "family": "FCL",
        "baseline": True,
        "values": {"loss.eta": 0.0, "representation.optimizer": "sgd"},
        "config": CONFIG,
        "note": "first guess",
    },
    {"event": "launched", "trial": 0},
    {"event": "result", "trial": 0, "epoch": 1, "metrics": {"val_balanced_accuracy": 0.5}},
    {
        "event": "decision",
        "trial": 0,
        "epoch": 1,
        "rung": 0,
        "value": 0.5,
        "cutoff": None,
        "standing": 0,
        "action": "continue",
        "bracket": 0,
    },
    {"event": "end", "trial": 0, "state": "finished", "reason": None, "score": 0.5},
    {"event": "end", "trial": 1, "state": "failed", "reason": "diverged", "score": None},
    {"event": "extended", "trials": 2},
    {"event": "enough", "trials": 5, "left": 3, "gain": 0.001, "noise": 0.01},
    {
        "event": "promoted",
        "trial": 0,
        "epoch": 1,
        "came": 3,
        "gone": 0,
        "waiting": 3,
        "expected": 0.5,
        "deviation": None,
    },
    {"event": "judged", "trials": [[0, 0.5, 0.01]]},
    {"event": "known", "search": "older", "trials": []},
    {"event": "close", "reason": "done"},
]
EVENTS = [{"time": 5, "up": 0.5} | event for event in EVENTS]


def test_every_kind_of_event_as_it_is_written_is_well():
    assert [misshapen(event) for event in EVENTS] == [None] * len(EVENTS)
    assert {event["event"] for event in EVENTS} >= set(NEEDED)


def test_each_field_that_is_lacking_is_named():
    for event in EVENTS:
        for name in {"time", *NEEDED.get(event["event"], {})}:
            assert misshapen({key: value for key, value in event.items() if key != name}) == name


@pytest.mark.parametrize("wrong", ["text", -1, [], {}, 10**400, float("nan")])
def test_a_number_that_is_none_is_named(wrong):
    for event in EVENTS:
        for name in ("trial", "epoch", "rung", "time"):
            if name in event:
                assert misshapen(copy.deepcopy(event) | {name: wrong}) == name


def test_a_finished_trial_has_a_score():
    assert misshapen(EVENTS[5] | {"score": None}) == "score"


@pytest.mark.parametrize(
    ("loss", "wrong"),
    [
        ({"name": "focal"}, None),
        ({"name": "afcl", "eta": 0, "gamma": 0, "temperature": 0.1}, None),
        ({"name": "afcl", "eta": 0, "gamma": 0}, "config"),
        ({"name": "afcl"}, "config"),
        ({"name": ["focal"]}, "config"),
        ({}, "config"),
    ],
)
def test_a_trial_has_the_point_of_its_loss_where_its_loss_has_one(loss, wrong):
    assert misshapen(EVENTS[1] | {"config": {"loss": loss}}) == wrong


def test_what_a_later_version_may_add_is_passed_over():
    assert misshapen({"event": "something new", "time": 0}) is None
    assert misshapen(EVENTS[2] | {"new": [1]}) is None


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


def test_the_family_of_a_loss_of_ones_own_is_the_name_that_its_configuration_has():
    config = {"loss": {"name": f"pkg.losses:triplet#sha256={'0' * 64}"}}
    assert misshapen(ASKED | {"family": "triplet", "config": config}) is None
    assert misshapen(ASKED | {"family": "tripled", "config": config}) == "family"
