"""Figures of very many trials draw the baselines, the best, and a draw of the others."""

from told_trials import trial_of

from search.reporting.thinning import BEST_POINTS, POINTS, thinned, thinned_in_words


def many(count):
    return [trial_of(n, state=("finished", "stopped")[n % 2], score=n / count, baseline=n < 3) for n in range(count)]


def test_all_are_drawn_and_nothing_is_said_while_they_are_few():
    assert thinned(many(POINTS), 0) == many(POINTS)
    assert thinned_in_words(POINTS) == ""


def test_of_very_many_the_baselines_and_the_best_stay_and_the_order_does():
    drawn = [trial.number for trial in thinned(many(5000), 0)]
    assert len(drawn) == POINTS
    assert drawn == sorted(drawn)
    assert {0, 1, 2} <= set(drawn)
    assert set(range(5000 - 2 * BEST_POINTS, 5000, 2)) <= set(drawn)
    assert 1000 < sum(drawn) / POINTS < 4000


def test_the_draw_depends_on_the_seed_alone():
    first, again, other = (thinned(many(5000), seed) for seed in (0, 0, 1))
    assert first == again != other
