import json
import math
import random
from dataclasses import asdict

import pytest
from scipy import stats

from search.evidence.rung_reliability import (
    LOW_TAU,
    MIN_EXEMPT,
    MIN_TO_JUDGE,
    NO_GRACE,
    _epochs,
    honesty,
    in_words,
    pruning_regret,
    signal_at,
    suggested_grace,
    tau_interval,
)
from search.evidence.wilson import wilson
from search.journal.history import History
from trainers.config import METRIC

STAGE_ONE, LAST = 6, 8
UP, DOWN = [0.5 + rank / 100 for rank in range(12)], [0.9 - rank / 100 for rank in range(12)]
SAME = [0.5] * 12
# Five of its 66 pairs are in the other order (neighbours swapped), so tau is 1 - 2 * 5 / 66.
NEARLY_UP = [UP[rank ^ 1] for rank in range(10)] + UP[10:]


def tell(history, curve, *, state="finished", baseline=False, spared_at=None):
    """Add a trial as the journal tells it. curve: the metric by epoch; the last value is a finished trial's score."""
    number = len(history.trials)
    history.apply(
        {"event": "asked", "trial": number, "family": "CL", "baseline": baseline, "values": {}, "config": {}, "time": 0}
    )
    for epoch, value in curve.items():
        history.apply({"event": "result", "trial": number, "epoch": epoch, "metrics": {METRIC: value}})
        if epoch in (1, 2):
            action = "spare" if epoch == spared_at else "stop" if state == "stopped" else "continue"
            told = {"rung": epoch - 1, "value": value, "cutoff": 0.5, "standing": 3, "action": action}
            history.apply({"event": "decision", "trial": number, "epoch": epoch, **told})
    if state != "running":
        score = curve[max(curve)] if state == "finished" else None
        history.apply({"event": "end", "trial": number, "state": state, "reason": None, "score": score, "time": 1})


def history_of(columns, final=UP, **about) -> History:
    """Finished trials from columns: epoch -> the metric of each trial at that epoch."""
    history = History()
    for number, score in enumerate(final):
        tell(history, {epoch: values[number] for epoch, values in columns.items()} | {LAST: score}, **about)
    return history


def with_scores(unmarked, exempt=(), baselines=()) -> History:
    """Trials with these final scores: never marked for stopping, spared by lot, spared as baselines."""
    history = History()
    for scores, about in [
        (unmarked, {}),
        (exempt, {"spared_at": 1}),
        (baselines, {"spared_at": 2, "baseline": True}),
    ]:
        for score in scores:
            tell(history, {1: 0.5, 2: 0.5, LAST: score}, **about)
    return history


def judged(history, rungs=(1, 2)):
    return honesty(history, METRIC, rungs=rungs, stage_one=STAGE_ONE)


def words_of(history, rungs=(1, 2)) -> str:
    return "\n".join(in_words(judged(history, rungs)))


def test_a_perfect_a_reversed_and_a_nearly_perfect_order_have_known_correlations():
    history = history_of({1: UP, 2: DOWN, 3: NEARLY_UP})
    perfect, reversed_, nearly = (signal_at(history, METRIC, epoch) for epoch in (1, 2, 3))
    assert (perfect.tau, perfect.rho, perfect.trials) == (pytest.approx(1), pytest.approx(1), 12)
    assert (reversed_.tau, reversed_.rho) == (pytest.approx(-1), pytest.approx(-1))
    assert nearly.tau == pytest.approx(1 - 2 * 5 / 66)
    assert nearly.rho == pytest.approx(1 - 6 * 10 / (12 * (12**2 - 1)))  # ten ranks are off by one


def test_only_the_order_counts_not_the_distances():
    curved = signal_at(history_of({1: [value**40 for value in UP]}), METRIC, 1)
    assert (curved.tau, curved.rho) == (pytest.approx(1), pytest.approx(1))


