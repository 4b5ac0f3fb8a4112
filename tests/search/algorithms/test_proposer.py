"""What a search tries, trial by trial: the baselines, first guesses, then what the sampler proposes."""

import itertools

import pytest

from search.algorithms.proposer import SearchAgenda, planned_trials
from search.engine.replay import replay
from search.journal.history import History, Trial
from spaces.spec import load_spec
from trainers.errors import InputError

RANDOM = "search.sampler=random"
SHORT = ["representation.epochs=2", "search.scheduler.grace=1"]
GUESSES = ["search.first=[{loss.eta: 30, loss.temperature: 0.1}, {model.width: 4}]"]


def asked(spec, numbers, history=None):
    agenda = SearchAgenda(spec, slots=1)
    return [agenda.question(number, history or History()) for number in numbers]


def test_the_baselines_come_first_in_the_specs_order_and_then_proposals():
    spec = load_spec("digits", [RANDOM])
    questions = asked(spec, range(5))
    assert [question.baseline for question in questions] == [True] * 3 + [False] * 2
    for name, question in zip(spec.search.baselines, questions, strict=False):
        assert question.config == spec.baseline(name)
    for question in questions[3:]:
        assert question.values.keys() == spec.space.keys()
        assert question.config.loss.eta == question.values["loss.eta"]


def test_a_driver_that_goes_on_asks_what_the_dead_one_would_have():
    spec = load_spec("digits", [RANDOM])
    (seventh,) = asked(spec, [7])
    assert asked(spec, range(8))[7] == seventh
    assert asked(load_spec("digits", [RANDOM, "search.seed=1"]), [7]) != [seventh]


def test_each_family_proposes_within_itself():
    spec = load_spec("digits", [RANDOM, "search.per_family=true", "search.baselines=[]"])
    for question, (has_eta, has_gamma) in zip(
        asked(spec, range(4)), [(False, False), (False, True), (True, False), (True, True)], strict=True
    ):
        assert (question.values["loss.eta"] > 0, question.values["loss.gamma"] > 0) == (has_eta, has_gamma)


def test_an_extension_adds_proposals_and_with_a_search_for_each_family_to_each():
    spec = load_spec("digits", ["search.trials=5"])
    assert (planned_trials(spec), planned_trials(spec, extra=2)) == (3 + 5, 3 + 7)
    assert SearchAgenda(spec, 1).planned(History(extra=2)) == 3 + 7
    of_each = load_spec("digits", ["search.trials=5", "search.per_family=true", "search.baselines=[]"])
    assert planned_trials(of_each, extra=2) == 4 * 7


def test_an_older_searchs_trials_are_known_to_the_sampler():
    spec = load_spec("digits", ["search.sampler=tpe", "search.baselines=[]"])
    (question,) = asked(spec, [0])
    ended = [
        Trial(
            number, "AFCL", False, dict(made.values), made.config.model_dump(), 0, state="finished", score=number / 40
        )
        for number, made in enumerate(asked(load_spec("digits", [RANDOM, "search.baselines=[]"]), range(20)))
    ]
    for trial in ended:
        trial.epochs[30] = {spec.deciding_key: trial.score}
    assert asked(spec, [0], History(known=ended)) != [question]


class Flat:
    """Every trial is as good as its temperature is small."""

    def value(self, trial, epoch):
        return 1 - trial.config["loss"]["temperature"]

    def seconds(self, trial, epoch):
        return 1.0


def played(*words):
    spec = load_spec("digits", [*SHORT, *words])
    return spec, list(replay(spec, Flat()).history.trials.values())


def test_first_guesses_are_tried_after_the_baselines_and_count_among_the_trials():
    spec, trials = played(*GUESSES, "search.trials=5")
    assert [trial.baseline for trial in trials] == [True] * 3 + [False] * 5
    first, second = trials[3:5]
    assert (first.values["loss.eta"], first.values["loss.temperature"]) == (30, 0.1)
    assert [trial.note for trial in trials[3:6]] == ["first guess", "first guess", ""]
    assert second.config["model"]["width"] == 4
    assert second.values.keys() == {*spec.space, "model.width"}
    for path, range_ in spec.space.items():
        assert range_.contains(second.values[path]), path
    assert trials[5].config["model"]["width"] == spec.model.width


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["search.first=[{loss.ta: 1}]"], r"search.first\[0\].loss.ta: unknown field"),
        (["search.first=[{loss.eta: 1}, {loss.temperature: -1}]"], r"search.first\[1\].loss.temperature: "),
        (["search.first=[{}]"], "must name at least one field"),
        (["search.first=[{loss.eta: 1}]", "search.trials=0"], "1 guesses for 0 trials"),
    ],
)
def test_a_guess_that_no_trial_could_have_is_refused(words, message):
    with pytest.raises(InputError, match=message):
        load_spec("digits", words)


