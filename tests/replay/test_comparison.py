"""The comparison of our search with its peers: what is kept, what runs again, what the report says."""

import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from peers import environments, report, results, runner
from peers.registry import BUDGETS, OURS, PEERS
from peers.results import Results, marks
from peers.runner import Worker, key_of, run_all, tasks

MARKS = dict.fromkeys(PEERS, "today")


def task(peer="random", seed=0, slots=1, most_epochs=40, regime="900:100"):
    return {"peer": peer, "regime": regime, "slots": slots, "seed": seed, "most_epochs": most_epochs}


def result(regrets=(0.02, 0.01), **given):
    points = [
        {"epochs_spent": 20 * (k + 1), "seconds": 10.0 * (k + 1), "regret": regret, "trials": k + 1, "finished": k}
        for k, regret in enumerate(regrets)
    ]
    return {**task(**given), "points": [{**point, "failed": 0} for point in points], "cpu": 0.1}


def test_a_result_is_there_after_a_kill_and_in_the_table_after_a_gathering(tmp_path):
    path = tmp_path / "replay.parquet"
    Results(path, MARKS).add(result())
    assert Results(path, MARKS).there() == {key_of(task())}
    Results(path, MARKS).gather()
    Results(path, MARKS).add(result(seed=1))
    table = Results(path, MARKS).gather()
    assert table[["seed", "epochs_spent"]].to_numpy().tolist() == [[0, 20], [0, 40], [1, 20], [1, 40]]
    assert [file.name for file in tmp_path.iterdir()] == ["replay.parquet"]


def test_a_line_that_a_kill_cut_off_is_run_again(tmp_path):
    path = tmp_path / "replay.parquet"
    kept = Results(path, MARKS)
    kept.add(result())
    lines = path.with_suffix(".jsonl")
    lines.write_text(lines.read_text() + json.dumps(result(seed=1))[:-20])
    assert kept.there() == {key_of(task())}
    kept.add(result(seed=2))  # on a line of its own
    assert kept.there() == {key_of(task()), key_of(task(seed=2))}


def test_results_of_other_curves_or_code_count_no_more_and_those_of_other_peers_stay(tmp_path):
    path = tmp_path / "replay.parquet"
    kept = Results(path, MARKS)
    kept.add(result(peer="random"))
    kept.add(result(peer="ours"))
    kept.gather()
    changed = Results(path, MARKS | {"ours": "tomorrow"})
    assert changed.there() == {key_of(task())}
    assert set(changed.gather()["peer"]) == {"random"}


@pytest.mark.slow
def test_a_mark_depends_on_the_peers_code_and_on_the_curves_and_not_on_comments(monkeypatch, tmp_path):
    before = marks()
    assert before == marks()
    assert len(set(before.values())) == len(PEERS)
    peer, copied = results.HERE / "random_search.py", tmp_path / "random_search.py"
    text = peer.read_text()
    whole = results._text_of
    monkeypatch.setattr(results, "_text_of", lambda file: whole(copied if file == peer else file))
    copied.write_text(f"# a word more\n{text}")
    assert marks() == before
    copied.write_text(text.replace('return "go"', 'return "stop"'))
    assert {name for name, mark in marks().items() if mark != before[name]} == {"random"}
    monkeypatch.setattr(results, "curves_mark", lambda: "others")
    assert not set(marks().values()) & set(before.values())


def test_few_seeds_of_all_come_before_many_and_slow_searches_have_fewer():
    made = tasks(["random", "smac-sha"], seeds=40, slow_seeds=12, slots=[1, 8])
    assert len({key_of(one) for one in made}) == len(made) == 2 * 2 * (40 + 12)
    assert [one["seed"] for one in made[:40]] == [seed for seed in range(10) for _ in range(4)]
    assert {one["peer"] for one in made[:40]} == {"random"}
    first = [one["peer"] for one in made].index("smac-sha")
    assert {one["seed"] for one in made[:first] if one["peer"] == "random"} == set(range(30))
    assert all(one["most_epochs"] == BUDGETS[one["slots"]] for one in made)


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped(tmp_path):
    kept = Results(tmp_path / "replay.parquet", MARKS)
    wanted = [task(seed=seed) for seed in range(3)]
    ran = []
    given = {"processes": 2, "log": tmp_path / "log", "on_end": lambda one: ran.append(one["seed"])}
    assert run_all(wanted[:2], kept, **given) == []
    kept.gather()
    assert run_all(wanted, kept, **given) == []
    assert sorted(ran[:2]) == [0, 1]
    assert ran[2:] == [2]
    assert run_all([task(seed=3)], kept, until=time.monotonic(), **given) == []  # the time is up
    assert len(ran) == 3
    table = kept.gather()
    assert set(table["seed"]) == {0, 1, 2}
    assert table.groupby("seed")["epochs_spent"].max().tolist() == [40, 40, 40]
    assert (table["regret"] >= 0).all()


@pytest.mark.slow
def test_a_search_that_fails_is_told_and_keeps_no_other_from_running(tmp_path):
    kept = Results(tmp_path / "replay.parquet", MARKS)
    wanted = [task(regime="no such"), task()]
    (failed,) = run_all(wanted, kept, processes=1, log=tmp_path / "log")
    assert failed["regime"] == "no such"
    assert "KeyError" in failed["error"]
    assert kept.there() == {key_of(task())}


