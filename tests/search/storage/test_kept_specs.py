"""A spec that a search keeps means what it meant when it was written."""

import json
from pathlib import Path

import pytest

from search.exports.export import read_export
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.config import ClassifierConfig
from trainers.data import faults, load
from trainers.older_configs import as_meant_then

PUBLISHED = [Path(__file__).parents[3] / "results" / f"fmnist-{ratio}" for ratio in ("60-40", "90-10", "98-2")]
FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.is_dir(), reason="needs Debian's dataset-fashion-mnist")
@pytest.mark.parametrize(
    "published",
    PUBLISHED,
    ids=lambda folder: folder.name,
)
def test_a_published_search_still_has_its_split_whatever_rules_are_asked_for(published, tmp_path):
    for folder in (SearchFolder(published), *SearchFolder(published).confirmations()):
        told, spec = folder.about(), folder.spec()
        assert spec.data.split_rules == 1
        seed = told["confirms"]["seeds"][0] if "confirms" in told else spec.data.seed
        for rules in (1, 2):
            config = spec.data.model_copy(update={"seed": seed, "split_rules": rules})
            arrays = load(config, tmp_path)
            assert (arrays.fingerprint, arrays.description, arrays.remarks) == (
                told["provenance"]["data"]["fingerprint"],
                told["provenance"]["data"]["description"],
                (),
            )
    assert faults(config, tmp_path) == ()


def test_a_spec_without_rules_has_those_of_before_where_a_search_keeps_it_and_the_new_ones_where_a_user_wrote_it():
    assert load_spec(str(PUBLISHED[0] / "spec.yaml"), kept=True).data.split_rules == 1
    assert load_spec(str(PUBLISHED[0] / "spec.yaml")).data.split_rules == 2


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda folder: folder.name)
def test_a_published_search_has_the_probe_and_the_classifier_that_it_had(published):
    for folder in (SearchFolder(published), *SearchFolder(published).confirmations()):
        assert folder.about()["format"] == 1
        assert folder.spec().classifier == ClassifierConfig(solver="adamw")
        assert folder.spec().base.last_epoch == 36
    assert load_spec(str(published / "spec.yaml")).classifier.solver == "adamw"  # also as a file to begin from


def test_an_automatic_penalty_that_a_search_keeps_is_that_of_its_time():
    published = SearchFolder(PUBLISHED[0].parent / "study-98-2")
    assert published.about()["format"] < 6
    assert published.spec().classifier == ClassifierConfig(l2_rules=1)
    assert load_spec(str(published.path / "spec.yaml")).classifier == ClassifierConfig()  # as a file to begin from


@pytest.mark.parametrize("loss", ["afcl", "cross_entropy"])
def test_so_it_is_whatever_the_loss_of_the_spec(loss):
    stored = {"loss": {"name": loss}, "classifier": {"solver": "lbfgs", "l2": "auto", "class_weight": "balanced"}}
    assert as_meant_then(stored)["classifier"]["l2_rules"] == 1
    assert as_meant_then(stored | {"classifier": {"solver": "lbfgs", "l2": 0.5}})["classifier"].keys() == {
        "solver",
        "l2",
    }


@pytest.mark.parametrize("change", ["classifier.solver=adamw", "classifier.l2=0.5"])
def test_the_file_of_a_new_search_takes_another_solver_or_penalty(change, told):
    assert "l2_rules: 2" in (told / "told" / "spec.yaml").read_text()
    assert load_spec(str(told / "told" / "spec.yaml"), [change])


def test_a_new_search_says_in_its_folder_what_probe_and_score_are(told):
    folder = SearchFolder(told / "told")
    assert folder.about()["format"] == 6
    assert (
        "classifier: {solver: lbfgs, l2: auto, l2_rules: 2, class_weight: balanced}"
        in (folder.path / "spec.yaml").read_text()
    )


def test_a_new_search_keeps_the_new_rules(told):
    assert SearchFolder(told / "told").spec().data.split_rules == 2


def test_an_older_export_has_the_rules_of_before_and_a_plain_config_the_new_ones(told, tmp_path):
    export, plain = tmp_path / "best-1.yaml", tmp_path / "plain.yaml"
    plain.write_text("{data: {dataset: digits, val_per_class: 40}}")
    expected = {"metric": "val_accuracy", "value": 1.0, "epoch": 1, "data_fingerprint": "", "data": "", "seed": 0}
    expected |= {"device": "cpu", "threads": 1, "cpu": "", "versions": {}}
    export.write_text(json.dumps({"config": {"data": {"dataset": "digits"}}, "expected": expected}))
    assert read_export(export).config.data.split_rules == 1
    assert read_export(export).config.classifier.solver == "adamw"
    assert read_export(plain).config.classifier.solver == "lbfgs"
    assert read_export(plain).config.data.split_rules == 2
