"""From which trial on a sampler proposes."""

import pytest
from told_trials import SPACE, propose, trial_of, values_of

from search.algorithms.startup import draws_before


@pytest.mark.parametrize(
    ("sampler", "slots", "draws"),
    [("tpe", 1, 5), ("tpe", 8, 10), pytest.param("gp", 1, 10, marks=pytest.mark.slow), ("random", 1, 0)],
)
def test_it_is_known_from_which_trial_on_a_sampler_proposes(sampler, slots, draws):
    """With one trial fewer the draws do not depend on what is known; with as many they do."""
    assert draws_before(sampler, slots) == draws
    if draws == 0:
        return

    def ask(count, score):
        history = [trial_of(n, values_of(n), score=score(n)) for n in range(count)]
        return propose(sampler, SPACE, history, seed=0, number=50, slots=slots)

    def rising(n):
        return n / 100

    def falling(n):
        return 1 - n / 100

    assert ask(draws - 1, rising) == ask(draws - 1, falling)
    assert ask(draws, rising) != ask(draws, falling)
