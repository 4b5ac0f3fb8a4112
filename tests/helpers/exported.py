"""An export, made by hand."""

import json
from pathlib import Path

import yaml


def export_of(told: Path) -> dict:
    """A whole export, as `afcl export` writes it."""
    config = yaml.safe_load((told / "told" / "spec.yaml").read_text())
    names = ("data", "model", "loss", "representation", "classifier", "seed", "deterministic")
    about = json.loads((told / "told" / "search.json").read_text())["provenance"]
    expected = {
        "metric": "val_balanced_accuracy",
        "value": 0.5,
        "epoch": 3,
        "data_fingerprint": about["data"]["fingerprint"],
        "data": about["data"]["description"],
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "cpu": about["machine"]["cpu"],
        "versions": about["versions"],
    }
    return {"config": {name: config[name] for name in names}, "expected": expected}
