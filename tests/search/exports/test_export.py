"""An export is one tuple: configuration, weights, score and where it came from."""

import hashlib
import json

import pytest
import torch
import yaml
from words import NAME, done


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
