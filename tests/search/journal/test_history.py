"""What has happened in a search, as its journal tells it."""

import json
from dataclasses import asdict

import pytest

from search.journal.history import History, best_of_cl, read_history
from search.journal.log import JournalError


def test_history_passes_over_events_of_a_later_version():
    history = History()
    history.apply({"event": "something new", "time": 0})
    assert not history.trials


def test_time_that_a_killed_session_ran_counts_and_the_time_between_does_not():
    history = History()
    for event in (
        {"event": "start", "time": 0, "up": 0.5},
        {"event": "closed by nobody", "time": 0, "up": 10.5},
        {"event": "extended", "time": 0, "up": 0.1, "trials": 1},
        {"event": "start", "time": 10**9, "up": 0.4},
        {"event": "something", "time": 10**9, "up": 5.4},
    ):
        history.apply(event)
    assert history.driven == pytest.approx(15)


def asked(number, family="AFCL", **more):
    told = {"event": "asked", "trial": number, "time": number, "family": family, "baseline": False}
    return told | {"values": {}, "config": {"loss": {"eta": 0.0, "gamma": 0.0, "temperature": 0.1}}} | more


def ended(number, state, score=None, reason=None):
    return {"event": "end", "trial": number, "time": 50, "state": state, "score": score, "reason": reason}


def history_of(*events) -> History:
    history = History()
    for event in events:
        history.apply(event)
    return history


def test_a_trial_goes_from_begun_to_running_to_its_end():
    history = history_of(asked(0))
    states = [history.trials[0].state]
    for event in (
        {"event": "launched", "trial": 0},
        {"event": "result", "trial": 0, "epoch": 1, "metrics": {"score": 0.5}},
        ended(0, "finished", 0.6),
    ):
        history.apply(event)
        states.append(history.trials[0].state)
    assert states == ["pending", "running", "running", "finished"]
    assert (history.trials[0].epoch, history.trials[0].latest("score")) == (1, 0.5)
    assert (history.trials[0].score, history.trials[0].ended_at) == (0.6, 50)


def test_what_ran_waits_for_a_resume_once_no_driver_has_the_search():
    begun = [asked(0), {"event": "launched", "trial": 0}]
    for end in ({"event": "close", "reason": "interrupted"}, {"event": "start", "slots": 1}):  # closed, or killed
        assert history_of(*begun, end).trials[0].state == "pending"
    assert history_of(*begun, {"event": "close", "reason": "done"}).closed["reason"] == "done"
    assert history_of(*begun, {"event": "close", "reason": "done"}, {"event": "start"}).closed is None


def test_only_finished_trials_are_ranked_and_of_equals_the_earlier_comes_first():
    ends = [ended(0, "finished", 0.5), ended(1, "finished", 0.7), ended(2, "stopped"), ended(3, "finished", 0.7)]
    history = history_of(*map(asked, range(5)), *ends)
    assert [trial.number for trial in history.ranked()] == [1, 3, 0]
    assert history.counts() == {"finished": 3, "stopped": 1, "pending": 1}
    assert [trial.number for trial in history.in_state("stopped", "pending")] == [2, 4]


def test_the_best_of_plain_contrastive_loss_is_the_best_finished_cl_trial():
    families = {0: "CL", 1: "AFCL", 2: "CL", 3: "CL"}
    scores = [ended(0, "finished", 0.5), ended(1, "finished", 0.9), ended(2, "finished", 0.6), ended(3, "stopped")]
    history = history_of(*(asked(number, family) for number, family in families.items()), *scores)
    assert best_of_cl(history).number == 2
    assert best_of_cl(history_of(asked(0, "AFCL"), ended(0, "finished", 0.9))) is None


def decided(action, **more):
    told = {"event": "decision", "trial": 0, "epoch": 3, "rung": 1, "value": 0.5, "cutoff": 0.6, "standing": 4}
    return told | {"action": action} | more


def test_a_decision_is_told_with_all_that_explains_it():
    history = history_of(asked(0), decided("spare"))
    (decision,) = history.decisions
    assert history.trials[0].decisions == [decision]
    assert (history.trials[0].rung, history.trials[0].spared_at) == (1, 3)
    assert decision.reason() == "0.5000 at rung 1 (epoch 3), below the cutoff 0.6000 of 4 before it"
    assert "not below" in history_of(asked(0), decided("continue", value=0.7)).decisions[0].reason()
    assert "first at rung 1" in history_of(asked(0), decided("continue", cutoff=None)).decisions[0].reason()


def test_an_extension_and_an_older_searchs_trials_are_remembered():
    known = asdict(history_of(asked(0), decided("continue"), ended(0, "stopped")).trials[0])
    history = history_of(
        {"event": "known", "search": "older", "trials": [json.loads(json.dumps(known))]},
        {"event": "extended", "trials": 2},
        {"event": "extended", "trials": 3},
    )
    assert history.extra == 5
    assert [(trial.number, trial.state, trial.decisions[0].cutoff) for trial in history.known] == [(0, "stopped", 0.6)]
    assert not history.trials


@pytest.mark.parametrize(
    "second",
    [ended(1, "finished", 0.5), asked(0), ended(0, "finished", 0.5)],
    ids=["of a trial that is not there", "asked for twice", "finished without a report"],
)
def test_a_line_that_does_not_fit_those_before_it_is_told_with_its_place(second, tmp_path):
    journal = tmp_path / "journal"
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in (asked(0), second)))
    with pytest.raises(JournalError, match="journal: line 2 does not fit"):
        read_history(journal)


def test_a_spent_time_budget_is_counted_from_nothing_again():
    ran = [{"event": "start", "up": 0.0}, asked(0) | {"up": 9.0}]
    interrupted = history_of(*ran, {"event": "close", "reason": "interrupted", "up": 10.0})
    spent = history_of(*ran, {"event": "close", "reason": "max_hours", "up": 10.0})
    assert (interrupted.budget_spent, spent.budget_spent) == (10, 0)
    assert (interrupted.driven, spent.driven) == (10, 10)
