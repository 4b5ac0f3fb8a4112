"""Simulated and recorded learning curves."""

import time
from functools import partial

import numpy as np
import pytest
from curve_table import as_numpy
from curves import EPOCHS, SPACE, CurveFailed, Generator, Table

from spaces.spec import load_spec

GOOD = {"loss.eta": 0.0, "loss.gamma": 2.0, "loss.temperature": 0.3, "representation.lr": 2e-3}
REGIMES = ["900:100", "980:20"]


def draws(seed, count):
    """Values at random."""
    units = np.random.default_rng(seed).random((count, len(SPACE)))
    fields = SPACE.items()
    return [{path: one.from_unit(unit) for (path, one), unit in zip(fields, row, strict=True)} for row in units]


@pytest.mark.parametrize("path", SPACE)
def test_the_space_is_the_demos(path):
    field, range_ = SPACE[path], load_spec("demo").space[path]
    for unit in (0.0, 0.1, 0.3, 0.5, 0.99, 1.0):
        assert field.from_unit(unit) == pytest.approx(range_.from_unit(unit))
        assert field.to_unit(field.from_unit(unit)) == pytest.approx(range_.to_unit(range_.from_unit(unit)))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("cells", ["own", "shared"])
def test_a_seed_gives_the_same_curves_in_whatever_order_they_are_asked_for(regime, cells):
    one, other = (Generator(3, regime, cells=cells) for _ in range(2))
    asked = [(values, trial, epoch) for trial, values in enumerate(draws(0, 5)) for epoch in (1, 6, EPOCHS)]
    first = [value_or_nan(one, *ask) for ask in asked]
    last = [value_or_nan(other, *ask) for ask in reversed(asked)]
    np.testing.assert_array_equal(first, last[::-1])
    assert one.best == other.best
    assert one.truth(GOOD) == other.truth(GOOD)


def value_or_nan(curves, *ask):
    try:
        return curves.value(*ask)
    except CurveFailed:
        return float("nan")


def test_another_seed_gives_another_surface():
    tops = {Generator(seed, "900:100").truth(GOOD) for seed in range(5)}
    assert len(tops) == 5


@pytest.mark.parametrize("regime", REGIMES)
def test_a_soft_value_is_another_look_at_the_same_trials(regime):
    curves, soft = (Generator(3, regime, score=score) for score in ("eff", "soft"))
    values = [one for one in draws(3, 60) if curves.truth(one) > 0.6]
    assert soft.best == curves.best
    assert [soft.truth(one) for one in values] == [curves.truth(one) for one in values]
    seen, told = ([of.value(one, 5, EPOCHS) for one in values] for of in (curves, soft))
    assert 0.3 < np.corrcoef(seen, told)[0, 1] < 1


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("score", ["probe", "min", "eff"])
def test_the_truth_is_the_mean_of_many_trials(regime, score):
    curves = Generator(1, regime, score=score)
    values = next(one for one in draws(1, 50) if curves.truth(one) > 0.6 and curves.truth(one) < curves.best - 0.02)
    last = [curves.value(values, trial, EPOCHS) for trial in range(3000)]
    assert np.mean(last) == pytest.approx(curves.truth(values), abs=4 * np.std(last) / 3000**0.5)


@pytest.mark.slow
def test_in_a_shared_cell_the_truth_is_the_mean_over_cells():
    values = next(one for one in draws(1, 50) if Generator(1, "900:100").truth(one) > 0.6)
    cells = [Generator(1, "900:100", cells="shared", cell=cell) for cell in range(40)]
    last = [curves.value(values, 0, EPOCHS) for curves in cells]
    assert len({curves.truth(values) for curves in cells}) == 1
    assert np.mean(last) == pytest.approx(cells[0].truth(values), abs=4 * np.std(last) / 40**0.5)


def test_in_a_shared_cell_a_trial_again_is_the_same_trial():
    curves = Generator(0, "980:20", cells="shared")
    assert curves.value(GOOD, 0, 3) == curves.value(GOOD, 7, 3)
    own = Generator(0, "980:20")
    assert own.value(GOOD, 0, 3) != own.value(GOOD, 7, 3)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_beats_the_best_and_something_comes_near(seed):
    curves = Generator(seed, "900:100")
    truths = np.array([curves.truth(values) for values in draws(seed, 2000)])
    assert truths.max() <= curves.best
    assert truths.max() > curves.best - 0.005


def test_values_that_fail_do_so_in_every_trial_at_the_same_epoch_and_are_worth_chance():
    surfaces = (Generator(seed, "900:100") for seed in range(20))
    curves = next(curves for curves in surfaces if 0.5 in map(curves.truth, draws(0, 100)))
    values = next(one for one in draws(0, 100) if curves.truth(one) == 0.5)
    failing = []
    for trial in range(3):
        for epoch in range(1, EPOCHS + 1):
            try:
                curves.value(values, trial, epoch)
            except CurveFailed:
                failing.append(epoch)
                break
    assert len(failing) == 3
    assert len(set(failing)) == 1
    assert failing[0] <= 3


def test_some_surfaces_have_no_failing_region():
    surfaces = [Generator(seed, "980:20") for seed in range(8)]
    shares = [np.mean([curves.truth(values) == 0.5 for values in draws(0, 100)]) for curves in surfaces]
    assert 0.0 in shares
    assert max(shares) > 0.01


def test_scores_are_shares_of_500_validation_images():
    curves = Generator(0, "900:100")
    counts = [500 * value_or_nan(curves, values, trial, 5) for trial, values in enumerate(draws(0, 40))]
    whole = np.array([count for count in counts if count == count])
    np.testing.assert_allclose(whole, whole.round(), atol=1e-6)


