"""An export is one tuple: configuration, weights, score and where it came from. See search.exports.export."""

import hashlib
import json

import pytest
import torch
import yaml
from exported import export_of
from words import NAME, done

from search import export
from search.exports.export import Export, read_export, search_of
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError


@pytest.mark.slow
def test_an_export_is_one_tuple_with_its_weights(exported, mine, finished):
    assert [path.name for path in exported] == ["best-1.yaml", "best-2.yaml", "best-3.yaml"]
    about = mine.about()
    for rank, (path, trial) in enumerate(zip(exported, finished.history.ranked(), strict=False), 1):
        document = yaml.safe_load(path.read_text())
        expected, origin = document["expected"], document["origin"]
        assert (document["config"], expected["value"], expected["epoch"]) == (trial.config, trial.score, trial.epoch)
        assert expected["metric"] == "val_balanced_accuracy"
        assert expected["data_fingerprint"] == about["provenance"]["data"]["fingerprint"]
        assert (expected["seed"], expected["device"], expected["threads"]) == (trial.config["seed"], "cpu", 1)
        assert {"python", "torch", "numpy", "afcl-search"} <= set(expected["versions"])
        assert expected["cpu"]
        assert (origin["search"], origin["trial"], origin["rank"]) == (NAME, trial.number, rank)
        assert origin["family"] == trial.family
        weights = path.with_name(expected["weights"])
        assert hashlib.sha256(weights.read_bytes()).hexdigest() == expected["weights_sha256"]
        loaded = torch.load(weights, weights_only=True)
        assert loaded["epoch"] == trial.epoch
        assert all(torch.isfinite(value).all() for value in loaded["encoder"].values())


@pytest.mark.slow
def test_an_export_trains_to_the_same_score_to_the_last_digit(exported, typed):
    for path in exported[:2]:
        expected = yaml.safe_load(path.read_text())["expected"]["value"]
        trained = json.loads(done(typed("train", str(path), "--json")))
        assert (trained["same"], trained["value"], trained["differences"]) == (True, expected, [])


def test_a_plain_config_is_an_export_of_which_nothing_is_expected(tmp_path):
    (tmp_path / "plain.yaml").write_text("data: {dataset: digits, val_per_class: 40, classes: ['3', '8']}\n")
    read = read_export(tmp_path / "plain.yaml")
    assert read.config.data.classes == ("3", "8")
    assert (read.expected, read.search_id) == (None, None)


def test_an_export_is_read_back_with_what_it_reached(told, tmp_path):
    document = export_of(told) | {"origin": {"search_id": SearchFolder(told / "told").about()["id"]}}
    (tmp_path / "best-1.yaml").write_text(yaml.safe_dump(document))
    read = read_export(tmp_path / "best-1.yaml")
    assert read.config.model_dump(mode="json")["loss"] == document["config"]["loss"]
    assert (read.expected.value, read.expected.epoch, read.expected.workers) == (0.5, 3, 1)


def test_a_copied_export_finds_its_search_by_its_id(told, tmp_path):
    """Beside it, or in the results folder; a neighbour that cannot be read is no obstacle."""
    wanted = SearchFolder(told / "told")
    (told / "begun" / "search.json").write_text("{")
    exported = Export(wanted.spec().base, search_id=wanted.about()["id"])
    assert search_of(wanted.path / "best-1.yaml", exported, tmp_path).path == wanted.path
    assert search_of(tmp_path / "copied.yaml", exported, told).path == wanted.path
    assert search_of(tmp_path / "copied.yaml", exported, tmp_path) is None
    assert search_of(wanted.path / "plain.yaml", Export(wanted.spec().base), told) is None


def test_more_trials_than_finished_and_checkpoints_that_are_gone_are_refused(told):
    finished = len(SearchFolder(told / "told").history().ranked())
    for top in (0, finished + 1):
        with pytest.raises(InputError, match=f"--top: {finished} trials of told finished, but got {top}"):
            export("told", top=top, results=told)
    with pytest.raises(InputError, match=r"has no whole checkpoint left to export; search\.keep_best kept \d+"):
        export("told", results=told)
    assert not list((told / "told").glob("best-*"))
