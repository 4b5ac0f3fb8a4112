"""What a confirmation says first: what it costs and what it can tell."""

import json

import pytest
from confirmations import begin_confirmation, tell_runs

from search.engine.forecast import forecast, in_time, trial_seconds
from search.evidence.candidates import candidates
from search.evidence.until_decided import make_rule
from search.storage.search_folder import SearchFolder


@pytest.fixture
def searched(told) -> SearchFolder:
    """A search in two slots whose finished trials took 10 s an epoch, after a minute in which their workers started."""
    folder = SearchFolder(told / "told")
    lines = []
    for line in folder.journal.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "start":
            event["slots"] = 2
        if event["event"] == "launched":
            event["time"] = 1_000_000 * event["trial"]
        if event["event"] == "result":
            event["time"] = 1_000_000 * event["trial"] + 60_000 + 10_000 * event["epoch"]
        lines.append(json.dumps(event))
    folder.journal.write_text("\n".join(lines) + "\n")
    return folder


def test_the_time_is_that_of_the_candidates_own_trials_shared_by_the_slots(searched):
    history = searched.history()
    chosen = candidates(history, 2)
    each = 10 * searched.spec().base.last_epoch
    assert set(trial_seconds(searched).values()) == {each}
    first, *_ = forecast(searched, history, chosen, 30)
    minutes = len(chosen) * 30 * each / 2 / 60
    assert first == (
        f"cost     {30 * len(chosen)} runs of {len(chosen)} configurations, about {minutes:.0f} min in 2 slots: "
        f"in the search they took {each} s each"
    )
    first, *_ = forecast(searched, history, chosen, 30, ended=30 * len(chosen) - 3)
    assert "cost     3 runs" in first, "what is left of it"


def test_it_says_how_many_seeds_the_smallest_difference_needs_and_where_the_spread_is_from(searched):
    history = searched.history()
    chosen = candidates(history, 2)
    folder = begin_confirmation(searched, chosen, list(range(8)))
    tell_runs(folder, chosen, list(range(8)), lambda place, k: 0.7 + 0.01 * ((place * 5 + k * k) % 7))
    _, tells = forecast(searched, history, chosen, 12, smallest=0.02)
    assert tells.startswith("tells    a difference of 0.02 takes about ")
    assert "12 seeds find one of 0.0" in tells
    assert "seen in confirm-1 on 8 seeds" in tells


@pytest.mark.parametrize(("seeds", "warned"), [(9, True), (10, False)])
def test_under_ten_seeds_there_is_a_warning(searched, seeds, warned):
    history = searched.history()
    lines = list(forecast(searched, history, candidates(history, 2), seeds))
    assert any(line.startswith("warning  with fewer than 10 seeds") for line in lines) == warned


def test_one_configuration_has_nothing_to_be_compared_with(searched):
    history = searched.history()
    *_, last = forecast(searched, history, candidates(history, 1)[:1], 5)
    assert "nothing to compare it with" in last


def test_seconds_are_told_in_a_unit_that_fits():
    assert [in_time(3.21), in_time(45), in_time(600), in_time(7200)] == ["3.2 s", "45 s", "10 min", "2.0 h"]


def test_a_trial_that_was_begun_twice_counts_as_the_others(searched):
    took = trial_seconds(searched)
    number = min(took)
    lines = searched.journal.read_text().splitlines()
    (at,) = [k for k, line in enumerate(lines) if '"launched"' in line and json.loads(line)["trial"] == number]
    late = json.loads(lines[at]) | {"time": 1}
    searched.journal.write_text("\n".join([*lines[: at + 1], json.dumps(late), *lines[at + 1 :]]) + "\n")
    assert trial_seconds(searched) == took


@pytest.mark.slow
def test_rounds_say_what_they_cost_at_most_and_what_they_decide(searched):
    history = searched.history()
    chosen = candidates(history, 2)
    folder = begin_confirmation(searched, chosen, list(range(8)))
    tell_runs(folder, chosen, list(range(8)), lambda place, k: 0.7 + 0.01 * ((place * 5 + k * k) % 7))
    rule = make_rule(len(chosen), 0.05, 40)
    cost, rounds = forecast(searched, history, chosen, 40, smallest=0.05, rule=rule)
    assert cost.startswith(f"cost     at most {40 * len(chosen)} runs")
    assert "looked at after 10, 15, 20, 25, 30, 35, 40; they decide differences of 0.0" in rounds
    assert "seen in confirm-1 on 8 seeds" in rounds
