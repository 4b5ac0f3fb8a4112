"""The door of all samplers, a user's own among them. See search.algorithms.samplers."""

import sys

import pytest
from own_package import write_package
from told_trials import SPACE, bound, propose, searched_by, trial_of, values_of

from search.algorithms.proposer import SearchAgenda
from search.algorithms.samplers import OURS, refuse_outside, try_sampler
from search.engine.controller import PausedError
from search.engine.replay import replay
from search.journal.history import History
from spaces.ranges import LogUniform, Uniform
from spaces.sections import SAMPLERS
from spaces.spec import load_spec
from trainers.errors import InputError
from trainers.own_parts import metadata

OWN = "ownsampler.samplers:{}"
NUMBERS = {"loss.eta": Uniform(0.5, 9), "loss.temperature": LogUniform(0.03, 1)}


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    return write_package(tmp_path, "ownsampler", monkeypatch)


def asked(attribute, space=SPACE, trials=(), number=7, seed=0):
    return propose(OWN.format(attribute), space, trials, seed=seed, number=number)


def test_what_it_proposes_depends_on_the_searchs_seed_and_the_trials_number():
    assert asked("propose") == asked("propose")
    assert asked("propose") != asked("propose", number=8)
    assert asked("propose") != asked("propose", seed=1)


def test_numbers_of_numpy_become_those_of_python():
    values = asked("of_numpy", NUMBERS)
    assert values == {"loss.eta": 0.5, "loss.temperature": 0.03}
    assert {type(value) for value in values.values()} == {float}


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("raises", "asked for trial 7, raises RuntimeError: no idea"),
        ("a_list", "must give a mapping of fields to values, but gave list"),
        ("lacks", "proposes no loss.eta"),
        ("more", "proposes loss.temprature, which is not searched here; did you mean loss.temperature?"),
        ("outside", "proposes loss.eta 1000000000.0, which is not in"),
        ("not_a_number", "proposes loss.eta nan, which is not in"),
        ("three", "must be a function, but is int"),
        ("nothing", "has no nothing"),
    ],
)
def test_what_is_no_proposal_is_told_in_one_line(attribute, said):
    with pytest.raises(InputError) as refused:
        asked(attribute)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_it_is_tried_with_trials_of_each_state_and_twice():
    try_sampler(SPACE, searched_by(OWN.format("propose")))
    with pytest.raises(InputError, match="tried before the first trial, proposes other values at a second call"):
        try_sampler(SPACE, searched_by(OWN.format("counts")))
    with pytest.raises(InputError, match="proposes no"):
        try_sampler(SPACE, searched_by(OWN.format("lacks")))


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow), "random"])
def test_a_proposal_depends_on_history_seed_and_number_alone(sampler):
    history = [trial_of(number, values_of(number), score=0.5 + number / 50) for number in range(12)]

    def ask(number=12, seed=3):
        return propose(sampler, SPACE, history, seed=seed, number=number)

    first = ask()
    assert first == ask()
    assert first != ask(seed=4)
    assert first != ask(number=13)
    assert all(SPACE[path].contains(value) for path, value in first.items())


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow), "grid"])
def test_what_is_remembered_of_earlier_asks_changes_no_proposal(sampler):
    history = History()
    asked = bound(sampler, SPACE, history)
    for number in range(24):
        history.trials[number] = trial_of(number, values_of(number), "running", (number * 37 % 24) / 24)
        if number >= 2:
            history.trials[number - 2].state, history.trials[number - 2].score = "finished", (number * 37 % 24) / 24
        if sampler == "gp" and number not in (11, 17):  # each takes half a second
            continue
        proposed = asked.propose(seed=5, number=number + 1)
        assert proposed == propose(sampler, SPACE, history.trials.values(), seed=5, number=number + 1)


