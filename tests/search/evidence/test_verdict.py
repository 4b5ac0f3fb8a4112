import dataclasses
import itertools
import json

import numpy as np
import pytest
from scipy import stats

from search.evidence.paired_tests import MAX_SEEDS, MIN_SEEDS, holm, seeds_needed, winners_curse
from search.evidence.verdict import judge
from trainers.errors import InputError

CL = [0.71, 0.74, 0.69, 0.72, 0.75, 0.70, 0.73, 0.71, 0.68, 0.74, 0.72, 0.70]
FCL = [0.72, 0.73, 0.70, 0.72, 0.74, 0.71, 0.73, 0.72, 0.68, 0.73, 0.73, 0.70]
AFCL = [0.78, 0.80, 0.74, 0.79, 0.81, 0.75, 0.80, 0.77, 0.74, 0.79, 0.79, 0.75]


def by_seed(**columns):
    """Scores of each label at seeds 0, 1, ..."""
    return {label: dict(enumerate(column)) for label, column in columns.items()}


def equals(rng, labels, seeds):
    """Labels that differ by nothing but noise, beside the luck of the seed that they share."""
    return 0.8 + rng.normal(0, 0.02, seeds) + rng.normal(0, 0.01, (labels, seeds))


def test_a_label_is_summed_up_as_scipy_does():
    (label,) = judge(by_seed(CL=CL), level=0.9).labels
    low, high = stats.ttest_1samp(CL, 0).confidence_interval(0.9)
    assert (label.label, label.n) == ("CL", 12)
    assert (label.mean, label.sd) == pytest.approx((np.mean(CL), stats.tstd(CL)))
    assert (label.interval.low, label.interval.high) == pytest.approx((low, high))


def test_a_pair_is_tested_as_scipy_does():
    (pair,) = judge(by_seed(AFCL=AFCL, CL=CL)).pairs
    theirs = stats.ttest_rel(AFCL, CL)
    low, high = theirs.confidence_interval(0.95)
    assert (pair.a, pair.b, pair.n) == ("AFCL", "CL", 12)
    assert pair.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (pair.interval.low, pair.interval.high) == pytest.approx((low, high))


def test_a_pair_worked_by_hand():
    (pair,) = judge(by_seed(a=[0.51, 0.63, 0.72, 0.84, 0.60], b=[0.50, 0.60, 0.70, 0.80, 0.60])).pairs
    # differences .01 .03 .02 .04 0: mean .02, sd sqrt(.001/4) = .0158114, standard error .0158114/sqrt 5 = .00707107;
    # t = 2.8284; t.975(4) = 2.77645, so the half width is .0196325; four wins and a tie
    assert pair.difference == pytest.approx(0.02)
    assert (pair.interval.low, pair.interval.high) == pytest.approx((0.0003675, 0.0396325), abs=1e-6)
    assert pair.effect == pytest.approx(1.264911, abs=1e-6)
    assert pair.p == pytest.approx(0.0474, abs=1e-4)
    assert pair.p_better == 0.9


def test_improvement_is_counted_seed_by_seed_not_over_all_runs():
    """A constant gain under a large luck of the seed: all runs against all would give little more than a half."""
    easy = [0.5, 0.6, 0.7, 0.8]
    (pair,) = judge(by_seed(a=[score + 0.01 for score in easy], b=easy)).pairs
    assert pair.p_better == 1


def test_holm_is_its_step_down():
    # sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, and the last may not fall below .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1, 1]
    assert holm([]) == []


def test_all_pairs_are_corrected_together():
    verdict = judge(by_seed(CL=CL, FCL=FCL, AFCL=AFCL))
    assert [(pair.a, pair.b) for pair in verdict.pairs] == [("CL", "FCL"), ("CL", "AFCL"), ("FCL", "AFCL")]
    raw = [stats.ttest_rel(a, b).pvalue for a, b in itertools.combinations((CL, FCL, AFCL), 2)]
    assert [pair.p for pair in verdict.pairs] == pytest.approx(raw)
    small, smaller = sorted(raw)[1], sorted(raw)[0]
    expected = {max(raw): max(raw), small: max(2 * small, 3 * smaller), smaller: 3 * smaller}
    assert [pair.p_holm for pair in verdict.pairs] == pytest.approx([expected[p] for p in raw])


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [judge(by_seed(a=rng.normal(0.8, 0.02, 10))).labels[0].interval for _ in range(2000)]
    assert 0.935 < np.mean([interval.low < 0.8 < interval.high for interval in intervals]) < 0.965


