"""Searches by promotion without Ray: pauses, promotions, ends and judgement in the journal, and after every kill."""

import json
from io import StringIO

import pytest
from conducting import OPEN, KilledError, conduct, play
from rich.console import Console

from search.algorithms import promotion
from search.algorithms.proposer import SearchAgenda
from search.display.leaderboard import leaderboard
from search.engine.checkpoint_retention import best_and_contrast
from search.engine.controller import Conductor, is_complete
from search.engine.replay import replay
from search.journal.explain import explain
from search.journal.history import History, read_history
from search.journal.log import read_events
from spaces.spec import load_spec

SPEC = [
    "search.trials=24",
    "search.sampler=curves",
    "search.scheduler={name: promotion, grace: 2, reduction: 3}",
    "representation.epochs=9",
]


def spec_of(*more: str):
    return load_spec("digits", [*SPEC, *more])


@pytest.fixture(autouse=True)
def _journals_are_closed():
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "journal"
    play(conduct(path, spec_of()))
    return path


def lines_of(path) -> list[dict]:
    """The journal's decisions: what was asked, paused, promoted, ended and judged."""
    kinds = ("asked", "result", "decision", "promoted", "judged", "end")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("time", "up")} for line in lines if line["event"] in kinds]


def test_trials_pause_go_on_and_end(undisturbed):
    history = read_history(undisturbed)
    assert not history.in_state("paused", "pending", "running")
    baselines = [trial for trial in history.trials.values() if trial.baseline]
    assert all(trial.state == "finished" and not trial.decisions for trial in baselines)
    proposed = [trial for trial in history.trials.values() if not trial.baseline]
    assert {decision.action for trial in proposed for decision in trial.decisions} == {"pause"}
    finished = [trial for trial in proposed if trial.state == "finished"]
    assert len(finished) == 8  # one of three
    assert all((trial.number, 3) in history.promoted for trial in finished)
    stopped = [trial for trial in proposed if trial.state == "stopped"]
    assert {trial.epoch for trial in stopped} == {3}
    value = stopped[0].decisions[0].value
    assert stopped[0].reason == f"waited at rung 0 (epoch 3) with {value:.4f}, and others went on"


def test_the_end_ranks_the_finished_trials_by_all_curves(undisturbed):
    history = read_history(undisturbed)
    assert not history.lacks_judgement
    ranked = history.ranked()
    assert all(trial.expected is not None for trial in ranked)
    lows = [mean - deviation for mean, deviation in (trial.expected for trial in ranked)]
    assert lows == sorted(lows, reverse=True) == [trial.decided for trial in ranked]


def test_each_step_can_be_explained(undisturbed):
    history = read_history(undisturbed)
    spec = spec_of()
    went_on = next(trial for trial, _ in history.promoted)
    lines = list(explain(spec, history, went_on))
    assert any("it paused, and went on: " in line and "the most promising of these" in line for line in lines)
    assert any("what all learning curves let expect" in line for line in lines)
    waited = next(trial.number for trial in history.in_state("stopped"))
    lines = list(explain(spec, history, waited))
    assert any(line.endswith("it paused") for line in lines)
    assert lines[-1].endswith("and others went on")


@pytest.mark.slow
@pytest.mark.parametrize("at", [3, 40, 80, 121, 160, 200, 240])
def test_a_search_that_was_killed_goes_on_identically(tmp_path, undisturbed, at):
    path = tmp_path / "journal"
    with pytest.raises(KilledError):
        play(conduct(path, spec_of()), until_event=at)
    play(conduct(path, spec_of()))
    assert lines_of(path) == lines_of(undisturbed)


@pytest.mark.slow
def test_killed_at_every_line_of_its_end_it_is_judged_all_the_same(tmp_path, undisturbed):
    whole = undisturbed.read_bytes().splitlines(keepends=True)
    for left in range(2, 20):
        path = tmp_path / f"journal-{left}"
        path.write_bytes(b"".join(whole[:-left]))
        conductor = conduct(path, spec_of())
        if not is_complete(conductor._agenda, conductor.history):
            play(conductor)
        assert lines_of(path) == lines_of(undisturbed)


@pytest.mark.slow
def test_an_extension_adds_trials_and_judges_anew(tmp_path, undisturbed):
    path = tmp_path / "journal"
    path.write_bytes(undisturbed.read_bytes())
    conductor = conduct(path, spec_of())
    conductor.extend(6)
    play(conductor)
    history = read_history(path)
    assert len(history.trials) == 24 + 6 + len(spec_of().search.baselines)
    assert not history.lacks_judgement
    assert len([trial for trial in history.in_state("finished") if not trial.baseline]) == 10
    assert all(trial.expected is not None for trial in history.in_state("finished"))


