"""The arms of the comparison of one split for all trials with one for each (resplit.py)."""

import numpy as np
import pytest
from resplit import ARMS, RECORDED, VALUES, config_of, fits, played


@pytest.mark.parametrize("arm", RECORDED)
def test_an_arm_has_its_own_seed_of_what_it_is_named_for_alone(arm):
    split, initialisation = (set(), set())
    for configuration in range(3):
        config = config_of("980:20", configuration, arm)
        split.add(config.data.seed)
        initialisation.add(config.seed)
    assert len(split) == (1 if arm == "initialisation" else 3)
    assert len(initialisation) == (1 if arm in ("split", "pool: split") else 3)


def test_the_pool_holds_no_images_for_the_larger_rare_class():
    assert [arm for arm in ARMS if not fits("900:100", arm)] == ["pool: split", "pool: both"]
    assert all(fits("980:20", arm) for arm in ARMS)


def test_an_arm_that_sees_the_truth_loses_nothing_and_one_that_sees_noise_loses_as_much_as_a_draw():
    draws = np.random.default_rng(0)
    truth = draws.random(60)
    noise = draws.random((3, 60))
    values = {("clear", "metric"): np.stack([truth] * 3), ("noise", "metric"): noise}
    clear, blind = played(values, truth, range(60), (1,), 200)[:, 0]
    assert clear == 0
    assert 0.2 < blind < 0.6
    assert list(VALUES) == ["metric", "soft_balanced_accuracy"]