def test_a_value_costs_microseconds():
    curves, values = Generator(0, "900:100"), draws(2, 300)
    took = []
    for _ in range(3):  # the least of several, on a machine that others use
        began = time.process_time()
        for trial, one in enumerate(values):
            for epoch in range(1, EPOCHS + 1):
                value_or_nan(curves, one, trial, epoch)
        took.append((time.process_time() - began) / (len(values) * EPOCHS))
    assert min(took) < 1e-4


@pytest.fixture
def recorded(tmp_path):
    """Five configurations; the last lacks a cell, and the one before has a cell that failed at its third epoch."""
    pd = pytest.importorskip("pandas")
    rows = []
    for number, values in enumerate(draws(5, 5)):
        for cell in range(6 if number < 4 else 5):
            base = 0.7 + 0.02 * number + 0.001 * cell
            keys = {"regime": "980:20", "configuration": number, "cell": cell, **values, "failure": None}
            failed = number == 3 and cell == 2
            for epoch in range(1, 3 if failed else EPOCHS + 1):
                for estimator in ("probe", "eff", *(["final"] if epoch == EPOCHS else [])):
                    for split in ("val", "test"):
                        score = base + 0.0001 * epoch + 0.05 * (split == "test") + 0.1 * (estimator == "final")
                        rows.append({**keys, "epoch": epoch, "estimator": estimator, "split": split})
                        rows[-1] |= {"balanced_accuracy": score, "auroc": 1 - score, "soft_accuracy": score - 0.1}
                        rows[-1]["failure"] = "the loss is nan" if failed else None
    path = tmp_path / "curves.parquet"
    pd.DataFrame(rows).astype({"failure": "string"}).to_parquet(path)
    return path


probed = partial(Table, score="probe")


def test_a_partial_table_is_one_of_the_configurations_that_are_whole(recorded):
    assert len(probed(recorded, "980:20", 0, half=None).truths) == 4
    assert len(probed(recorded, "980:20", 0).truths) == 2
    assert len(probed(recorded, "980:20", 0, half=1).truths) == 2
    with pytest.raises(ValueError, match="no whole configuration at 900:100"):
        probed(recorded, "900:100", 0)


def test_the_nearest_untried_configuration_is_tried_until_there_is_none(recorded):
    curves, values = probed(recorded, "980:20", 0, half=None), draws(5, 5)
    assert curves.nearest(values[1]) == values[1]
    second = curves.nearest(values[1])
    assert second in (values[0], values[2], values[3])
    assert {tuple(curves.nearest(values[1]).values()) for _ in range(2)} | {tuple(second.values())} == {
        tuple(values[number].values()) for number in (0, 2, 3)
    }
    with pytest.raises(LookupError, match="all 4 configurations"):
        curves.nearest(values[1])


def test_a_search_sees_three_cells_and_is_judged_by_the_other_three(recorded):
    values = draws(5, 5)[0]
    for seed in range(5):
        curves = probed(recorded, "980:20", seed, half=None)
        seen = {round(1000 * (curves.value(values, trial, 1) - 0.7001)) for trial in range(60)}
        judged = {0, 1, 2, 3, 4, 5} - seen
        assert len(seen) == 3
        assert curves.truth(values) == pytest.approx(0.8516 + 0.001 * np.mean(list(judged)))
    assert curves.value(values, 3, EPOCHS) > 0.8  # the classifier's
    own = Table(recorded, "980:20", 0, half=None)
    assert own.value(values, 3, EPOCHS) < 0.75, "the product's estimator is the same at all epochs"


def test_which_cell_a_trial_sees_is_drawn_from_the_seed(recorded):
    values = draws(5, 5)[1]
    one, again, other = (probed(recorded, "980:20", seed, half=None) for seed in (0, 0, 1))
    seen = [[curves.value(values, trial, 2) for trial in range(20)] for curves in (one, again, other)]
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_a_recorded_failure_fails_where_it_did_and_counts_as_chance(recorded):
    values = draws(5, 5)[3]
    of_seeds = [probed(recorded, "980:20", seed, half=None) for seed in range(10)]
    assert 0 < sum(curves.truth(values) < 0.85 for curves in of_seeds) < 10
    curves = next(curves for curves in of_seeds if curves.truth(values) > 0.85)  # so a search may see the failed cell
    trial = next(
        trial for trial in range(50) if value_or_nan(curves, values, trial, 3) != value_or_nan(curves, values, trial, 3)
    )
    assert curves.value(values, trial, 2) > 0.7
    with pytest.raises(CurveFailed):
        curves.value(values, trial, 3)


def test_the_ceiling_is_the_choice_by_all_that_may_be_seen(recorded):
    curves = probed(recorded, "980:20", 0, half=0)
    assert curves.ceiling() == curves.best  # the scores rise with the number, whichever cells are seen


def test_another_metric_may_be_searched_for(recorded):
    curves, values = probed(recorded, "980:20", 0, half=None, metric="auroc"), draws(5, 5)
    assert curves.truth(values[0]) > curves.truth(values[2])


def test_searches_without_pyarrow_get_the_same_table(recorded, tmp_path):
    """And the search that is told another score sees the same cells."""
    kept, values = as_numpy(recorded, tmp_path / "recorded.npz", ("980:20",)), draws(5, 5)
    for half in (0, 1):
        one, other = (Table(path, "980:20", 3, half=half) for path in (recorded, kept))
        assert one.best == other.best
        row = values[2 - half]
        assert [one.value(row, 4, epoch) for epoch in (1, 16)] == [other.value(row, 4, epoch) for epoch in (1, 16)]
        soft = other.scored_by("soft")
        assert soft.value(row, 4, 9) == pytest.approx(other.value(row, 4, 9) - 0.1)
