"""What a person sees of a search, on a terminal and where there is none."""

import re

import pytest
from consoles import paper, screen

from search.display import live
from search.display.live import LiveView
from search.engine.plan import make_plan
from search.journal.history import Decision
from search.storage.search_folder import SearchFolder
from trainers.data import load


@pytest.fixture
def watched(told, monkeypatch):
    """A view of a search that has begun, what it prints, and the hands of its clock."""
    folder, clock, console = SearchFolder(told / "begun"), [1000.0], paper(200)
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    problem: list[str | None] = [None]
    spec = folder.spec()
    view = LiveView(console, make_plan(spec, load(spec.data)), "val_x", lambda: problem[0])
    view.start(folder.history())
    return view, folder.history(), console.file, clock, problem


def test_a_search_whose_epochs_are_long_says_that_it_lives(watched):
    view, _, printed, clock, _ = watched
    view.sign_of_life()
    begun = "  0:00  starting workers; 0 of 7 trials ended\n"
    assert printed.getvalue() == begun, "Ray has started, for seconds without a line"
    clock[0] += 600
    view.sign_of_life()
    view.sign_of_life()
    assert printed.getvalue() == begun + begun.replace("  0:00", " 10:00")


def test_a_store_that_takes_nothing_is_told_once(watched):
    view, history, printed, _, problem = watched
    for said in ("MLflow takes nothing (no server answers)", "MLflow takes nothing (503)", "the storage neither (403)"):
        problem[0] = said
        view.on_event({"event": "launched", "trial": 0}, history)
    assert printed.getvalue().count("MLflow takes nothing (no server answers)") == 1
    assert "503" not in printed.getvalue()
    problem[0] = "a store waits (1)"
    view.sign_of_life()
    assert "a store waits" in printed.getvalue(), "when nothing happens it is told too"
    assert "the storage neither (403)" in printed.getvalue()


def test_workers_start_until_the_first_trial_runs(watched):
    view, _, printed, clock, _ = watched
    history = view._progress.history
    told = {"start": "starting workers", "launched": "running: trial 0 at epoch 1", "close": "no trial runs just now"}
    for kind, said in told.items():
        event = {"event": kind, "trial": 0, "reason": "done", "time": 0, "up": 0.0}
        history.apply(event)
        view.on_event(event, history)
        clock[0] += 10
        view.sign_of_life()
        assert said in printed.getvalue().splitlines()[-1]


def test_a_terminal_has_no_empty_table_while_workers_start(told):
    folder, console = SearchFolder(told / "begun"), screen(100)
    spec = folder.spec()
    view = LiveView(console, make_plan(spec, load(spec.data)), "val_x", lambda: None)
    view.start(folder.history())
    view.stop()
    assert "starting workers" in console.file.getvalue()
    assert "epoch" not in console.file.getvalue()


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_dumb_terminal_is_told_lines(told, kind):
    folder, console = SearchFolder(told / "told"), screen(100, kind)
    spec, history = folder.spec(), folder.history()
    view = LiveView(console, make_plan(spec, load(spec.data)), "val_x", lambda: None)
    view.start(history)
    for trial in history.trials:
        view.on_event({"event": "end", "trial": trial}, history)
    view.stop()
    lines = [line for line in console.file.getvalue().splitlines() if line[:8].strip()]  # else it goes on from above
    begun, *lines = lines
    assert begun.startswith("  0:00  starting workers; ")
    assert len(lines) == len(history.trials)
    assert all(re.match(rf"  0:0\d  trial {trial} ", line) for trial, line in zip(history.trials, lines, strict=True))


@pytest.mark.parametrize("many", [1, 3])
def test_trials_that_ended_waiting_are_told_in_one_line(many, watched, told):
    view, _, printed, _, _ = watched
    history = SearchFolder(told / "told").history()
    view._progress = live.Progress(history, 2)
    for trial in range(many):
        history.trials[trial].state, history.trials[trial].reason = "stopped", "waited at rung 0 (epoch 2)"
        history.trials[trial].decisions = [Decision(trial, 2, 0, 0.5, None, trial, "pause")]
        view.on_event({"event": "end", "trial": trial}, history)
    _, *before = printed.getvalue().splitlines()
    assert not before
    view.on_event({"event": "end", "trial": 3}, history)
    _, waited, other = printed.getvalue().splitlines()
    told_of = {1: "trial 0 CL baseline stopped: waited at the rung of epoch 2; "}
    assert told_of.get(many, "3 trials that waited at rungs stopped, as others went on: 0, 1, 2; ") in waited
    assert "trial 3 " in other
    view.on_event({"event": "end", "trial": 0}, history)
    view.stop()
    assert "trial 0 CL baseline stopped" in printed.getvalue().splitlines()[-1]


def test_the_time_left_is_reckoned_without_the_start_of_the_workers(watched):
    """Six epochs at a second each, after a minute in which no worker was there."""
    view, _, _, clock, _ = watched
    history = view._progress.history
    clock[0] += 60
    for epoch in range(2, 9):
        one = min(epoch, view._plan.representation_epochs)
        seconds = {"representation_seconds": one - 1.0, "classifier_seconds": epoch - one + 0.0}
        event = {"event": "result", "trial": 0, "epoch": epoch, "metrics": seconds, "time": 0, "up": 0.0}
        history.apply(event)
        view.on_event(event, history)
        clock[0] += 1
    left = live.cost_left(view._progress, view._plan)
    assert view._time_left() == f"{left * 7 / 6:.0f} s"


def test_runs_on_fresh_seeds_are_not_called_best_as_one_of_them_is_the_luckiest(watched, told):
    view, _, printed, clock, _ = watched
    history = SearchFolder(told / "told").history()
    view._progress = live.Progress(history, 2)
    clock[0] += 10
    view.sign_of_life()
    assert ", best 0." in printed.getvalue()
    for trial in history.trials.values():
        trial.note = f"trial {trial.number}, seed 81"
    clock[0] += 10
    view.sign_of_life()
    assert "best" not in printed.getvalue().splitlines()[-1]


def test_a_search_that_has_enough_is_told_at_once_and_counts_no_trial_that_will_not_run(watched):
    view, _, printed, _, _ = watched
    history = view._progress.history
    event = {"event": "enough", "time": 0, "up": 0.0, "trials": 3, "left": 4, "gain": 0.002, "noise": 0.006}
    history.apply(event)
    view.on_event(event, history)
    view.sign_of_life()
    assert "4 trials of the plan were not run: they are expected to gain about 0.0020" in printed.getvalue()
    view._last_line -= 60
    view.sign_of_life()
    assert "0 of 3 trials ended" in printed.getvalue()
