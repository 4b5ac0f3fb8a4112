"""A search on twenty patients and its confirmation: no patient on two sides, and a test split that repeats stops it.

Modules: search.engine.copy_check
"""

import json
import shutil

import patients
import pytest

from search.engine import confirmation, copy_check
from search.evidence.candidates import fresh_seeds
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import openings
from spaces.spec import parse_spec
from trainers.data import load

SPEC = {
    "name": "moles",
    "model": {"width": 4, "projection_dim": 8},
    "representation": {"epochs": 1, "batch_size": 16},
    "classifier": {"epochs": 1},
    "search": {"trials": 0, "baselines": ["CL"], "scheduler": {"name": "none"}},
}


@pytest.fixture
def photos(tmp_path):
    """Sixteen patients to train and validate, and four that nobody has seen."""
    patients.in_folder(tmp_path / "photos" / "train", patients=16)
    patients.in_folder(tmp_path / "photos" / "test", first=16, patients=4)
    return tmp_path / "photos"


def spec_of(photos, **data):
    data = {"dataset": "folder", "path": str(photos), "image_size": 16, "val_per_class": 3} | data
    return SPEC | {"data": data}


def are_apart(arrays):
    train, validation = (set(patients.patients_of(part.images)) for part in (arrays.train, arrays.validation))
    return train.isdisjoint(validation) and len(train | validation) == 16


@pytest.mark.slow
def test_a_confirmations_fresh_splits_keep_patients_together(photos):
    spec = parse_spec(spec_of(photos))
    for seed in fresh_seeds(spec, "confirm-1", 50):
        assert are_apart(load(spec.data.model_copy(update={"seed": seed})))


@pytest.mark.slow
def test_a_confirmation_stops_at_copies_before_it_opens_the_test_split(
    photos, typed, tmp_path, shared_ray, monkeypatch
):
    shutil.copy(photos / "train" / "0-0.png", photos / "test" / "16-0.png")
    (tmp_path / "moles.yaml").write_text(json.dumps(spec_of(photos)))
    searched = typed("search", str(tmp_path / "moles.yaml"))
    assert searched.returncode == 0, searched.stderr
    assert "48 training images in 16 groups (labels.csv: group)" in searched.stdout
    folder = SearchFolder(tmp_path / "results" / "moles")

    stopped = typed("confirm", "moles", "--seeds", "2")
    assert stopped.returncode == 2
    assert stopped.stderr.count("\n") == 1
    assert "1 test image is a copy of training images (16-0.png of 0-0.png)" in stopped.stderr
    assert "--allow-copies" in stopped.stderr
    assert openings(folder.test_openings) == []
    assert folder.confirmations() == []

    seen = []
    monkeypatch.setattr(confirmation, "load", lambda *given: seen.append(load(*given)) or seen[-1])
    confirmed = typed("confirm", "moles", "--seeds", "2", "--allow-copies")
    assert confirmed.returncode == 0, confirmed.stderr
    assert "Allowed by --allow-copies: 1 test image is a copy" in confirmed.stdout
    assert len(seen) == 3
    assert all(are_apart(arrays) for arrays in seen)
    (begun,) = folder.confirmations()
    assert begun.about()["confirms"]["allowed"] == ["1 test image is a copy of training images (16-0.png of 0-0.png)"]
    assert "Allowed by --allow-copies: 1 test image is a copy" in folder.report.read_text()

    typed("export", "moles")
    refused = typed("train", str(folder.path / "best-1.yaml"), "--test", "--again")
    assert refused.returncode == 2
    assert "1 test image is a copy" in refused.stderr
    trained = typed("train", str(folder.path / "best-1.yaml"), "--test", "--again", "--allow-copies", "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["same"]
    assert openings(folder.test_openings)[-1].by == "train best-1.yaml --allow-copies"


def test_a_test_split_of_its_own_stops_nobody(photos):
    said = []
    assert copy_check.refuse_faults(parse_spec(spec_of(photos)).data, None, allow=False, say=said.append) == []
    assert said == []
