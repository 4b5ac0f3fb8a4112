"""Random search. See search.algorithms.random_search."""

from told_trials import SPACE, propose, trial_of, values_of

from search.algorithms.random_search import draw_every
from search.algorithms.samplers import seed_of_ask
from spaces.ranges import Choice, Uniform

OF_TWO = {"loss.name": Choice(("focal", "cross_entropy")), "focal.lr": Uniform(0, 1), "model.width": Uniform(4, 8)}


def test_earlier_trials_change_nothing():
    history = [trial_of(number, values_of(number)) for number in range(12)]
    one, other = (propose("random", SPACE, some, seed=0, number=12) for some in ([], history))
    assert one == other


def test_a_fields_value_does_not_depend_on_which_loss_was_drawn():
    drawn = [draw_every(OF_TWO, seed_of_ask(0, number)) for number in range(40)]
    proposed = [propose("random", OF_TWO, [], seed=0, number=number) for number in range(40)]
    assert {one["loss.name"] for one in proposed} == {"focal", "cross_entropy"}
    for whole, one in zip(drawn, proposed, strict=True):
        assert one == {path: whole[path] for path in whole if path != "focal.lr" or whole["loss.name"] == "focal"}