def test_a_cut_grid_tries_every_value_of_every_field():
    spec, trials = played("search.sampler=grid", "search.trials=24", "search.grid_points=4")
    for path, range_ in spec.space.items():
        assert {trial.values[path] for trial in trials[3:]} == set(range_.points(4)), path


def test_a_guess_on_the_grid_is_tried_once_and_one_off_it_beside_the_whole_grid():
    space = ["space={loss.temperature: {uniform: [0.1, 0.5]}}", "search.sampler=grid", "search.grid_points=3"]
    _, on_it = played(*space, "search.trials=9", "search.first=[{loss.temperature: 0.5}]")
    assert [trial.values["loss.temperature"] for trial in on_it[3:]] == pytest.approx([0.5, 0.1, 0.3])
    _, off_it = played(*space, "search.trials=9", "search.first=[{loss.temperature: 0.2}]")
    assert [trial.values["loss.temperature"] for trial in off_it[3:]] == pytest.approx([0.2, 0.1, 0.3, 0.5])


def test_a_grid_goes_on_with_the_points_that_are_left_when_it_is_extended():
    spec = load_spec("digits", [*SHORT, "search.sampler=grid", "search.trials=10", "search.grid_points=3"])
    agenda, history = SearchAgenda(spec, 1), History(extra=10**6)
    seen = []
    for number in range(planned_trials(spec, history.extra)):
        question = agenda.question(number, history)
        history.trials[number] = Trial(number, "CL", question.baseline, question.values, {}, 0)
        seen.append(tuple(question.values.values()))
    points = [range_.points(3) for range_ in spec.space.values()]
    assert sorted(seen[3:]) == sorted(itertools.product(*points))


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_from_an_older_one_does_not_repeat_its_draws(sampler):
    spec = load_spec("digits", [*SHORT, f"search.sampler={sampler}", "search.trials=6"])
    older = replay(spec, Flat()).history

    def drawn_from(known):
        history, agenda, drawn = History(known=known), SearchAgenda(spec, 1), set()
        for number in range(9):
            question = agenda.question(number, history)
            history.trials[number] = Trial(number, "CL", question.baseline, question.values, {}, 7)
            drawn |= set() if question.baseline else {tuple(question.values.values())}
        return list(history.trials.values()), drawn

    first = {tuple(trial.values.values()) for trial in older.trials.values() if not trial.baseline}
    newer, second = drawn_from(list(older.trials.values()))
    _, third = drawn_from(newer)  # which knows the second's trials alone
    assert len(first | second | third) == 18


CHOICES = "space={loss.eta: {choice: [1, 30]}, loss.temperature: {choice: [0.1, 0.5]}}"


@pytest.mark.parametrize(
    ("first", "trials"),
    [("[{loss.eta: 30}]", 4), ("[{loss.eta: 7}]", 5), ("[{loss.eta: 30}, {loss.eta: 30}, {loss.eta: 30}]", 5)],
)
def test_a_grid_is_tried_whole_beside_guesses_of_any_kind(first, trials):
    """One that leaves fields out has a point of the grid; one off it, or a third where there are two, comes on top."""
    _, tried = played("search.sampler=grid", "search.trials=10", CHOICES, f"search.first={first}")
    assert len(tried) == 3 + trials
    points = {tuple(trial.values.values()) for trial in tried[3:]}
    assert points >= set(itertools.product([1, 30], [0.1, 0.5]))


@pytest.mark.parametrize("path", ["representation.epochs: 2", "data.seed: 5", "seed: 77"])
def test_a_guess_on_a_field_that_no_search_varies_is_refused_with_the_reason(path):
    with pytest.raises(InputError, match=r"search\.first\[0\]\..*: may not differ within a search: "):
        load_spec("digits", [f"search.first=[{{{path}}}]"])
