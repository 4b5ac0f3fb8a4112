"""What a search tries, trial by trial: the baselines, then what the sampler proposes."""

from search.algorithms.proposer import SearchAgenda, planned_trials
from search.journal.history import History, Trial
from spaces.spec import load_spec

RANDOM = "search.sampler=random"


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


def test_a_grid_is_walked_point_by_point_and_has_no_more_trials_than_points():
    grid = ["search.sampler=grid", "search.grid_points=3", "space={loss.eta: {uniform: [0, 1]}}", "search.trials=9"]
    spec = load_spec("digits", grid)
    assert planned_trials(spec) == planned_trials(spec, extra=4) == 3 + 3
    assert [question.values for question in asked(spec, range(3, 6))] == [{"loss.eta": at} for at in (0, 0.5, 1)]


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
        trial.epochs[30] = {spec.search.metric_key: trial.score}
    assert asked(spec, [0], History(known=ended)) != [question]
