"""What seeds in rounds came to, in words and as a verdict."""

import math

import numpy as np
from rounds import by_seed, played

from search.evidence.decided_verdict import decided, in_words, untested, verdict_by_rule
from search.evidence.until_decided import make_rule


def test_the_verdict_says_by_which_rule_after_how_many_rounds_and_each_pairs_state():
    rng = np.random.default_rng(9)
    scores = np.stack([0.9 + 0.003 * rng.standard_normal(30), *(0.8 + 0.003 * rng.standard_normal((2, 30)))], 1)
    scores[:, 2] = math.nan
    found, _ = played(rule := make_rule(3, 0.02, 30), scores)
    what = decided(rule, found)
    rule_line, pairs = in_words(what)
    assert "group-sequential t" in rule_line
    assert "shared among 3 pairs" in rule_line
    assert f"{what.rounds} round" in rule_line
    assert "c0 is better than c1 after" in pairs
    assert "c0 and c2 cannot be compared" in pairs
    told = {f"c{place}": by_seed(scores[: what.seeds, place]) for place in (0, 1)} | {"c2": {}}
    verdict = verdict_by_rule(told, what)
    assert verdict.best == "c0"
    assert verdict.sentence.startswith("c0 comes first: better than c1, undecided against c2")
    assert [pair.p_holm for pair in verdict.pairs] == [None] * 3, "the test of a fixed number of seeds is not told"
    assert "not tested" in untested(told, what).sentence


def test_who_was_beaten_is_not_first_though_its_mean_lead_is_the_largest():
    rng = np.random.default_rng(10)
    scores = np.stack([0.8 + 0.002 * rng.standard_normal(30), 0.81 + 0.002 * rng.standard_normal(30)], 1)
    found, _ = played(rule := make_rule(2, 0.001, 30), scores)
    verdict = verdict_by_rule({"c0": by_seed(scores[:, 0]), "c1": by_seed(scores[:, 1])}, decided(rule, found))
    assert verdict.best == "c1"
