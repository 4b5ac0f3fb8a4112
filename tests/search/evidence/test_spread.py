"""How far paired differences spread, and what so many seeds can see."""

from itertools import combinations

import numpy as np
import pytest
from confirmations import begin_confirmation, tell_runs
from scipy import stats

from search.evidence.candidates import candidates
from search.evidence.paired_tests import seeds_needed
from search.evidence.spread import expected_spread, pooled_sd, smallest_effect
from search.storage.search_folder import SearchFolder


def test_the_pooled_spread_is_the_root_of_the_mean_variance_over_all_pairs():
    table = np.random.default_rng(0).normal(0.8, 0.02, (9, 4)) + np.random.default_rng(1).normal(0, 0.1, (9, 1))
    variances = [np.var(table[:, a] - table[:, b], ddof=1) for a, b in combinations(range(4), 2)]
    assert pooled_sd([table]) == pytest.approx(np.sqrt(np.mean(variances)))
    assert pooled_sd([table, table]) == pytest.approx(pooled_sd([table]))
    assert pooled_sd([table[:1], table[:, :1]]) == 0, "one seed, or one configuration, has no paired spread"


@pytest.mark.parametrize("seeds", [2, 10, 40])
def test_the_smallest_effect_is_found_with_the_power_that_it_should_be(seeds):
    alpha = 0.05 / 6
    effect = smallest_effect(seeds, alpha)
    critical = stats.t.ppf(1 - alpha / 2, seeds - 1)
    assert stats.nct.sf(critical, seeds - 1, effect * seeds**0.5) == pytest.approx(0.8, abs=1e-6)


def test_seeds_needed_and_smallest_effect_are_each_others_inverse():
    needed = seeds_needed(0.5, 0.01)
    assert smallest_effect(needed, 0.01) <= 0.5 < smallest_effect(needed - 1, 0.01)


def test_the_spread_comes_from_a_confirmation_else_from_the_search(told):
    searched = SearchFolder(told / "told")
    history = searched.history()
    scores = [trial.score for trial in history.in_state("finished")]
    guessed = expected_spread(searched, history)
    if len(scores) >= 4:
        assert guessed.sd == pytest.approx(np.std(scores, ddof=1))
        assert guessed.source.startswith("a guess")
    else:
        assert guessed is None
    chosen = candidates(history, 2)
    assert len(chosen) > 1
    noise = np.random.default_rng(2).normal(0.7, 0.01, (6, len(chosen)))
    folder = begin_confirmation(searched, chosen, list(range(6)))
    tell_runs(folder, chosen, list(range(6)), lambda place, k: None if k == 5 else noise[k, place])
    seen = expected_spread(searched, history)
    assert seen.sd == pytest.approx(pooled_sd([noise[:5]]))
    assert seen.source == "seen in confirm-1 on 5 seeds"
