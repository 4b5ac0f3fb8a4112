"""Seeds in rounds: what ends a pair, on which seeds, and how often it is wrong."""

import json
import math

import numpy as np
import pytest
from rounds import by_seed, played
from scipy import stats

from search.evidence.group_sequential import bounds, obrien_fleming
from search.evidence.until_decided import (
    LEVEL,
    Rule,
    as_plan,
    chance_to_decide,
    make_rule,
    planned_looks,
    progress,
    read_rule,
    seeds_to_decide,
    settle,
    smallest_decidable,
)
from search.journal.history import History

RULE = make_rule(2, 0.02, 30)


def test_looks_are_equal_steps_up_to_the_most_and_none_is_under_ten():
    assert planned_looks(30) == (10, 15, 20, 25, 30)
    assert planned_looks(32) == (12, 17, 22, 27, 32)
    assert planned_looks(100) == tuple(range(10, 101, 10))
    assert len(planned_looks(1000)) == 10


def test_a_rule_on_disk_is_the_rule():
    kept = json.loads(json.dumps(as_plan(RULE)))
    assert read_rule(kept) == RULE
    assert kept["rule"].startswith("group-sequential t")
    rule = make_rule(5, 0.02, 400)
    assert rule.pairs == 10
    assert all(map(math.isfinite, rule.bounds)), "a look that can end nothing is left out"
    assert read_rule(json.loads(json.dumps(as_plan(rule)))) == rule


def test_the_interval_of_the_last_look_is_the_mean_and_its_bound():
    a = by_seed(0.8 + 0.01 * np.sin(np.arange(30)))
    b = by_seed(0.8 + 0.01 * np.cos(3 * np.arange(30)))
    rule = make_rule(2, 0.001, 30)  # too small to be decided
    pair = settle(rule, "a", "b", a, b, 5)
    differences = np.array([a[k] - b[k] for k in range(30)])
    half = rule.bounds[-1] * stats.sem(differences)
    assert (pair.state, pair.rounds, pair.n) == ("open", 5, 30)
    assert (pair.interval.low, pair.interval.high) == pytest.approx(
        (differences.mean() - half, differences.mean() + half)
    )


def test_a_winner_and_no_difference_end_a_pair_at_the_first_look_that_shows_it():
    noise = 0.002 * np.random.default_rng(0).standard_normal(30)
    better = settle(RULE, "a", "b", by_seed(0.85 + noise), by_seed(np.full(30, 0.8)), 5)
    assert (better.state, better.better, better.rounds, better.n) == ("better", "a", 1, 10)
    worse = settle(RULE, "b", "a", by_seed(np.full(30, 0.8)), by_seed(0.85 + noise), 5)
    assert (worse.state, worse.better) == ("better", "a")
    alike = settle(RULE, "a", "b", by_seed(0.8 + noise), by_seed(np.full(30, 0.8)), 5)
    assert (alike.state, alike.better, alike.rounds) == ("no difference", None, 1)
    assert -0.02 < alike.interval.low < alike.interval.high < 0.02


def test_a_pair_that_ended_stays_as_it_was():
    noise = 0.002 * np.random.default_rng(0).standard_normal(30)
    scores = np.stack([0.85 + noise, np.full(30, 0.8), 0.8 + 0.02 * np.random.default_rng(1).standard_normal(30)], 1)
    scores[10:, 0] = 0.1  # after it was seen to be better
    found, _ = played(make_rule(3, 0.02, 30), scores)
    first = found.pairs[0]
    assert (first.state, first.better, first.n) == ("better", "c0", 10)


def test_equal_differences_end_nothing():
    same = settle(RULE, "a", "b", by_seed(np.full(30, 0.8)), by_seed(np.full(30, 0.7)), 5)
    assert (same.state, same.n, same.interval) == ("open", 30, None)


def test_failed_runs_are_left_out_and_the_bound_is_that_of_the_seeds_that_are_there():
    rng = np.random.default_rng(3)
    a, b = by_seed(0.8 + 0.03 * rng.standard_normal(30)), by_seed(0.8 + 0.03 * rng.standard_normal(30))
    for k in (2, 5, 21):
        del a[k]
    pair = settle(make_rule(2, 0.001, 30), "a", "b", a, b, 5)
    assert pair.n == 27
    # looks at 13, 18, 22 and 27 seeds that both have: the first of 8 is too few
    seen = (13, 18, 22, 27)
    bound = bounds(seen, (13 / 30, 18 / 30, 22 / 30, 1.0), 1 - LEVEL, obrien_fleming)[-1]
    differences = np.array([a[k] - b[k] for k in a])
    assert pair.interval.high - pair.difference == pytest.approx(bound * stats.sem(differences))


