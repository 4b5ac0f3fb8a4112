"""A package of a user's own, installed beside ours: searched with, exported, trained again."""

import json
import os

import numpy as np
import pytest
from own_package import write_package
from searches import TINY
from words import BAD_INPUT, done

from search.storage.search_folder import SearchFolder

pytestmark = pytest.mark.slow
OWN = ["search.trials=1", "search.baselines=[CL, 'userparts.losses:asks']", "search.final=null"]
OWN += ["model.encoder=userparts.models:build", "loss.name=userparts.losses:triplet"]
OWN += ["search.sampler=userparts.samplers:propose", "space={own_loss.triplet.margin: {uniform: [0.1, 0.9]}}"]
OWN += ["data={dataset: 'userparts.data:load', val_per_class: 15}"]


def test_a_search_with_parts_of_ones_own_runs_and_goes_on_with_that_source_alone(afcl, tmp_path, monkeypatch):
    package = write_package(tmp_path / "site", "userparts", monkeypatch)
    path = os.pathsep.join(filter(None, [str(package.parent), os.environ.get("PYTHONPATH", "")]))
    results = tmp_path / "results"

    def typed(*words):
        return afcl(*words, results=results, PYTHONPATH=path)

    words = [word for change in (*TINY, *OWN) for word in ("--set", change)]
    done(typed("search", "digits", "--name", "own", *words))
    folder = SearchFolder(results / "own")
    assert folder.spec().model.encoder.startswith("userparts.models:build#sha256=")
    assert folder.spec().loss.name.startswith("userparts.losses:triplet#sha256=")
    assert folder.spec().search.sampler.startswith("userparts.samplers:propose#sha256=")
    trials = folder.history().trials.values()
    assert {trial.state for trial in trials} <= {"finished", "stopped"}
    assert [trial.family for trial in trials] == ["CL", "asks", "triplet"]
    assert "userparts dark, light 45:45 from userparts.data:load (source " in done(typed("show", "own"))
    confirmed = typed("confirm", "own", "--seeds", "2", "--json")
    assert (confirmed.returncode, "test_balanced_accuracy" in confirmed.stdout) == (0, True)
    verdict = json.loads(folder.confirmations()[0].verdict.read_text())
    assert {"CL", "asks"} <= {one["label"] for one in verdict["candidates"]} <= {"CL", "asks", "triplet"}
    done(typed("report", "own"))
    assert "asks" in (results / "own" / "index.html").read_text()
    registered = next((results / "mlartifacts").rglob("MLmodel")).parent
    assert (registered / "code" / "userparts" / "models.py").is_file()  # whoever loads it need not have the package
    exported = done(typed("export", "own")).strip()
    for name, level in (("dark", 60), ("light", 120)):
        np.save(tmp_path / f"{name}.npy", np.full((8, 8), level, np.uint8))
    np.save(tmp_path / "large.npy", np.zeros((9, 9), np.uint8))
    files = [str(tmp_path / f"{name}.npy") for name in ("dark", "light", "large")]
    ended = afcl("predict", exported, *files, "--json", results=None, PYTHONPATH=path)
    assert ended.returncode == 0, ended.stderr
    predicted = json.loads(ended.stdout)["images"]
    assert [one["class"] for one in predicted] == ["dark", "light", None]
    assert predicted[2]["problem"] == "read_image raises ValueError: (9, 9) is not what I know"
    trained = json.loads(done(afcl("train", exported, "--json", results=None, PYTHONPATH=path)))
    assert trained["same"]
    models = package / "models.py"
    models.write_text(models.read_text() + "\n# a comment\n")
    assert json.loads(done(afcl("train", exported, "--json", results=None, PYTHONPATH=path)))["same"]
    models.write_text(models.read_text().replace("AdaptiveAvgPool2d(4)", "AdaptiveMaxPool2d(4)"))
    for refused in (
        typed("extend", "own", "--trials", "1"),
        typed("confirm", "own", "--again", "--seeds", "2"),  # before a run of it fails, and the split is opened
        afcl("train", exported, results=None, PYTHONPATH=path),
    ):
        assert refused.returncode == BAD_INPUT
        assert "the source of userparts.models has changed since the search began" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
