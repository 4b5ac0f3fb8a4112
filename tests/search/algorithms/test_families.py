"""A search over the loss itself: what samplers propose, are told and learn, and whom ASHA holds against whom."""

import pytest
from told_trials import propose

from search.algorithms.asha import bracket_of
from search.algorithms.feasibility import Feasibility
from search.algorithms.optuna_trials import as_optuna_trial
from search.algorithms.proposer import SearchAgenda
from search.algorithms.told import told_of
from search.engine.replay import replay
from search.journal.history import History, Trial
from spaces.conditions import active
from spaces.spec import load_spec
from trainers.config import METRIC
from trainers.loss_config import END_TO_END, FAMILIES, RIVALS, family

LRS = [f"space.{name}.lr={{loguniform: [0.0001, 0.1]}}" for name in END_TO_END.values()]
ALL = ["space.loss.name={choice: [afcl, cross_entropy, focal, logit_adjusted]}", *LRS]
SHORT = ["representation.epochs=3", "search.scheduler.grace=1", "search.scheduler.reduction=2", "search.baselines=[]"]
EVERY = [ALL[0].replace("logit_adjusted", ", ".join(["logit_adjusted", *RIVALS.values()])), *LRS]
EVERY += [f"space.{name}.temperature={{loguniform: [0.05, 0.5]}}" for name in RIVALS.values()]
SPACE = load_spec("digits", ALL).space


class Heads:
    """A head is worth less than a probe at first and as much at last; the best learning rate of CE is .01."""

    def value(self, trial, epoch):
        if trial.family not in END_TO_END:
            return 0.8 + epoch / 100 - trial.config["loss"].get("temperature", 0.1) / 100
        section = trial.config[trial.config["loss"]["name"]]
        return 0.3 * epoch - abs(section["lr"] - 0.01)

    def seconds(self, trial, epoch):
        return 1.0


def played(*changes, curves=None):
    spec = load_spec("digits", [*SHORT, *changes])
    return spec, list(replay(spec, curves or Heads()).history.trials.values())


