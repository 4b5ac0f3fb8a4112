"""The loop in which peers are compared: its clock, its budget, paused trials; and the rule of regret."""

import pytest
from curve_space import EPOCHS, SPACE
from curves import CurveFailed, Generator
from peers import product
from peers.loop import Row, Setting, drive
from played import spec_of
from regret import CHANCE, regrets

from search.algorithms.asha import Asha, rung_epochs
from search.algorithms.random_search import propose as draw_random
from search.algorithms.samplers import seed_of_ask

HERE, THERE, NOWHERE = (dict.fromkeys(SPACE, value) for value in (1.0, 2.0, 3.0))


class Plain:
    """Four epochs; the first takes two seconds, others one; a trial's score is its value and a tenth an epoch."""

    space, epochs, best = SPACE, 4, 10.0

    def value(self, values, trial, epoch):
        if values == NOWHERE:
            raise CurveFailed("nan")
        return values["loss.eta"] + epoch / 10

    def seconds(self, values, epoch):
        return 2.0 if epoch == 1 else 1.0

    def truth(self, values):
        return values["loss.eta"]


class Scripted:
    """Proposes what it was given, one after the other, and answers by trial and epoch; "go" else."""

    def __init__(self, proposals, answers=()):
        self._proposals, self._answers, self.told = list(proposals), dict(answers), []

    def propose(self):
        return self._proposals.pop(0) if self._proposals else None

    def report(self, number, epoch, value):
        self.told.append((number, epoch, value))
        return self._answers.get((number, epoch), "go")

    def failed(self, number):
        self.told.append((number, "failed"))


def ends(rows):
    return [(row.number, row.epoch, row.seconds) for row in rows]


def test_in_one_slot_trials_follow_each_other():
    rows = drive(Scripted([(0, HERE), (1, HERE)], {(0, 2): "stop"}), Plain(), slots=1, most_epochs=99)
    assert ends(rows) == [(0, 1, 2), (0, 2, 3), (1, 1, 5), (1, 2, 6), (1, 3, 7), (1, 4, 8)]
    assert [row.epochs_spent for row in rows] == [1, 2, 3, 4, 5, 6]


def test_in_two_slots_they_run_at_once_and_a_free_slot_is_filled_when_it_is_free():
    rows = drive(Scripted([(0, HERE), (1, HERE), (2, HERE)], {(0, 1): "stop"}), Plain(), slots=2, most_epochs=7)
    assert ends(rows) == [(0, 1, 2), (1, 1, 2), (1, 2, 3), (1, 3, 4), (2, 1, 4), (1, 4, 5), (2, 2, 5)]


@pytest.mark.parametrize("slots", [1, 3])
def test_no_epoch_begins_that_the_budget_has_no_room_for(slots):
    assert len(drive(Scripted([(n, HERE) for n in range(9)]), Plain(), slots=slots, most_epochs=10)) == 10


def test_a_paused_trial_frees_its_slot_and_goes_on_at_its_next_epoch_when_it_is_proposed_again():
    peer = Scripted([(0, HERE), (1, THERE), (0, HERE)], {(0, 2): "pause", (1, 1): "stop"})
    rows = drive(peer, Plain(), slots=1, most_epochs=99)
    assert [(row.number, row.epoch) for row in rows] == [(0, 1), (0, 2), (1, 1), (0, 3), (0, 4)]
    assert rows[-1].seconds == 2 + 1 + 2 + 1 + 1  # no second start


def test_a_search_waits_while_it_has_nothing_to_propose_and_ends_when_nothing_runs():
    peer = Scripted([(0, HERE), None, None, (1, HERE)])
    rows = drive(peer, Plain(), slots=2, most_epochs=99)
    assert (1, 1, 5.0) in ends(rows)  # asked again at each epoch's end
    assert len(rows) == 8


def test_what_a_failed_trial_has_cost_counts():
    peer = Scripted([(0, NOWHERE), (1, HERE)], {(1, 1): "stop"})
    rows = drive(peer, Plain(), slots=1, most_epochs=99)
    assert [(row.number, row.value, row.epochs_spent) for row in rows] == [(0, None, 1), (1, 1.1, 2)]
    assert peer.told == [(0, "failed"), (1, 1, 1.1)]


def test_recorded_curves_run_the_nearest_configuration_until_there_is_none():
    class Recorded(Plain):
        left = 1

        def nearest(self, values):
            if not self.left:
                raise LookupError("all tried")
            self.left -= 1
            return THERE

    rows = drive(Scripted([(0, HERE), (1, HERE)]), Recorded(), slots=1, most_epochs=99)
    assert [(row.number, row.values) for row in rows] == [(0, THERE)] * 4


class Halving:
    """Random draws and the product's ASHA, as a peer."""

    def __init__(self, curves, setting):
        self._spec = spec_of(curves, setting.seed, setting.most_epochs)
        self._asha, self._count = Asha(rung_epochs(self._spec), 3), 0

    def propose(self):
        number, self._count = self._count, self._count + 1
        return number, draw_random(self._spec.space, [], seed=seed_of_ask(self._spec.search.seed, number))

    def report(self, number, epoch, value):
        decision = self._asha.decide(number, epoch, value, exempt=False)
        if decision is None:
            return "go"
        self._asha.record(decision)
        return "stop" if decision.action == "stop" else "go"

    def failed(self, number):
        pass


@pytest.mark.parametrize("slots", [1, 4])
def test_the_loop_and_the_products_replay_make_the_same_search_of_the_same_decisions(slots):
    curves = Generator(5, "980:20")
    setting = Setting(seed=5, slots=slots, most_epochs=120)
    ours = product.search("ours-random", curves, setting)
    assert drive(Halving(curves, setting), curves, slots=slots, most_epochs=120) == ours
    assert len(ours) == 120
    assert any(row.value is None for row in ours)


def row(number, epoch, value, eta):
    return Row(number, dict.fromkeys(SPACE, eta), epoch, value, 0.0, 1)


def test_the_incumbent_is_the_best_that_finished_and_before_there_is_one_the_best_of_the_furthest():
    rows = [
        row(0, 1, None, 9.0),  # failed: nothing is known
        row(1, 1, 0.5, 1.0),
        row(2, 1, 0.4, 2.0),  # worse
        row(2, 2, 0.3, 2.0),  # further
        row(1, 2, 0.3, 1.0),  # equal to an earlier one
        row(2, 4, 0.2, 2.0),  # finished
        row(1, 3, 0.9, 1.0),  # better, but not finished
        row(3, 4, 0.3, 3.0),  # finished, and better
    ]
    assert list(regrets(rows, Plain())) == [10 - truth for truth in (CHANCE, 1, 1, 2, 2, 2, 2, 3)]
    assert Plain.epochs != EPOCHS  # the rule asks the curves
