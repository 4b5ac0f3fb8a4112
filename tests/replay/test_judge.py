"""The judgement on fresh seeds: what is run, and what the page says of it."""

import numpy as np
from curves import EPOCHS, Generator
from judge import CANDIDATE, GOAL, RANDOM, RIVAL, SEEDS, rows_of, tasks, verdict
from peers import product
from peers.loop import Row
from peers.results import as_rows
from regret import CHANCE


def test_every_search_runs_on_the_fresh_seeds_and_on_recorded_curves_with_few_slots():
    wanted = list(tasks([1, 64]))
    assert {task["seed"] for task in wanted} == set(SEEDS) == set(range(1000, 1400))
    assert {task["peer"] for task in wanted} == {CANDIDATE, RIVAL, RANDOM}
    assert {task["regime"] for task in wanted if task["slots"] == 64} == {"900:100", "980:20"}
    assert "980:20 recorded" in {task["regime"] for task in wanted if task["slots"] == 1}


def told(peer: str, seed: int, regret: float) -> dict:
    point = {"epochs_spent": 160, "seconds": 1.0, "regret": regret, "trials": 9, "finished": 1, "failed": 0}
    task = {"peer": peer, "regime": "980:20", "slots": 8, "seed": seed, "most_epochs": 320}
    return {**task, "mark": "now", "points": [point, {**point, "epochs_spent": 320, "regret": regret / 2}]}


def test_a_row_counts_the_seeds_that_all_three_have_and_pairs_them():
    regrets = {CANDIDATE: 0.01, RIVAL: 0.02, RANDOM: 0.04}
    results = [told(peer, seed, regret * (1 + 0.1 * seed)) for peer, regret in regrets.items() for seed in (0, 1, 2)]
    head, at_160, at_320 = rows_of(as_rows([*results, told(CANDIDATE, 3, 0.5)]))
    assert at_160[:4] == ["980:20", "8", "160", "3"]
    assert at_160[4:] == ["110", "220", "0.50 (0.50 to 0.50)", "440", "0.25 (0.25 to 0.25)"]
    assert at_320[4] == "55"
    assert len(head) == len(at_160)
    assert GOAL == 0.9


def test_the_page_says_where_the_goal_is_met():
    def results(ratio: float) -> list[dict]:
        """Whose ratio is exact, as all seeds have the same."""
        regrets = {CANDIDATE: 0.02 * ratio, RIVAL: 0.02, RANDOM: 0.02}
        return [told(peer, seed, regret) for peer, regret in regrets.items() for seed in (0, 1)]

    assert verdict(as_rows(results(0.89))) == "The goal is met in 2 of 2 settings."
    missed = "980:20, 8 slots, 160 epochs (0.91); 980:20, 8 slots, 320 epochs (0.91)"
    assert verdict(as_rows(results(0.91))) == f"The goal is met in 0 of 2 settings, and not at {missed}."


def test_the_candidate_chooses_finished_trials_first_then_those_at_a_rung_then_the_furthest():
    curves = Generator(0, "980:20")
    draws = np.random.default_rng(0).random((3, 4))
    values = [curves.from_units(units) for units in draws]
    rows = [Row(0, values[0], 1, 0.9, 1.0, 1), Row(1, values[1], 1, 0.5, 2.0, 2), Row(1, values[1], 2, 0.5, 3.0, 3)]
    rows += [Row(2, values[2], epoch, 0.4, 3.0 + epoch, 3 + epoch) for epoch in range(1, EPOCHS + 1)]
    found = list(product.regrets_of(product.PROMOTION, rows, curves))
    assert found[0] == curves.best - CHANCE  # it is asked at a checkpoint, or when a trial has finished
    assert found[-1] == curves.best - curves.truth(values[2])
    unfinished = list(product.regrets_of(product.PROMOTION, rows[:3], curves))
    assert unfinished[-1] == curves.best - curves.truth(values[1])
    assert list(product.regrets_of("ours", rows[:3], curves)) == [
        curves.best - curves.truth(values[0]),
        curves.best - curves.truth(values[0]),
        curves.best - curves.truth(values[1]),
    ]
