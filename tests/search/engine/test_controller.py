"""A search without Ray: fake trials told to the real conductor, journal, rungs and sampler."""

import errno
import json
import math
import os
import random

import pytest
from conducting import OPEN, KilledError, conduct, play
from searches import TINY
from told_trials import told_value

from search.algorithms.asha import rung_epochs
from search.algorithms.proposer import SearchAgenda, planned_trials
from search.engine.controller import Conductor, PausedError
from search.journal.history import read_history
from search.journal.log import Journal
from spaces.spec import SearchSpec, load_spec

SPACE = [
    "search.trials=8",
    "representation.epochs=9",
    "classifier.solver=adamw",
    "classifier.epochs=2",
    "search.scheduler.grace=1",
    "search.scheduler.reduction=3",
]


@pytest.fixture(autouse=True)
def _journals_are_closed():
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture
def spec() -> SearchSpec:
    return load_spec("digits", SPACE)


def told(path) -> list[dict]:
    """The journal without times and sessions: what was asked, reported, decided."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kinds = ("asked", "result", "decision", "end")
    return [{k: v for k, v in line.items() if k not in ("time", "up")} for line in lines if line["event"] in kinds]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "journal"
    play(conduct(path, load_spec("digits", SPACE)))
    return path


def test_baselines_come_first_and_are_never_stopped(undisturbed, spec):
    trials = read_history(undisturbed).trials
    assert [trials[number].family for number in range(3)] == list(spec.search.baselines)
    assert all(trials[number].state == "finished" for number in range(3))
    assert len(trials) == planned_trials(spec) == 11


def test_rungs_stand_in_stage_one_only(spec):
    assert rung_epochs(spec) == (1, 3, 9)
    assert max(rung_epochs(spec)) <= spec.representation.epochs


@pytest.mark.parametrize(("solver", "last"), [("lbfgs", 3), pytest.param("adamw", 9, marks=pytest.mark.slow)])
def test_no_trial_is_stopped_where_its_score_is_all_that_is_left_to_take(tmp_path, solver, last):
    """With AdamW there is a whole stage to spare at the last epoch of stage one; with L-BFGS there is nothing."""
    epochs = [] if solver == "lbfgs" else ["classifier.epochs=2"]
    changes = [one for one in SPACE if not one.startswith("classifier")] + [f"classifier.solver={solver}", *epochs]
    path = tmp_path / "journal"
    play(conduct(path, load_spec("digits", [*changes, "search.trials=30", "search.sampler=random"])))
    history = read_history(path)
    assert max(trial.epoch for trial in history.in_state("stopped")) == last
    assert {trial.epoch for trial in history.in_state("finished")} == {10 if solver == "lbfgs" else 11}


def test_some_trials_are_stopped_with_a_reason_and_no_score(undisturbed):
    stopped = read_history(undisturbed).in_state("stopped")
    assert stopped
    for trial in stopped:
        assert trial.score is None
        assert "below the cutoff" in trial.reason
        assert trial.rung is not None


def test_the_score_is_the_last_value_not_the_best(undisturbed, spec):
    best = read_history(undisturbed).ranked()[0]
    assert best.score == best.epochs[spec.base.last_epoch][spec.search.metric_key]


@pytest.mark.slow
def test_the_same_seed_proposes_and_stops_the_same(undisturbed, spec, tmp_path):
    play(conduct(tmp_path / "again", spec))
    assert told(tmp_path / "again") == told(undisturbed)
    other = load_spec("digits", [*SPACE, "search.seed=1"])
    play(conduct(tmp_path / "other", other))
    assert told(tmp_path / "other") != told(undisturbed)


def test_a_trial_of_one_stage_ends_with_its_score_at_its_last_epoch_also_where_others_stand_at_a_rung(tmp_path):
    spec = load_spec("digits", [*SPACE, "search.baselines=[CE, CL]", "search.trials=0", "space={}"])
    assert spec.representation.epochs in rung_epochs(spec)
    play(conduct(tmp_path / "journal", spec))
    one, two = read_history(tmp_path / "journal").trials.values()
    assert [decision.epoch for decision in one.decisions] == [1, 3]
    assert [decision.epoch for decision in two.decisions] == [1, 3, 9]
    assert (one.state, one.epoch, one.score) == ("finished", 9, one.epochs[9][spec.search.metric_key])
    assert (two.state, two.epoch) == ("finished", 11)
    assert one.config["loss"] == {"name": "cross_entropy"}


TWO_KINDS = ["space.loss.name={choice: [afcl, cross_entropy]}", "space.cross_entropy.lr={loguniform: [0.001, 0.1]}"]
PER_FAMILY = ["search.per_family=true", "search.baselines=[]", "search.trials=3"]


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory):
    """A search with these changes, played to its end once: its spec and its journal."""
    played = {}

    def play_whole(*changes):
        if changes not in played:
            spec, path = load_spec("digits", [*SPACE, *changes]), tmp_path_factory.mktemp("whole") / "journal"
            play(conduct(path, spec))
            played[changes] = spec, path
        return played[changes]

    return play_whole


@pytest.mark.parametrize("moment", ["before the flush", pytest.param("after the flush", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "changes",
    [
        ["search.sampler=tpe"],
        *(
            pytest.param(of, marks=pytest.mark.slow)
            for of in (TWO_KINDS, ["search.sampler=gp", "search.trials=6"], PER_FAMILY)
        ),
    ],
)
@pytest.mark.parametrize("lines", ["a line of each kind", pytest.param("every ninth line", marks=pytest.mark.slow)])
def test_a_driver_that_dies_at_any_line_changes_nothing(tmp_path, changes, moment, lines, whole_of):
    """Every kind of line is among those at which it dies: asked, launched, result, decision, end."""
    spec, whole = whole_of(*changes)
    kinds = [json.loads(line)["event"] for line in whole.read_text().splitlines()]
    if lines == "a line of each kind":
        moments = {kinds.index(kind) + 1 for kind in kinds[1:-1]}
    else:
        moments = set(range(2, len(kinds), 29 if spec.search.sampler == "gp" else 9))
    for dies_at in moments:
        path = tmp_path / f"{dies_at}"
        with pytest.raises(KilledError):
            play(conduct(path, spec), until_event=dies_at)
        if moment == "before the flush":
            written = path.read_bytes()
            path.write_bytes(written[: written[:-1].rfind(b"\n") + 8])  # a few bytes of the line got to the disk
        play(conduct(path, spec))
        assert told(path) == told(whole), f"died at line {dies_at}"


def test_a_driver_that_dies_again_and_again_changes_nothing(spec, undisturbed, tmp_path):
    path = tmp_path / "journal"
    for _ in range(1000):
        try:
            play(conduct(path, spec), until_event=random.Random(len(told(path)) if path.exists() else 0).randint(3, 20))
        except KilledError:
            with path.open("ab") as file:
                file.write(b'{"event":"result","torn')
            continue
        break
    assert told(path) == told(undisturbed)


def test_an_epoch_told_twice_counts_once(spec, tmp_path):
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    trial = conductor.next_trial()
    for _ in range(3):
        assert conductor.result(trial.number, 1, told_value(conductor, 0.5)) == "continue"
    assert trial.epochs == {1: told_value(conductor, 0.5)}
    assert len(trial.decisions) == 1


@pytest.mark.parametrize("metrics", [{}, {"val_balanced_accuracy": math.nan}, {"val_balanced_accuracy": math.inf}])
def test_a_missing_or_infinite_metric_fails_the_trial_and_enters_no_rung(spec, tmp_path, metrics):
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    number = conductor.next_trial().number
    assert conductor.result(number, 1, metrics) == "stop"
    trial = read_history(tmp_path / "journal").trials[number]
    assert (trial.state, trial.epochs, trial.decisions) == ("failed", {}, [])
    assert "val_balanced_accuracy is" in trial.reason
    later = conductor.next_trial().number
    assert conductor.result(later, 1, told_value(conductor, 0.1)) == "continue"
    assert conductor.history.trials[later].decisions[0].standing == 0


def test_a_search_whose_trials_mostly_fail_is_hopeless_and_says_why(spec, tmp_path):
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    for _ in range(3):
        assert conductor.hopeless() is None
        conductor.fail(conductor.next_trial().number, "crashed: no memory")
    assert "3 of 3 trials failed" in conductor.hopeless()
    assert "no memory" in conductor.hopeless()


def test_trials_that_have_come_through_count_while_they_still_run(spec, tmp_path):
    """With many slots those that fail end first: three of the first three that end, and four go on well."""
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    begun = [conductor.next_trial().number for _ in range(7)]
    for number in begun:
        conductor.launched(number)
    for number in begun[:3]:
        conductor.fail(number, "diverged: the loss is nan", by_values=True)
    assert "3 of 3 trials failed" in conductor.hopeless(), "of the others nothing is known"
    for number in begun[3:]:
        conductor.result(number, 1, told_value(conductor, 0.9))
    assert conductor.hopeless() is None


def test_a_grid_has_no_more_trials_than_points(tmp_path):
    spec = load_spec(
        "digits",
        ["search.sampler=grid", "search.trials=100", "search.grid_points=3", "space={loss.eta: {uniform: [0, 1]}}"],
    )
    assert planned_trials(spec) == 3 + 3
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    asked = []
    while (trial := conductor.next_trial()) is not None:
        asked.append(trial)
    assert [trial.values["loss.eta"] for trial in asked[3:]] == [0, 0.5, 1]


def test_each_family_has_a_search_of_its_own_of_equal_size_and_matched_draws(tmp_path):
    """The random sampler knows no history: what it draws for the shared fields is the same for all four."""
    spec = load_spec("digits", [*SPACE, *PER_FAMILY, "search.sampler=random"])
    assert planned_trials(spec) == 4 * 3
    play(conduct(tmp_path / "journal", spec))
    trials = list(read_history(tmp_path / "journal").trials.values())
    assert [trial.family for trial in trials] == ["CL", "FCL", "ACL", "AFCL"] * 3
    for trial in trials:
        assert (trial.values["loss.eta"] > 0) == (trial.family in ("ACL", "AFCL"))
        assert (trial.values["loss.gamma"] > 0) == (trial.family in ("FCL", "AFCL"))
        assert trial.config["loss"]["eta"] == trial.values["loss.eta"]
    only_temperature = ["space={loss.temperature: {loguniform: [0.03, 1]}}"]
    spec = load_spec("digits", [*SPACE, *PER_FAMILY, "search.sampler=random", *only_temperature])
    play(conduct(tmp_path / "matched", spec))
    drawn = [trial.values["loss.temperature"] for trial in read_history(tmp_path / "matched").trials.values()]
    assert drawn[0:4] == drawn[:1] * 4
    assert drawn[4:8] == drawn[4:5] * 4
    assert len(set(drawn)) == 3


def test_families_with_searches_of_their_own_do_not_stop_each_other(tmp_path):
    spec = load_spec("digits", [*SPACE, *PER_FAMILY])
    play(conduct(tmp_path / "journal", spec))
    history = read_history(tmp_path / "journal")
    places = [(history.trials[decision.trial].family, decision.rung) for decision in history.decisions]
    for number, decision in enumerate(history.decisions):
        assert decision.standing == places[:number].count(places[number])
    assert {history.trials[decision.trial].family for decision in history.decisions} == {"CL", "FCL", "ACL", "AFCL"}
    assert history.in_state("stopped")


def test_a_hopeless_search_can_be_resumed_once_its_cause_is_mended(spec, tmp_path):
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    for _ in range(3):
        conductor.fail(conductor.next_trial().number, "crashed: no memory")
    conductor.close(conductor.hopeless())
    again = conduct(tmp_path / "journal", spec)
    again.open()
    assert again.hopeless() is None
    play(again)
    assert len(again.history.in_state("finished", "stopped")) == planned_trials(spec) - 3


def test_a_clock_that_is_set_costs_no_time_budget(spec, tmp_path, monkeypatch):
    conductor = conduct(tmp_path / "journal", spec)
    conductor.open()
    number = conductor.next_trial().number
    monkeypatch.setattr("time.time_ns", lambda: 4_000_000_000 * 10**9)
    conductor.result(number, 1, told_value(conductor, 0.5))
    assert read_history(tmp_path / "journal").driven < 60
    assert read_history(tmp_path / "journal").driven > 0


def _full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_pauses_the_search_and_loses_nothing(tmp_path, monkeypatch):
    """The journal's own write fails: what was not written has not happened."""
    journal = Journal(tmp_path / "journal")
    spec = load_spec("digits", TINY)
    conductor = Conductor(spec, read_history(tmp_path / "journal"), journal, SearchAgenda(spec, 1))
    conductor.open()
    number = conductor.next_trial().number
    conductor.result(number, 1, told_value(conductor, 0.5))
    before = (tmp_path / "journal").read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _full)
        with pytest.raises(PausedError, match="No space left"):
            conductor.result(number, 2, told_value(conductor, 0.6))
    with pytest.raises(PausedError):
        conductor.next_trial()
    assert 2 not in conductor.history.trials[number].epochs
    conductor.close("paused")
    again = read_history(tmp_path / "journal").trials[number]
    assert (tmp_path / "journal").read_bytes().startswith(before)
    assert again.state == "pending"