class Nowhere:
    """A journal that keeps nothing."""

    def append(self, event):
        pass

    def close(self):
        pass


class Rising:
    """Better near τ = .1, and rising by epoch."""

    def value(self, trial, epoch):
        return 0.9 - abs(trial.values.get("loss.temperature", 0.07) - 0.1) - 0.3 / epoch

    def seconds(self, trial, epoch):
        return 1.0 + trial.number % 3


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["curves", "tpe", "random"])
@pytest.mark.parametrize("more", [[], ["search.per_family=true", "search.trials=6", "search.baselines=[]"]])
def test_with_several_slots_any_sampler_and_families_every_trial_ends(sampler, more):
    spec = spec_of(f"search.sampler={sampler}", *more)
    made = replay(spec, Rising(), slots=4)
    assert not made.history.in_state("paused", "pending", "running")
    assert made.history.closed["reason"] == "done"
    for family in spec.families if more else (None,):
        of = [one for one in made.history.in_state("finished") if not one.baseline and family in (None, one.family)]
        assert len(of) == (2 if more else 8)


def test_a_history_without_pauses_needs_no_judgement():
    assert not History().lacks_judgement


@pytest.mark.slow
def test_killed_at_any_line_what_is_too_many_ends_all_the_same(tmp_path, monkeypatch):
    """The pause and the end that it causes are two lines."""
    monkeypatch.setattr(promotion, "MOST_WAITING", 3)
    whole = tmp_path / "whole"
    play(conduct(whole, spec_of()))
    lines = whole.read_bytes().splitlines(keepends=True)
    asked = [json.loads(line)["event"] for line in lines]
    between = [at for at in range(1, len(asked)) if asked[at - 1 : at + 1] == ["decision", "end"]]
    assert between, "some trial ended because too many waited"
    for at in [*between, *range(2, len(asked), 13)]:
        path = tmp_path / f"journal-{at}"
        path.write_bytes(b"".join(lines[:at]))
        play(conduct(path, spec_of()))
        assert lines_of(path) == lines_of(whole)


def test_until_trials_are_judged_all_that_finished_keep_their_weights_and_then_the_best_do(undisturbed):
    history, kept = History(), []
    for event, _ in read_events(undisturbed):
        if event["event"] == "judged":
            kept.append(best_and_contrast(history, 2))
        history.apply(event)
    assert kept == [{trial.number for trial in history.in_state("finished")}]
    assert {trial.number for trial in history.ranked()[:2]} <= best_and_contrast(history, 2)
    assert len(best_and_contrast(history, 2)) <= 3


def test_an_extension_ranks_by_the_trials_own_values_until_it_is_judged(undisturbed):
    history = read_history(undisturbed)
    judged = [trial.number for trial in history.ranked()]
    history.apply({"event": "extended", "trials": 3, "time": 0})
    assert all(trial.expected is None for trial in history.trials.values())
    key = spec_of().deciding_key
    values = [trial.epochs[trial.epoch][key] for trial in history.ranked()]
    assert values == sorted(values, reverse=True)
    assert {trial.number for trial in history.ranked()} == set(judged)


@pytest.mark.slow
def test_by_a_measure_that_is_the_score_a_head_has_no_value_in_the_column_of_what_decides(tmp_path):
    """All curves rank trials of two stages alone; cross-entropy's place is that of its score."""
    spec = spec_of("search.metric=accuracy", "search.baselines=[CE, CL]")
    made = replay(spec, Rising(), slots=2).history
    ranked = made.ranked()
    assert {trial.decided is None for trial in ranked} == {True, False}
    console = Console(file=StringIO(), width=140)
    console.print(leaderboard(ranked))
    assert "decided by" in console.file.getvalue()


@pytest.mark.slow
def test_of_an_older_search_with_other_families_no_trial_is_taken_for_outside_the_space(tmp_path):
    """The sampler is told of the older trials of its own families only."""
    known = replay(spec_of("search.baselines=[CE, CL]"), Rising()).history
    event = {"event": "known", "search": "older", "trials": [vars(trial) for trial in known.trials.values()]}
    event["trials"] = [
        # draws depend on when the older search began
        one | {"decisions": [vars(two) for two in one["decisions"]], "asked_at": one["number"]}
        for one in event["trials"]
    ]
    history = History()
    history.apply({**event, "time": 0})
    spec = spec_of("search.baselines=[]")
    conductor = Conductor(spec, history, Nowhere(), SearchAgenda(spec, 1))
    play(conductor)
    finished = history.in_state("finished")
    assert len(finished) == 8
    # of a trial outside the space its own value would be given
    assert all(trial.expected[0] != trial.epochs[trial.epoch][spec.deciding_key] for trial in finished)