def test_equals_are_called_distinguishable_in_one_search_of_twenty():
    rng = np.random.default_rng(1)
    verdicts = [judge(by_seed(**dict(zip("abcd", equals(rng, 4, 10), strict=True)))) for _ in range(1000)]
    assert 0.02 < np.mean([any(pair.distinguishable for pair in v.pairs) for v in verdicts]) < 0.065
    assert np.mean([any(pair.p < 0.05 for pair in v.pairs) for v in verdicts]) > 0.15  # what Holm is for


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_seeds_needed_are_those_of_the_power_tables(effect, seeds):
    """Cohen's small, medium and large effect: two-sided paired t test at .05 with power .8, as G*Power prints."""
    assert seeds_needed(effect, 0.05) == seeds_needed(-effect, 0.05) == seeds


def test_seeds_needed_have_their_bounds():
    assert seeds_needed(50, 0.05) == MIN_SEEDS
    assert 980 < seeds_needed(0.089, 0.05) <= MAX_SEEDS  # (1.960 + 0.842)² / .089² = 991, by the normal
    assert seeds_needed(0.088, 0.05) is None  # 1014
    assert seeds_needed(0, 0.05) is None


def test_with_the_seeds_needed_the_difference_is_found_four_times_in_five():
    """Four labels, so the hardest of six comparisons; the truth is the effect that was observed."""
    rng = np.random.default_rng(2)
    gains = np.array([[0], [0], [0], [0.01]])
    scores = by_seed(**dict(zip("abcd", equals(rng, 4, 12) + gains, strict=True)))
    pair = max(judge(scores).pairs, key=lambda pair: abs(pair.effect))
    drawn = rng.normal(pair.effect, 1, (20_000, pair.seeds_needed))
    assert MIN_SEEDS < pair.seeds_needed < 100
    assert np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05 / 6) == pytest.approx(0.81, abs=0.02)
    fewer = drawn[:, : pair.seeds_needed // 2]
    assert np.mean(stats.ttest_1samp(fewer, 0, axis=1).pvalue < 0.05 / 6) < 0.5


def test_a_clear_difference_is_found_and_named():
    verdict = judge(by_seed(CL=CL, FCL=FCL, AFCL=AFCL))
    assert verdict.best == "AFCL"
    assert verdict.sentence.startswith(
        "AFCL comes first with a mean of 0.7758, distinguishable from FCL and CL with these 12 seeds (Holm-corrected p"
    )
    (caveat,) = verdict.caveats
    assert caveat.startswith("Every interval covers the luck of the seed (split, order, initialisation), not the")
    assert verdict.in_words() == f"{verdict.sentence} {caveat}"


def test_a_winner_of_some_says_of_which():
    close = [score + luck for score, luck in zip(AFCL, [0.01, -0.01, 0.02, -0.02, 0.01, 0] * 2, strict=True)]
    verdict = judge(by_seed(CL=CL, AFCL=AFCL, ACL=close))
    (pair,) = [pair for pair in verdict.against("ACL") if pair.b == "AFCL"]
    assert verdict.sentence == (
        "ACL comes first with a mean of 0.7775, distinguishable from CL but not from AFCL with these 12 seeds; "
        f"about {pair.seeds_needed} seeds would be needed to tell ACL from AFCL at the difference seen."
    )


def test_no_winner_says_how_many_seeds_would_find_one():
    verdict = judge(by_seed(CL=CL, FCL=FCL))
    assert verdict.sentence == (
        "FCL comes first with a mean of 0.7175, but is not distinguishable from CL with these 12 seeds; "
        f"about {verdict.pairs[0].seeds_needed} seeds would be needed to tell FCL from CL at the difference seen."
    )
    assert verdict.pairs[0].seeds_needed > 12


def test_a_difference_lost_in_noise_would_need_more_than_a_thousand_seeds():
    noise = [0.01, -0.01] * 5 + [0.02, -0.0199]
    verdict = judge(by_seed(CL=CL, FCL=[score + luck for score, luck in zip(CL, noise, strict=True)]))
    assert verdict.pairs[0].seeds_needed is None
    assert "; more than 1000 seeds would be needed to tell FCL from CL" in verdict.sentence


def test_nine_seeds_cannot_discriminate_whatever_the_p_and_ten_can():
    nine = judge(by_seed(CL=CL[:9], AFCL=AFCL[:9]))
    assert nine.pairs[0].p_holm < 1e-4
    assert not nine.pairs[0].distinguishable
    assert nine.sentence.startswith("9 seeds cannot discriminate (it takes 10 at least), though AFCL comes first")
    assert "about 10 seeds would be needed to tell AFCL from CL" in nine.sentence
    ten = judge(by_seed(CL=CL[:10], AFCL=AFCL[:10]))
    assert ten.pairs[0].distinguishable
    assert "discriminate" not in ten.sentence


def test_one_seed_has_a_mean_and_nothing_more():
    verdict = judge(by_seed(CL=[0.7], AFCL=[0.8]))
    assert [(of.n, of.mean, of.sd, of.interval) for of in verdict.labels] == [
        (1, 0.7, None, None),
        (1, 0.8, None, None),
    ]
    (pair,) = verdict.pairs
    assert pair.difference == pytest.approx(-0.1)
    assert (pair.p, pair.p_holm, pair.interval, pair.effect, pair.seeds_needed) == (None,) * 5
    assert verdict.sentence == (
        "1 seed cannot discriminate (it takes 10 at least), though AFCL comes first with a mean of 0.8000; "
        "too few seeds to say how many would be needed to tell AFCL from CL."
    )
    assert verdict.caveats == ()


def test_four_seeds_say_nothing_of_how_many_would_be_needed_and_five_do():
    four = judge(by_seed(CL=CL[:4], FCL=FCL[:4]))
    assert four.pairs[0].seeds_needed is None
    assert four.sentence.startswith("4 seeds cannot discriminate (it takes 10 at least), though ")
    assert "; too few seeds to say how many would be needed to tell " in four.sentence
    assert judge(by_seed(CL=CL[:4], twin=CL[:4])).sentence.endswith("no difference between CL and twin was seen.")
    five = judge(by_seed(CL=CL[:5], AFCL=AFCL[:5]))
    assert five.pairs[0].seeds_needed == MIN_SEEDS
    assert "about 10 seeds would be needed" in five.sentence


def test_a_pair_uses_the_seeds_that_both_have():
    scores = by_seed(CL=CL, AFCL=AFCL)
    del scores["CL"][0], scores["CL"][5], scores["AFCL"][5], scores["AFCL"][11]
    verdict = judge(scores)
    (pair,) = verdict.pairs
    shared = [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert (pair.n, pair.left_out) == (9, 2)
    assert pair.p == pytest.approx(stats.ttest_rel([CL[s] for s in shared], [AFCL[s] for s in shared]).pvalue)
    assert (verdict.seeds, verdict.missing) == (11, 2)  # nobody has seed 5
    assert "2 runs are missing: a pair is compared on the seeds that both have." in verdict.in_words()
    scores["CL"][0] = 0.7
    assert "1 run is missing: " in judge(scores).in_words()


def test_seeds_are_paired_by_their_number_not_their_order():
    backwards = {seed: AFCL[seed] for seed in reversed(range(12))}
    assert judge(by_seed(CL=CL) | {"AFCL": backwards}).pairs == judge(by_seed(CL=CL, AFCL=AFCL)).pairs


def test_failing_on_the_hard_seeds_does_not_win():
    """The flattered label has the higher mean, and loses wherever both ran."""
    hard, easy = [0.50, 0.51, 0.49, 0.50], [0.80, 0.81, 0.79, 0.80, 0.82, 0.78, 0.80, 0.81, 0.79, 0.80, 0.81, 0.79]
    scores = by_seed(steady=hard + easy)
    scores["flattered"] = {4 + at: score - 0.01 - 0.001 * (at % 2) for at, score in enumerate(easy)}
    verdict = judge(scores)
    steady, flattered = verdict.labels
    assert flattered.mean > steady.mean
    assert verdict.best == "steady"
    assert "distinguishable from flattered with these 12 seeds" in verdict.sentence


def test_missing_runs_that_turn_the_order_in_circles_leave_no_verdict():
    """a is above c by much and below b by little, b is below c: each pair on ten seeds of its own."""
    scores = {
        "a": dict.fromkeys(range(10), 0.50) | dict.fromkeys(range(10, 20), 0.80),
        "b": dict.fromkeys(range(10), 0.51) | dict.fromkeys(range(20, 30), 0.50),
        "c": dict.fromkeys(range(10, 30), 0.60),
    }
    verdict = judge(scores)
    assert verdict.best == "a"
    assert verdict.sentence.endswith("yet on the seeds that both have it is below b: run the seeds that are missing.")


def test_a_label_on_seeds_of_its_own_is_not_the_best():
    scores = by_seed(CL=CL, twin=CL) | {"apart": dict.fromkeys(range(20, 40), 0.9)}
    assert judge(scores).best == "CL"


def test_a_label_without_any_score_is_shown_and_not_judged():
    verdict = judge(by_seed(CL=CL, AFCL=AFCL, broken=[]))
    assert (verdict.labels[2].n, verdict.labels[2].mean) == (0, None)
    assert verdict.pairs[0].p_holm == verdict.pairs[0].p  # one comparison, corrected as one
    assert "broken" not in verdict.sentence
    assert verdict.missing == 12


def test_identical_scores_are_no_difference_and_no_error():
    verdict = judge(by_seed(CL=CL, twin=CL))
    (pair,) = verdict.pairs
    assert (pair.difference, pair.p, pair.p_holm, pair.effect, pair.p_better) == (0, 1, 1, 0, 0.5)
    assert (pair.interval.low, pair.interval.high, pair.seeds_needed) == (0, 0, None)
    assert verdict.sentence.endswith("; no difference between CL and twin was seen.")


def test_a_difference_that_is_the_same_at_every_seed_is_certain():
    """0.4 − 0.3 and 0.3 − 0.2 differ in their last bit: rounding must not pass for noise."""
    (pair,) = judge(by_seed(a=[(right + 10) / 100 for right in range(15, 75, 5)], b=np.arange(15, 75, 5) / 100)).pairs
    assert (pair.p, pair.effect, pair.seeds_needed, pair.distinguishable) == (0, None, MIN_SEEDS, True)
    assert pair.interval.low == pair.interval.high == pytest.approx(0.1)


def test_scores_equal_but_for_rounding_are_ties():
    (pair,) = judge(by_seed(a=[0.1 + 0.2, 0.5, 0.6], b=[0.3, 0.4, 0.7])).pairs
    assert pair.p_better == 0.5


def test_one_label_has_nothing_beside_it():
    verdict = judge(by_seed(CL=CL))
    assert verdict.pairs == ()
    assert verdict.sentence == ("CL has a mean of 0.7158 over 12 seeds; there is nothing to compare it with.")


def test_a_pair_seen_from_the_other_side_is_its_mirror():
    scores = by_seed(CL=CL, AFCL=AFCL)
    (swapped,) = judge(scores).against("AFCL")
    (pair,) = judge(dict(reversed(scores.items()))).pairs
    for field in ("a", "b", "n", "difference", "p_holm", "effect", "p_better", "seeds_needed", "interval"):
        assert getattr(swapped, field) == getattr(pair, field), field


def test_a_verdict_is_plain_values():
    verdict = judge(by_seed(CL=np.array(CL), FCL=np.array(FCL), AFCL=np.array(AFCL)))
    told = json.loads(json.dumps(dataclasses.asdict(verdict), allow_nan=False))
    assert told["pairs"][0]["interval"]["covers"].endswith("not corrected for the number of pairs")
    assert told["labels"][2]["mean"] == pytest.approx(np.mean(AFCL))


def test_the_searchs_luck_is_what_does_not_come_back():
    curse = winners_curse(0.86, {7: 0.80, 8: 0.82, 9: 0.84})
    # mean .82, sd .02, t.975(2) = 4.30265: half width 4.30265·.02/sqrt 3 = .0496827
    assert (curse.n, curse.confirmed_mean, curse.drop) == pytest.approx((3, 0.82, 0.04))
    assert (curse.interval.low, curse.interval.high) == pytest.approx((-0.0096827, 0.0896827), abs=1e-6)
    assert winners_curse(0.86, {7: 0.8, 8: 0.8}).drop == pytest.approx(0.06)


@pytest.mark.parametrize("scores", [[0.8], [0.8, 0.82], [0.8, 0.8, 0.8]])
def test_a_drop_on_fewer_than_three_seeds_or_on_equal_ones_has_no_interval(scores):
    assert winners_curse(0.86, dict(enumerate(scores))).interval is None


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "there is no score"),
        ({"CL": {}, "AFCL": {}}, "there is no score"),
        ({"CL": {0: 0.5, 3: float("nan")}}, "of CL at seed 3 is nan"),
        ({"CL": {0: float("inf")}}, "of CL at seed 0 is inf"),
        ({"CL": {0: 85.0}}, r"must lie in \[0, 1\]"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(scores, message):
    with pytest.raises(InputError, match=message) as refused:
        judge(scores)
    assert "\n" not in str(refused.value)


def test_a_winner_without_confirmation_is_refused():
    with pytest.raises(InputError, match="no score"):
        winners_curse(0.8, {})
    with pytest.raises(InputError, match="the search"):
        winners_curse(float("nan"), {0: 0.8})