@pytest.mark.parametrize("sampler", ["random", "tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_every_sampler_proposes_every_loss_with_the_fields_that_are_its_own(sampler):
    spec, trials = played(*ALL, f"search.sampler={sampler}", "search.trials=24")
    for trial in trials:
        assert list(trial.values) == [path for path in spec.space if path in active(spec.space, trial.values)]
        assert all(spec.space[path].contains(value) for path, value in trial.values.items())
        assert trial.family == family(spec.trial_config(trial.values).loss)
    assert {trial.config["loss"]["name"] for trial in trials} == {"afcl", *END_TO_END.values()}


@pytest.mark.parametrize("sampler", ["random", "tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_a_proposal_depends_on_history_seed_and_number_alone(sampler):
    spec, trials = played(*ALL, f"search.sampler={sampler}", "search.trials=16")
    again = SearchAgenda(spec, 1).question(15, History(trials={trial.number: trial for trial in trials[:15]}))
    assert again.values == trials[15].values


def one(number, loss, score, **values):
    drawn = {path: range_.from_unit(0.5) for path, range_ in active(SPACE, {"loss.name": loss}).items()}
    trial = Trial(number, "CE", False, drawn | {"loss.name": loss} | values, {}, 0, state="finished", score=score)
    trial.epochs = {1: {METRIC: score}}
    return trial


def test_a_trial_of_any_loss_is_told_with_its_own_fields_alone():
    told = as_optuna_trial(SPACE, one(0, "cross_entropy", 0.8), METRIC)
    assert set(told.params) == {"loss.name", "cross_entropy.lr"}
    fixed = as_optuna_trial(SPACE, one(0, "cross_entropy", 0.8), METRIC, one_coordinate=True)
    assert set(fixed.params) == set(SPACE), "a Gaussian process has the same parameters everywhere"
    without = one(0, "cross_entropy", 0.8)
    del without.values["cross_entropy.lr"]
    assert as_optuna_trial(SPACE, without, METRIC) is None


def test_tpe_learns_a_losss_learning_rate_from_its_own_trials():
    rates = [0.0001, 0.0003, 0.001, 0.003, 0.008, 0.01, 0.012, 0.03, 0.06, 0.1]
    history = [
        one(number, "cross_entropy", 0.9 - abs(lr - 0.01), **{"cross_entropy.lr": lr})
        for number, lr in enumerate(rates * 3)
    ]
    for place, loss in enumerate(["afcl", "focal", "logit_adjusted"]):  # one that is not known yet is tried first
        history += [one(30 + 10 * place + n, loss, 0.5) for n in range(10)]
    proposed = [propose("tpe", SPACE, history, seed=seed, number=60) for seed in range(12)]
    rates = [values["cross_entropy.lr"] for values in proposed if "cross_entropy.lr" in values]
    assert len(rates) >= 8, "the better loss is asked for more often"
    assert sum(0.003 < lr < 0.03 for lr in rates) >= 0.7 * len(rates)


@pytest.mark.parametrize("name", FAMILIES)
def test_with_a_search_for_each_family_the_sampler_is_told_all_of_the_familys_trials(name):
    """Also where the family fixes a field that the space has, as CL does η and γ: it once was told none of these."""
    spec, trials = played(*EVERY, "search.per_family=true", "search.trials=4")
    of_family = [trial for trial in trials if trial.family == name]
    assert len(of_family) == 4
    agenda = SearchAgenda(spec, 1)
    history = History(trials={trial.number: trial for trial in trials})
    agenda.question(len(trials) + FAMILIES.index(name), history)
    known = agenda._samplers[name]._offered["memory"]["known"]
    assert len(known.told([])) == 4


@pytest.mark.slow
def test_a_familys_own_search_finds_its_best_values():
    class ByTemperature(Heads):
        def value(self, trial, epoch):
            return 1 - trial.config["loss"]["temperature"]

    _, trials = played(
        "search.per_family=true", "search.trials=30", "search.scheduler.name=none", curves=ByTemperature()
    )
    for name in ("CL", "FCL", "ACL", "AFCL"):
        found = [trial.values["loss.temperature"] for trial in trials if trial.family == name]
        assert sum(tau < 0.1 for tau in found[15:]) > 2 * sum(tau < 0.1 for tau in found[:8]), name


def test_a_head_is_held_against_heads_of_its_own_loss_and_never_against_probes():
    _, trials = played(*ALL, "search.sampler=random", "search.trials=40")
    spec = load_spec("digits", ALL)
    assert [bracket_of(spec, name) for name in FAMILIES] == [0, 0, 0, 0, 4, 5, 6, 0, 0, 0]
    finished = {trial.family for trial in trials if trial.state == "finished"}
    stopped = {trial.family for trial in trials if trial.state == "stopped"}
    assert set(END_TO_END) <= finished, "an early head is worth less than any probe here"
    assert set(END_TO_END) <= stopped
    for trial in trials:
        assert {decision.bracket for decision in trial.decisions} <= {bracket_of(spec, trial.family)}
    per_family = load_spec("digits", [*EVERY, "search.per_family=true", "search.baselines=[]"])
    assert [bracket_of(per_family, name) for name in FAMILIES] == list(range(10))


def test_losses_of_ones_own_are_held_against_all_probes_or_with_per_family_against_their_own():
    own = ["space={representation.lr: {uniform: [0.1, 0.2]}, loss.name: {choice: [afcl, 'pkg:one', 'pkg:two']}}"]
    families = ("CL", "one", "two")
    assert [bracket_of(load_spec("digits", own), name) for name in families] == [0, 0, 0]
    per_family = load_spec("digits", [*own, "search.per_family=true", "search.baselines=[]"])
    assert [bracket_of(per_family, name) for name in families] == [0, 1000, 1001]


def test_a_field_of_another_loss_says_nothing_of_what_is_likely_to_fail():
    feasibility = Feasibility(SPACE)
    for number, lr in enumerate([0.05, 0.07, 0.09, 0.1]):
        failed = one(number, "cross_entropy", 0.0, **{"cross_entropy.lr": lr})
        failed.state, failed.by_values = "failed", True
        feasibility.add(told_of(SPACE, failed, METRIC))
    for number, lr in enumerate([0.0002, 0.001, 0.002, 0.004, 0.0005]):
        feasibility.add(told_of(SPACE, one(10 + number, "cross_entropy", 0.8, **{"cross_entropy.lr": lr}), METRIC))
        feasibility.add(told_of(SPACE, one(20 + number, "focal", 0.8, **{"focal.lr": 0.08}), METRIC))
    chances = [
        feasibility.chance_of_failing(one(0, loss, 0.0, **{f"{loss}.lr": lr}).values)
        for loss, lr in (("cross_entropy", 0.08), ("cross_entropy", 0.001), ("focal", 0.08))
    ]
    assert chances[0] > 0.5
    assert max(chances[1:]) < 0.2


def test_a_guess_of_one_losss_field_is_tried_with_that_loss():
    _, trials = played(*ALL, "search.trials=3", "search.first=[{focal.lr: 0.02}, {loss.eta: 30}]")
    assert (trials[0].family, trials[0].values) == ("FOCAL", {"loss.name": "focal", "focal.lr": 0.02})
    assert (trials[1].config["loss"]["name"], trials[1].values["loss.eta"]) == ("afcl", 30)


def test_a_guess_that_names_a_loss_has_drawn_values_in_that_losss_fields():
    """Whatever loss was drawn for that trial: without them the sampler would not be told of the guess."""
    changes = [*ALL, "search.baselines=[]", "search.trials=4", "search.sampler=random"]
    guesses = "[{loss.name: cross_entropy}, {loss.name: afcl}, {loss.name: focal}, {loss.name: cross_entropy}]"
    spec = load_spec("digits", [*changes, f"search.first={guesses}"])
    agenda, history = SearchAgenda(spec, 1), History()
    for number in range(4):
        values = agenda.question(number, history).values
        assert values.keys() == active(spec.space, values).keys()


def test_a_baseline_of_a_loss_that_is_not_searched_is_not_told_to_the_sampler():
    """Where only fields are searched that it has too, its values would lie in the space."""
    space = "space={representation.weight_decay: {loguniform: [0.00001, 0.1]}}"
    spec = load_spec("digits", [space, "search.trials=30", "search.decide_by=metric"])
    agenda, without = SearchAgenda(spec, 1), History()
    for number in range(20):
        values = {"representation.weight_decay": 10 ** (-5 + number / 5)}
        without.trials[number] = Trial(number, "CL", False, values, {}, 0, state="finished", score=0.5 + number / 100)
        without.trials[number].epochs = {1: {METRIC: 0.5}}
    proposed = agenda.question(25, without).values
    heads = History(trials=dict(without.trials))
    for number in range(20, 25):
        values = {"representation.weight_decay": 1e-5}
        heads.trials[number] = Trial(number, "CE", True, values, {}, 0, state="finished", score=0.99)
        heads.trials[number].epochs = {1: {METRIC: 0.99}}
    assert SearchAgenda(spec, 1).question(25, heads).values == proposed