@pytest.mark.parametrize("sampler", [*OURS])
def test_ours_are_functions_of_the_one_protocol_and_pass_what_a_users_own_has_to(sampler):
    assert OURS.keys() == set(SAMPLERS)
    space = NUMBERS if sampler == "grid" else SPACE  # a large grid takes long to spread
    try_sampler(space, searched_by(OURS[sampler]))
    refuse_outside(space, asked_by_name(sampler, [trial_of(number) for number in range(3)], space), sampler)


def asked_by_name(name, history, space=SPACE):
    return propose(name, space, history, seed=0, number=len(history))


def test_one_of_ours_is_a_file_and_a_line_of_the_table(monkeypatch):
    monkeypatch.setitem(OURS, "mine", OWN.format("propose"))
    assert asked_by_name("mine", [], NUMBERS) == asked_by_name(OWN.format("propose"), [], NUMBERS)


def test_a_fault_of_one_of_ours_is_not_said_to_be_the_users(monkeypatch):
    monkeypatch.setitem(OURS, "mine", OWN.format("raises"))
    with pytest.raises(RuntimeError, match="no\\nidea"):
        asked_by_name("mine", [])


def test_it_gets_what_it_asks_for_by_name():
    trials = [trial_of(0, baseline=True), trial_of(1, values_of(1)), trial_of(2, values_of(2), state="failed")]
    history = History(trials=dict(enumerate(trials)), known=[trial_of(7, values_of(7))])
    sampler = bound(OWN.format("asks"), SPACE, history, slots=4, grid_points=9)
    for calls in (1, 2):
        sampler.propose(seed=0, number=3)
        slots, search, tried, memory = sys.modules["ownsampler.samplers"].asked
        assert (slots, search.grid_points, tried) == (4, 9, [values_of(1), values_of(2)])
        assert memory["calls"] == calls, "the same at each call"


def test_a_memory_that_changes_what_is_proposed_is_told_before_the_first_trial():
    with pytest.raises(InputError, match=r"other values at a second call; .* and let its memory change nothing"):
        try_sampler(SPACE, searched_by(OWN.format("remembers")))


def test_a_history_of_another_search_is_not_mixed_with_the_last_one():
    spec = load_spec("digits", ["search.baselines=[]"])
    agenda, (one, other) = SearchAgenda(spec, 1), (History(), History())
    for number in range(12):
        values = agenda.question(number, one).values
        for history, score in ((one, number / 12), (other, -number / 12)):
            history.trials[number] = trial_of(number, values, score=score)
            history.trials[number].epochs = {1: {spec.deciding_key: score}}
    agenda.question(12, one)
    assert agenda.question(12, other).values == SearchAgenda(spec, 1).question(12, other).values


class Rising:
    """Curves that rise with epoch and trial."""

    def value(self, trial, epoch):
        return 0.5 + trial.number / 100 + epoch / 1000

    def seconds(self, trial, epoch):
        return 1.0


def test_one_that_fails_in_a_search_pauses_it_and_says_why():
    spec = load_spec("digits", [f"search.sampler={OWN.format('raises_later')}", "search.trials=20"])
    with pytest.raises(PausedError, match="asked for trial 12, raises RuntimeError: out of ideas"):
        replay(spec, Rising())


@pytest.mark.parametrize("more", [[], ["search.per_family=true", "search.baselines=[]"]])
def test_a_search_that_was_killed_and_goes_on_proposes_the_same(more):
    spec = load_spec("digits", [f"search.sampler={OWN.format('propose')}", "search.trials=6", *more])
    history = replay(spec, Rising()).history
    for number, trial in history.trials.items():
        before = History(trials={k: v for k, v in history.trials.items() if k < number})
        assert SearchAgenda(spec, 1).question(number, before).values == trial.values


def test_a_registered_name_means_its_import_path(monkeypatch):
    entry = metadata.EntryPoint("mine", "ownsampler.samplers:propose", "afcl.samplers")
    monkeypatch.setattr(metadata, "entry_points", lambda group, name="mine": [entry] if name == "mine" else [])
    assert load_spec("digits", ["search.sampler=mine"]).search.sampler == OWN.format("propose")
