"""How long things take, in words, and what is left without jumps."""

import pytest

from search.display.durations import Countdown, in_words


def test_a_duration_has_the_unit_that_it_is_told_in():
    told = {0: "0 s", 89: "89 s", 95: "2 min", 3600: "60 min", 5400: "1.5 h", 40 * 3600: "1.7 days"}
    assert {seconds: in_words(seconds) for seconds in told} == told


def test_what_is_left_falls_with_the_clock_where_the_estimate_does():
    countdown = Countdown()
    assert [countdown.left(100.0 - now, now) for now in (0.0, 1.0, 30.0, 99.0)] == pytest.approx([100, 99, 70, 1])


@pytest.mark.parametrize("jump", [2.0, 0.5])
def test_an_estimate_that_jumps_is_taken_over_slowly_and_in_the_end_wholly(jump):
    countdown = Countdown()
    countdown.left(1000.0, 0.0)
    shown = [countdown.left(1000.0 * jump - now, now) for now in range(1, 400)]
    falls = [before - after for before, after in zip([1000.0, *shown], shown, strict=False)]
    assert max(map(abs, falls)) < 20, "a second later it is not minutes more, or less"
    assert shown[-1] == pytest.approx(1000.0 * jump - 399, rel=0.1)


def test_nothing_is_left_below_zero():
    countdown = Countdown()
    countdown.left(5.0, 0.0)
    assert countdown.left(0.0, 1000.0) >= 0
