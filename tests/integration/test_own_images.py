"""A search on one's own images, as they come: transparent, of 12 bits, with a validation split of their own."""

import json

import numpy as np
import pytest
import yaml
from pictures import deep_png, noise
from PIL import Image

from search.storage.search_folder import SearchFolder
from trainers.checkpoint import load_checkpoint
from trainers.predictor import Predictor

pytestmark = pytest.mark.slow
LOOK = {"mode": "L", "size": [16, 16], "background": "white", "fit": "pad", "scales": {"integers": [0, 4095]}}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """train/, val/ and test/ of two classes that can be told apart, whose corners are transparent."""
    top = tmp_path_factory.mktemp("own images")
    for first, (place, number) in enumerate((("train", 12), ("val", 4), ("test", 4))):
        for k, name in enumerate(("dark", "light")):
            for each in range(number):
                pixels = noise(1000 * k + 100 * first + each, 12, 20, high=1500, kind=np.uint16) + 1500 * k + 1
                pixels[:3, :3] = 0
                deep_png(top / place / name / f"{place}{each}.png", pixels, clear=(0,))
    return top


@pytest.fixture(scope="module")
def spec(images):
    return {
        "name": "own",
        "data": {"dataset": "folder", "path": str(images), "image_size": 16, "fit": "pad"},
        "model": {"encoder": "small", "width": 4, "projection_dim": 8},
        "representation": {"epochs": 2, "batch_size": 8},
        "classifier": {"epochs": 2, "batch_size": 8},
        "space": {"loss.temperature": {"loguniform": [0.03, 1.0]}},
        "search": {"trials": 1, "baselines": ["CL"], "scheduler": {"name": "none"}},
        "resources": {"cpus": 1, "gpus": 0},
    }


def test_they_are_searched_exported_trained_again_confirmed_and_shown(spec, images, shared_ray, typed, tmp_path):
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(spec))
    results = tmp_path / "results"

    def done(*words):
        told = typed(*words, results=results)
        assert told.returncode == 0, told.stderr
        return told.stdout

    assert "with a validation split of their own" in done("search", str(tmp_path / "own.yaml"))
    folder = SearchFolder(results / "own")
    assert folder.about()["provenance"]["data"]["validation"] == {"dark": 4, "light": 4}
    assert "data:image/jpeg;base64," in folder.report.read_text()

    done("export", "own")
    assert yaml.safe_load((folder.path / "best-1.yaml").read_text())["expected"]["look"] == LOOK
    checkpoint = load_checkpoint(folder.path / "best-1.pt")
    assert checkpoint.look == LOOK
    read = Predictor(checkpoint).read(sorted((images / "val" / "dark").iterdir()))
    assert (read[:, 0, 3, 0] == 255).all()  # the corner, below the padding
    assert "the same, to the last digit" in done("train", str(folder.path / "best-1.yaml"))

    told = done("confirm", "own", "--seeds", "2")
    assert "the validation split is your own and stays: the seeds vary initialisation" in told
    assert "no interval covers the luck of a split" in told
    verdict = json.loads((folder.path / "confirm-1" / "verdict.json").read_text())
    assert any("the same for every seed" in caveat for caveat in verdict["caveats"])
    with Image.open(folder.contact_sheet) as sheet:
        assert sheet.width > 600
