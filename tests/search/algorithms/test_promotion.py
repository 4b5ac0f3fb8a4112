"""Which paused trials go on: the rule, and that it is rebuilt from the journal. See search.algorithms.promotion."""

import pytest

from search.algorithms import promotion
from search.algorithms.promotion import Promotion, promotion_of
from search.journal.history import History
from spaces.spec import load_spec

EPOCHS = (2, 5)


def of(expected):
    """What is expected of trials, from a mapping of numbers to means; the deviation is .01."""
    return lambda numbers: [(expected.get(number, 0.5), 0.01) for number in numbers]


def unknown(numbers):
    return None


def waiting(count: int, values=None) -> tuple[Promotion, dict]:
    """Trials that came to the first rung, and their decisions."""
    rungs, decisions = Promotion(EPOCHS, 3, History()), {}
    for number in range(count):
        decision = rungs.decide(number, 2, (values or {}).get(number, 0.5 + number / 100), 0)
        rungs.record(decision)
        decisions[number] = decision
    return rungs, decisions


def test_every_trial_pauses_at_a_rung_and_nowhere_else():
    rungs = Promotion(EPOCHS, 3, History())
    assert rungs.decide(0, 1, 0.5, 0) is None
    decision = rungs.decide(0, 2, 0.5, 0)
    assert (decision.action, decision.rung, decision.cutoff, decision.standing) == ("pause", 0, None, 0)
    assert decision.reason() == "0.5000 at rung 0 (epoch 2), as number 1 there"


def test_one_of_three_goes_on_that_which_is_expected_to_be_best():
    rungs, decisions = waiting(3)
    found = rungs.next(of({1: 0.9}), more_to_come=True)
    assert (found.trial, found.epoch, found.came, found.gone, found.waiting) == (1, 2, 3, 0, 3)
    assert (found.expected, found.deviation) == (0.9, 0.01)
    rungs.promoted(decisions[1])
    assert rungs.next(of({1: 0.9}), more_to_come=True) is None
    rungs.record(rungs.decide(3, 2, 0.1, 0))
    assert rungs.next(of({3: 0.95}), more_to_come=True).trial == 3  # the fourth to come makes room for a second


def test_a_trial_that_waited_may_go_on_when_later_ones_have_shown_that_it_is_good():
    rungs, decisions = waiting(6)
    rungs.promoted(decisions[5])
    assert rungs.next(of({0: 0.9}), more_to_come=True).trial == 0


def test_while_the_model_has_too_few_trials_none_goes_on_unless_no_more_come():
    rungs, _ = waiting(4)
    assert rungs.next(unknown, more_to_come=True) is None
    found = rungs.next(unknown, more_to_come=False)
    assert (found.trial, found.expected) == (3, None)  # the best value at the rung


def test_a_search_of_one_trial_lets_it_go_on():
    rungs, _ = waiting(1)
    assert rungs.next(of({}), more_to_come=True) is None
    assert rungs.next(unknown, more_to_come=False).trial == 0


def test_the_highest_rung_is_served_first_and_brackets_do_not_mix():
    rungs, decisions = waiting(9)
    for number in (0, 1, 2):
        rungs.promoted(decisions[number])
        rungs.record(rungs.decide(number, 5, 0.6, 0))
    rungs.record(rungs.decide(20, 2, 0.9, 7))
    found = rungs.next(of({0: 0.7, 8: 0.9, 20: 1.0}), more_to_come=True)
    assert (found.trial, found.epoch) == (0, 5)


def test_of_too_many_that_wait_the_lowest_ends(monkeypatch):
    monkeypatch.setattr(promotion, "MOST_WAITING", 3)
    rungs, _ = waiting(3)
    assert rungs.too_many() is None
    rungs.record(rungs.decide(3, 2, 0.4, 0))
    assert rungs.too_many() == 3
    assert rungs.too_many() is None
    assert list(rungs.end()) == [0, 1, 2]
    assert list(rungs.end()) == []


@pytest.mark.parametrize("name", ["asha", "none"])
def test_other_schedulers_pause_nothing(name):
    assert promotion_of(load_spec("digits", [f"search.scheduler.name={name}"]), History()) is None


def test_the_rungs_are_counted_from_the_end():
    def rungs_of(epochs: int, grace: int = 4) -> tuple[int, ...]:
        scheduler = f"search.scheduler={{name: promotion, grace: {grace}}}"
        spec = load_spec("digits", [f"representation.epochs={epochs}", scheduler])
        return promotion_of(spec, History())._epochs

    assert rungs_of(15) == (5,)
    assert rungs_of(50) == (6, 17)
    assert rungs_of(100) == (4, 12, 34)
    assert rungs_of(6) == (2,)  # one rung in any case
    assert rungs_of(1, grace=1) == (1,)