def test_the_last_look_spends_what_is_left_though_seeds_are_missing():
    rng = np.random.default_rng(3)
    a, b = by_seed(0.8 + 0.03 * rng.standard_normal(30)), by_seed(0.8 + 0.03 * rng.standard_normal(30))
    for k in range(10, 25):
        del a[k]
    pair = settle(make_rule(2, 0.001, 30), "a", "b", a, b, 5)
    bound = bounds((10, 15), (10 / 30, 1.0), 1 - LEVEL, obrien_fleming)[-1]
    differences = np.array([a[k] - b[k] for k in a])
    assert (pair.n, pair.rounds) == (15, 5)
    assert pair.interval.high - pair.difference == pytest.approx(bound * stats.sem(differences))


def test_a_configuration_without_a_score_is_dropped_and_stays_counted():
    scores = 0.8 + 0.03 * np.random.default_rng(4).standard_normal((30, 3))
    scores[:, 2] = math.nan
    found, history = played(make_rule(3, 0.001, 30), scores)
    assert [pair.state for pair in found.pairs] == ["open", "dropped", "dropped"]
    assert len(history.trials) == 3 * 10 + 2 * 20
    assert make_rule(3, 0.001, 30).alpha == pytest.approx(0.05 / 3)


def test_only_candidates_of_open_pairs_run_on():
    noise = 0.002 * np.random.default_rng(0).standard_normal((30, 2))
    scores = np.stack([0.9 + noise[:, 0], *(0.8 + 0.05 * np.random.default_rng(5).standard_normal((2, 30)))], 1)
    found, _ = played(make_rule(3, 0.001, 30), scores)
    runs = [[k for place, k in found.runs if place == wanted] for wanted in range(3)]
    assert runs[1] == runs[2] == list(range(30))
    assert runs[0] == list(range(len(runs[0])))
    assert len(runs[0]) < 30


def test_rounds_replayed_from_any_point_are_the_same_rounds():
    """What is on disk decides what follows, so a killed confirmation goes on as it would have."""
    scores = 0.8 + 0.02 * np.random.default_rng(6).standard_normal((30, 3)) + np.array([0, 0.015, 0])
    rule = make_rule(3, 0.02, 30)
    found, history = played(rule, scores)
    for cut in range(len(history.trials)):
        part = History({number: trial for number, trial in history.trials.items() if number < cut})
        then = progress(rule, ["c0", "c1", "c2"], part)
        assert then.runs == found.runs[: len(then.runs)]
        assert len(then.runs) > cut or not then.is_over


def claims(rule: Rule, differences: np.ndarray) -> list[str]:
    zeros = by_seed(np.zeros(differences.shape[1]))
    return [settle(rule, "a", "b", by_seed(row), zeros, len(rule.looks)).state for row in differences]


@pytest.mark.parametrize(("truth", "false"), [(0.0, "better"), (1.0, "no difference")])
def test_false_claims_are_as_rare_as_declared(truth, false):
    """At δ = 0 a winner is false, at |δ| = D "no difference" is; 600 runs, seeded."""
    rule = make_rule(2, 0.8, 30)
    said = claims(rule, truth * 0.8 + np.random.default_rng(7).standard_normal((600, 30)))
    assert said.count(false) / 600 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 600)
    assert said.count("no difference" if truth == 0 else "better") / 600 > 0.8, "and mostly it is decided"


@pytest.mark.slow
def test_what_is_told_to_be_decidable_is_decided():
    """The chance told beforehand is that of the last look alone; the looks before it add to it."""
    effect = smallest_decidable(2, 30)
    assert chance_to_decide(make_rule(2, effect, 30), effect) == pytest.approx(0.8, abs=1e-3)
    said = claims(make_rule(2, effect, 30), np.random.default_rng(8).standard_normal((400, 30)))
    assert 0.74 < said.count("no difference") / 400 < 0.9


@pytest.mark.slow
def test_the_seeds_that_decide_a_difference_are_the_fewest():
    needed = seeds_to_decide(2, 0.45)
    assert smallest_decidable(2, needed) <= 0.45 < smallest_decidable(2, needed - 1)
    assert seeds_to_decide(2, 0.01) is None