def test_ties_are_those_of_tau_b():
    tied = signal_at(history_of({1: [0.1, 0.1, 0.2, 0.3, 0.4]}, final=UP[:5]), METRIC, 1)
    assert tied.tau == pytest.approx(9 / math.sqrt(9 * 10))  # nine of ten pairs, one of them tied at the epoch


def test_an_unrelated_order_has_a_tau_near_zero_within_its_interval():
    draws = random.Random(0)
    values, final = ([draws.random() for _ in range(200)] for _ in range(2))
    signal = signal_at(history_of({1: values}, final), METRIC, 1)
    assert abs(signal.tau) < 0.15
    assert signal.interval[0] < 0 < signal.interval[1]
    assert signal.is_low


@pytest.mark.parametrize(
    "trials", [12, pytest.param(5, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("tau", [0.0, 0.3, 0.8])
def test_the_interval_of_tau_holds_the_true_one_as_often_as_it_says(trials, tau):
    """Pairs of normal variables, whose true tau is 2 / pi · arcsin of their correlation."""
    draws, rho, held = random.Random(1), math.sin(math.pi * tau / 2), 0
    for _ in range(300):
        x = [draws.gauss() for _ in range(trials)]
        y = [rho * value + math.sqrt(1 - rho**2) * draws.gauss() for value in x]
        low, high = tau_interval(stats.kendalltau(x, y).statistic, trials)
        held += low <= tau <= high
    assert held >= 0.91 * 300


def test_the_interval_of_tau_stays_within_its_bounds_and_is_wide_for_few_trials():
    assert tau_interval(1, 5)[1] == tau_interval(1, 500)[1] == 1
    assert tau_interval(-1, 5)[0] == -1
    assert tau_interval(1, 5)[0] < 0.3 < 0.9 < tau_interval(1, 500)[0]
    assert tau_interval(0.2, 30) == tuple(-edge for edge in reversed(tau_interval(-0.2, 30)))


def test_constant_values_have_no_correlation_and_say_which_side_is_constant():
    early = signal_at(history_of({1: SAME}), METRIC, 1)
    assert (early.tau, early.rho, early.interval, early.problem) == (None, None, None, "all alike at this epoch")
    assert early.is_low  # a rung where all trials are alike cannot tell them apart
    final = signal_at(history_of({1: UP}, final=SAME), METRIC, 1)
    assert (final.tau, final.problem, final.is_low, final.is_good) == (None, "all ended alike", False, False)


def test_fewer_than_five_finished_trials_are_too_few():
    assert signal_at(history_of({1: UP}, final=UP[:4]), METRIC, 1).problem == "too few"
    assert signal_at(history_of({1: UP}, final=UP[:5]), METRIC, 1).tau == pytest.approx(1)
    assert "finished trials: 4; no correlation with the final score: too few" in words_of(history_of({1: UP}, UP[:4]))


def test_a_low_correlation_of_a_few_trials_is_shown_but_is_no_warning():
    mixed = [0.5, 0.9, 0.6, 0.8, 0.7, 0.4, 0.3, 0.85, 0.65]
    below = judged(history_of({1: mixed}, final=UP[: MIN_TO_JUDGE - 1]), rungs=(1,))
    assert below.signals[0].tau < LOW_TAU
    assert below.signals[0].interval[1] > 0
    assert below.low == ()
    enough = judged(history_of({1: DOWN[:MIN_TO_JUDGE]}, final=UP[:MIN_TO_JUDGE]), rungs=(1,))
    assert [signal.epoch for signal in enough.low] == [1]


def test_trials_that_did_not_finish_are_left_out():
    history = history_of({1: UP})
    for state in ("stopped", "failed", "running"):
        tell(history, {1: 0.99, 2: 0.01}, state=state)
    tell(history, {2: 0.01, LAST: 0.01})  # finished, but not seen at epoch 1
    signal = signal_at(history, METRIC, 1)
    assert (signal.trials, signal.tau) == (12, pytest.approx(1))


def test_a_value_that_is_not_finite_is_left_out():
    history = history_of({1: UP})
    tell(history, {1: math.nan, LAST: 0.01})
    assert signal_at(history, METRIC, 1) == signal_at(history_of({1: UP}), METRIC, 1)


def test_regret_counts_the_exempt_that_won_or_ended_above_the_median():
    exempt = [0.95, 0.8, 0.75, 0.6, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]
    regret = pruning_regret(with_scores([0.5, 0.6, 0.7, 0.8], exempt))
    assert (regret.exempt, regret.unmarked, regret.problem) == (12, 4, None)
    assert (regret.won.count, regret.won.share) == (1, pytest.approx(1 / 12))  # 0.8 equals the best: it does not win
    assert regret.above_median.count == 3  # the median is 0.65


@pytest.mark.parametrize(("winners", "trials"), [(0, 10), (1, 12), (7, 15), (30, 30)])
def test_the_interval_of_a_share_is_wilsons(winners, trials):
    regret = pruning_regret(with_scores([0.5], [0.6] * winners + [0.4] * (trials - winners)))
    expected = stats.binomtest(winners, trials).proportion_ci(0.95, method="wilson")
    assert regret.won.interval == wilson(winners / trials, trials)
    assert regret.won.interval == pytest.approx((expected.low, expected.high))


def test_spared_baselines_are_told_apart_from_the_exempt_and_are_no_part_of_the_estimate():
    alone = pruning_regret(with_scores([0.5, 0.7], [0.4] * 10))
    beside = pruning_regret(with_scores([0.5, 0.7], [0.4] * 10, baselines=[0.99, 0.99]))
    assert (alone.spared_baselines, beside.spared_baselines) == (0, 2)
    assert (beside.exempt, beside.unmarked, beside.won) == (alone.exempt, alone.unmarked, alone.won)
    assert pruning_regret(with_scores([0.5], [0.4] * 9, baselines=[0.9] * 5)).problem == "too few"


def test_a_baseline_that_was_never_marked_is_what_the_exempt_are_compared_with():
    history = with_scores([0.5], [0.6] * 10)
    assert pruning_regret(history).won.count == 10
    tell(history, {1: 0.5, LAST: 0.7}, baseline=True)
    assert pruning_regret(history).won.count == 0


def test_fewer_than_ten_exempt_finished_trials_say_too_few_and_give_no_share():
    history = with_scores([0.5, 0.7], [0.6] * (MIN_EXEMPT - 1))
    tell(history, {1: 0.5, 2: 0.9}, spared_at=1, state="failed")
    tell(history, {1: 0.5, 2: 0.9}, spared_at=1, state="running")
    regret = pruning_regret(history)
    assert (regret.exempt, regret.won, regret.above_median, regret.problem) == (9, None, None, "too few")
    assert "too few; trials that were spared by lot and finished: 9 of the 10 needed" in words_of(history)
    tell(history, {1: 0.5, 2: 0.5, LAST: 0.6}, spared_at=1)
    assert pruning_regret(history).won.count == 0


def test_the_words_give_the_shares_with_their_intervals():
    words = words_of(with_scores([0.5, 0.7], [0.6] * 9 + [0.9], baselines=[0.8]))
    assert "of 10 trials that were spared by lot and finished, 1 (10 %, 95 % interval 2 to 40 %) ended above" in words
    assert "not counted there: 1" in words


def test_regret_needs_a_finished_trial_that_was_never_marked():
    regret = pruning_regret(with_scores([], [0.6] * 10))
    assert (regret.won, regret.problem) == (None, "nothing to compare with")


def test_a_low_first_rung_suggests_the_epoch_from_which_on_the_order_holds():
    """Epoch 3 is good by chance and epoch 4 is not, so the grace is 5, which is no rung."""
    history = history_of({1: DOWN, 2: DOWN, 3: UP, 4: DOWN, 5: NEARLY_UP, 6: UP})
    found = judged(history, rungs=(1, 3))
    assert [signal.epoch for signal in found.low] == [1]
    assert found.grace == 5
    words = words_of(history, rungs=(1, 3))
    assert "warning: the order of trials at epoch 1 is the reverse of the final one" in words
    assert "a grace period of 5 epochs" in words
    assert NO_GRACE not in words


def test_no_good_epoch_in_stage_one_says_that_no_grace_would_help():
    history = history_of({1: DOWN, 3: UP, STAGE_ONE: SAME, STAGE_ONE + 1: UP})  # good in stage two does not help
    assert judged(history).grace is None
    assert NO_GRACE in words_of(history)


def test_a_tau_just_below_the_threshold_is_low_and_one_just_above_is_good():
    """Of the 120 pairs of 16 trials, 43 and 41 are in the other order: tau is 1 - 86 / 120 and 1 - 82 / 120."""
    below = [*range(8, -1, -1), 15, 10, 9, 11, 12, 13, 14]  # 36 + 6 + 1
    above = [*range(8, -1, -1), 9, 15, 10, 11, 12, 13, 14]  # 36 + 5
    history = history_of({1: below, 2: above}, final=[rank / 16 for rank in range(16)])
    low, good = (signal_at(history, METRIC, epoch) for epoch in (1, 2))
    assert (low.tau, good.tau) == (pytest.approx(1 - 86 / 120), pytest.approx(1 - 82 / 120))
    assert low.tau < LOW_TAU < good.tau
    assert (low.is_low, low.is_good, good.is_low, good.is_good) == (True, False, False, True)


def test_honest_rungs_give_no_warning_and_no_grace():
    history = history_of({1: NEARLY_UP, 2: UP})
    found = judged(history)
    assert (found.low, found.grace) == ((), None)
    assert suggested_grace(history, METRIC, STAGE_ONE) == 1
    assert "warning" not in words_of(history)


def test_the_words_tell_of_the_narrowed_range_where_trials_were_stopped():
    history = history_of({1: UP, 2: UP})
    assert "narrows their range" not in words_of(history)
    tell(history, {1: 0.1}, state="stopped")
    tell(history, {1: 0.1, 2: 0.1, LAST: 0.2}, spared_at=1)
    tell(history, {1: 0.1, 2: 0.1, LAST: 0.3}, baseline=True)
    words = words_of(history)
    assert "stopped trials, which have no final score: 1;" in words
    assert "narrows their range: over all trials the correlation is as a rule higher" in words
    assert "spared trials were not selected; 2 of them are included" in words


def test_a_search_without_rungs_or_trials_has_words_too():
    assert words_of(history_of({1: UP}), rungs=()) == "no rungs: no trial was stopped by its early value"
    assert "too few" in words_of(History())


def test_the_result_is_plain_values():
    found = judged(with_scores([0.5, 0.7], [0.4, *UP], baselines=[0.6]))
    assert json.loads(json.dumps(asdict(found), allow_nan=False))["regret"]["exempt"] == 13


def test_a_correlation_whose_whole_interval_is_below_zero_is_a_warning_however_few_trials_there_are():
    history = history_of({1: [5, 4, 3, 2, 1], 2: [1, 2, 3, 4, 5]}, final=[0.1, 0.2, 0.3, 0.4, 0.5])
    found = honesty(history, METRIC, rungs=(1, 2), stage_one=2)
    assert len(history.trials) < MIN_TO_JUDGE
    assert found.signals[0].interval[1] < 0
    assert [signal.epoch for signal in found.low] == [1]
    assert any("at epoch 1 is the reverse of the final one" in line for line in in_words(found))


def test_epochs_are_named_as_in_speech():
    assert [_epochs(some) for some in ([2], [2, 6], [2, 6, 18])] == ["epoch 2", "epochs 2 and 6", "epochs 2, 6 and 18"]
