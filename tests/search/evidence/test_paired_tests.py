"""Scores from paired seeds held against each other, beside SciPy and worked by hand."""

import itertools

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


@pytest.mark.slow
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
        "1 seed cannot discriminate (at least 10 are needed), though AFCL comes first with a mean of 0.8000; "
        "too few seeds to say how many would be needed to tell AFCL from CL."
    )
    assert verdict.caveats == ()


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


def test_a_pair_seen_from_the_other_side_is_its_mirror():
    scores = by_seed(CL=CL, AFCL=AFCL)
    (swapped,) = judge(scores).against("AFCL")
    (pair,) = judge(dict(reversed(scores.items()))).pairs
    for field in ("a", "b", "n", "difference", "p_holm", "effect", "p_better", "seeds_needed", "interval"):
        assert getattr(swapped, field) == getattr(pair, field), field


def test_the_searchs_luck_is_what_does_not_come_back():
    curse = winners_curse(0.86, {7: 0.80, 8: 0.82, 9: 0.84})
    # mean .82, sd .02, t.975(2) = 4.30265: half width 4.30265·.02/sqrt 3 = .0496827
    assert (curse.n, curse.confirmed_mean, curse.drop) == pytest.approx((3, 0.82, 0.04))
    assert (curse.interval.low, curse.interval.high) == pytest.approx((-0.0096827, 0.0896827), abs=1e-6)
    assert winners_curse(0.86, {7: 0.8, 8: 0.8}).drop == pytest.approx(0.06)


@pytest.mark.parametrize("scores", [[0.8], [0.8, 0.82], [0.8, 0.8, 0.8]])
def test_a_drop_on_fewer_than_three_seeds_or_on_equal_ones_has_no_interval(scores):
    assert winners_curse(0.86, dict(enumerate(scores))).interval is None


def test_a_winner_without_confirmation_is_refused():
    with pytest.raises(InputError, match="no score"):
        winners_curse(0.8, {})
    with pytest.raises(InputError, match="the search"):
        winners_curse(float("nan"), {0: 0.8})