@pytest.mark.slow
def test_a_process_that_dies_is_told_and_replaced(tmp_path, monkeypatch):
    answer = Worker.answer

    def dies_once(self, one):
        if one["seed"] == 0:
            self._process.kill()
            self._process.wait()
        return answer(self, one)

    monkeypatch.setattr(runner.Worker, "answer", dies_once)
    kept = Results(tmp_path / "replay.parquet", MARKS)
    (failed,) = run_all([task(seed=0), task(seed=1)], kept, processes=1, log=tmp_path / "log")
    assert "ended with -9" in failed["error"]
    assert kept.there() == {key_of(task(seed=1))}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PEERS))
def test_each_peer_spends_its_budget_in_several_slots_and_twice_the_same(name, tmp_path):
    environment = PEERS[name].environment
    if environments.python_of(environment) is None:
        pytest.skip(f"build/peers/{environment} is not there: make replay-peers makes it")
    worker = Worker(environment, tmp_path / "log")
    try:
        answers = [worker.answer(task(name, seed, slots=3, most_epochs=70, regime="980:20")) for seed in (2, 2, 5)]
    finally:
        worker.close()
    assert not any("error" in answer for answer in answers), answers
    ends = [answer["points"][-1] for answer in answers]
    assert [end["epochs_spent"] for end in ends] == [70, 70, 70]
    assert ends[0]["trials"] > 3
    assert answers[0]["points"] == answers[1]["points"] != answers[2]["points"]


def test_an_environment_is_named_to_the_version_and_made_again_when_its_file_changes(tmp_path, monkeypatch):
    for name in {entry.environment for entry in PEERS.values()} - {"product"}:
        assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in environments.requirements_of(name))
    monkeypatch.setattr(environments, "FILES", tmp_path)
    monkeypatch.setattr(environments, "VENVS", tmp_path / "venvs")
    (tmp_path / "none.txt").write_text("# nothing\n")
    assert environments.names() == ["none"]
    assert environments.python_of("none") is None
    monkeypatch.setattr(environments.subprocess, "run", lambda command, check: installed.append(command))
    installed: list[list[object]] = []
    (tmp_path / "venvs" / "none").mkdir(parents=True)
    monkeypatch.setattr(environments.shutil, "rmtree", lambda folder, ignore_errors: None)  # it would be made by venv
    environments.make("none")
    assert len(installed) == 2
    assert environments.python_of("none") == tmp_path / "venvs" / "none" / "bin" / "python"
    environments.make("none")
    assert len(installed) == 2  # it is there
    (tmp_path / "none.txt").write_text("six==1.17.0\n")
    assert environments.python_of("none") is None


def played(seeds=6, slots=1, **shifts):
    """Rows of searches whose regrets differ from ours by a shift."""
    found = [
        result([0.02 + shift + seed / 1000, 0.01 + shift + seed / 1000], peer=peer, seed=seed, slots=slots)
        for peer, shift in {OURS: 0.0, **shifts}.items()
        for seed in range(seeds)
    ]
    return results.as_rows([{**one, "most_epochs": BUDGETS[slots], "mark": "today"} for one in found])


@pytest.mark.slow
def test_the_report_has_a_row_for_each_search_with_the_paired_difference_and_the_ratio(tmp_path):
    path = report.write_report(played(**{"random": 0.01}), tmp_path)
    text = path.read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| random |")]
    summary, epochs, seconds, compared = [[cell.strip() for cell in row] for row in rows]
    assert summary == ["random", "0.56 (0.52 to 0.60)"]
    assert epochs[:5] == ["random", "6", "2 (1, 0.0)", "325 ± 8", "225 ± 8"]
    assert epochs[-1] == "225 ± 8"  # at the end of the budget: the last that is known
    assert seconds[1:] == ["225 ± 8"] * 4
    assert compared[-2:] == ["+100 (+100 to +100)", "0.56 (0.52 to 0.60)"]
    assert f"| **{OURS}** | 6 |" in text
    assert text.index(f"| **{OURS}** | 6 |") < text.index("| random | 6 |")  # the best first
    assert (tmp_path / "replay-epochs.png").stat().st_size > 5000
    assert (tmp_path / "replay-time.png").stat().st_size > 5000


@pytest.mark.slow
def test_a_report_says_how_many_seeds_each_search_has_and_compares_those_that_both_have(tmp_path):
    table = pd.concat([played(6, **{"random": 0.01}), played(3, slots=8)])
    table = table[~((table["peer"] == "random") & (table["seed"] == 5))]
    text = report.write_report(table, tmp_path).read_text()
    assert "| random | 5 |" in text
    assert "## 900:100 training images, 8 slots, 320 epochs" in text
    assert "64 slots" not in text


def test_a_report_of_nothing_says_so(tmp_path):
    assert "Nothing has been run yet" in report.write_report(results.as_rows([]), tmp_path).read_text()


def test_the_interval_of_a_ratio_covers_it_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        common = rng.exponential(size=(30, 1))
        above, below = (common + rng.exponential(size=(30, 2)) * [1.0, 3.0]).T
        of, low, high = report.ratio(above, below)
        assert low < of < high
        covered += low < 2 / 4 < high
    assert 0.91 < covered / 400 < 0.98
