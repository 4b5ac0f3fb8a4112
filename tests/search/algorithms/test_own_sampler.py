"""A sampler of a user's own. See search.algorithms.own_sampler."""

import pytest
from own_package import write_package
from told_trials import SPACE, trial_of

from search.algorithms.own_sampler import propose, refuse_outside, told_of, try_sampler
from search.algorithms.proposer import SearchAgenda
from search.algorithms.sampler import propose as propose_by_ours
from search.engine.controller import PausedError
from search.engine.replay import replay
from search.journal.history import Decision, History
from spaces.ranges import LogUniform, Uniform
from spaces.spec import load_spec
from trainers.config import METRIC
from trainers.errors import InputError
from trainers.own_parts import metadata

OWN = "ownsampler.samplers:{}"
NUMBERS = {"loss.eta": Uniform(0.5, 9), "loss.temperature": LogUniform(0.03, 1)}


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    return write_package(tmp_path, "ownsampler", monkeypatch)


def asked(attribute, space=SPACE, trials=(), number=7, seed=0):
    return propose(OWN.format(attribute), space, trials, metric=METRIC, seed=seed, number=number)


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
    try_sampler(OWN.format("propose"), SPACE, 0)
    with pytest.raises(InputError, match="tried before the first trial, proposes other values at a second call"):
        try_sampler(OWN.format("counts"), SPACE, 0)
    with pytest.raises(InputError, match="proposes no"):
        try_sampler(OWN.format("lacks"), SPACE, 0)


def test_trials_are_told_as_what_they_showed():
    finished = told_of(SPACE, trial_of(3), METRIC)
    assert (finished.number, finished.state, finished.value) == (3, "finished", 0.7)
    assert finished.by_epoch == pytest.approx({1: 0.5, 2: 0.6, 3: 0.7})
    stopped = told_of(SPACE, trial_of(4, state="stopped"), METRIC)
    assert (stopped.state, stopped.value) == ("stopped", 0.7)
    exempt = trial_of(5)
    exempt.decisions.append(Decision(5, 2, 0, 0.6, 0.65, 3, "spare"))
    assert told_of(SPACE, exempt, METRIC).by_epoch == pytest.approx({1: 0.5, 2: 0.6})
    assert told_of(SPACE, exempt, METRIC).state == "stopped"
    crashed, diverged = trial_of(6, state="failed"), trial_of(7, state="failed")
    diverged.by_values = True
    assert told_of(SPACE, crashed, METRIC) is None
    assert told_of(SPACE, diverged, METRIC).value is None
    assert told_of(NUMBERS, trial_of(8), METRIC) is None, "its values are not those of this space"


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_ours_propose_what_a_users_own_has_to(sampler):
    history = [trial_of(number) for number in range(3)]
    values = propose_by_ours(SPACE, history, sampler=sampler, metric=METRIC, seed=0, number=3)
    refuse_outside(SPACE, values, sampler)


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
