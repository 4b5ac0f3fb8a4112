import pytest

from trainers.config import OF_ADAMW, ClassifierConfig, TrialConfig
from trainers.errors import InputError
from trainers.older_configs import as_meant_then
from trainers.parsing import parse

VALUES = {"epochs": 3, "batch_size": 8, "lr": 0.1, "weight_decay": 0.1, "loss": "focal", "augment": True}


def classifier(**fields) -> ClassifierConfig:
    return parse(TrialConfig, {"classifier": fields}).classifier


def test_a_config_that_says_nothing_of_stage_two_has_one_step_of_lbfgs():
    assert classifier().solver == "lbfgs"
    assert TrialConfig().last_epoch == TrialConfig().representation.epochs + 1


@pytest.mark.parametrize("name", VALUES)
def test_a_field_that_only_adamw_has_and_no_solver_is_adamw_as_before_there_was_one(name):
    assert classifier(**{name: VALUES[name]}).solver == "adamw"


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_lbfgs_ignores_is_refused_with_what_to_do(name):
    with pytest.raises(
        InputError, match=rf"^classifier\.{name}: has no effect with classifier\.solver: lbfgs; "
    ) as told:
        classifier(solver="lbfgs", **{name: VALUES[name]})
    assert "leave it out, or choose classifier.solver: adamw" in str(told.value)


def test_a_penalty_is_refused_with_adamw_and_a_focusing_parameter_without_the_focal_loss():
    with pytest.raises(InputError, match=r"^classifier\.l2: .*solver: adamw; .*solver: lbfgs$"):
        classifier(solver="adamw", l2=0.1)
    with pytest.raises(InputError, match=r"^classifier\.focal_gamma: .*loss: cross_entropy; .*loss: focal$"):
        classifier(solver="adamw", focal_gamma=1.0)
    with pytest.raises(InputError, match=r"^classifier\.l2_rules: .*solver: adamw; .*solver: lbfgs$"):
        classifier(solver="adamw", l2_rules=1)
    with pytest.raises(InputError, match=r"^classifier\.l2_rules: .*l2: a number; .*l2: auto$"):
        classifier(l2=0.1, l2_rules=1)
    assert classifier(solver="adamw", l2="auto").solver == "adamw"
    assert classifier(solver="adamw", loss="focal", focal_gamma=1.0).focal_gamma == 1.0


@pytest.mark.parametrize("l2", [0, -1, 1e-9, True, "automatic", None, float("inf"), float("nan")])
def test_a_penalty_is_auto_or_a_number_above_nothing(l2):
    with pytest.raises(InputError, match=r"^classifier\.l2: must be auto or a number of at least 1e-06, but got"):
        classifier(l2=l2)


@pytest.mark.parametrize(
    "fields",
    [{}, {"l2_rules": 1}, {"l2": 0.5, "class_weight": "none"}, {"solver": "adamw"}, {"epochs": 3, "loss": "focal"}],
)
def test_what_is_written_out_is_what_counts_and_reads_back_as_the_same(fields):
    config = classifier(**fields)
    written = config.model_dump(mode="json")
    assert written["solver"] == config.solver
    assert not set(written) & set(config.ignored)
    assert classifier(**written) == config
    assert ("lr" in written) == (config.solver == "adamw")
    assert ("l2_rules" in written) == (config.solver == "lbfgs" and config.l2 == "auto")


@pytest.mark.parametrize("given", [{"solver": "lbfgs", "l2": "auto"}, {"solver": "lbfgs", "l2": 0.5}])
def test_a_stored_penalty_means_what_it_meant(given):
    stored = {"classifier": given}
    meant = parse(TrialConfig, as_meant_then(stored)).classifier
    assert (meant.solver, meant.l2) == ("lbfgs", given["l2"])
    assert meant.l2 != "auto" or meant.l2_rules == 1
    newer = TrialConfig(classifier=ClassifierConfig(**given)).model_dump(mode="json")
    assert parse(TrialConfig, as_meant_then(newer)).classifier == ClassifierConfig(**given)


def test_a_stored_config_without_a_solver_is_adamw_even_where_nothing_tells_its_epochs():
    whole = TrialConfig(classifier=ClassifierConfig(solver="adamw")).model_dump(mode="json")
    for stored in (whole, {"data": {}}, {"classifier": None}):
        older = {**stored, "classifier": {n: v for n, v in (stored.get("classifier") or {}).items() if n != "solver"}}
        config = parse(TrialConfig, as_meant_then(older))
        assert (config.classifier.solver, config.last_epoch) == ("adamw", 70)
    assert set(OF_ADAMW) & set(whole["classifier"]) == {*OF_ADAMW} - {"focal_gamma"}
