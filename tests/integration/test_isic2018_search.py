"""spaces/isic2018.yaml on a generated tree in the official layout: bad files, then search, export, confirmation."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from search import api
from spaces.spec import load_spec
from trainers.config import METRIC

sys.path.append(str(Path(__file__).parents[1] / "trainers" / "data"))

import lesions

pytestmark = pytest.mark.slow
SCALED_DOWN = [
    "data.image_size=16",
    "data.val_per_class=2",
    "model.stem=small",
    "model.encoder=small",
    "representation.epochs=3",
    "representation.warmup_epochs=0",
    "representation.batch_size=64",
    "classifier.solver=adamw",
    "classifier.epochs=2",
    "search.trials=2",
    "search.baselines=[CL]",
    "search.scheduler.grace=1",
    "resources={cpus: 1, gpus: 0}",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return lesions.make(tmp_path_factory.mktemp("isic") / "official", sizes=(24, 60, 16, 14, 24, 10, 12), test=2)


@pytest.fixture(scope="module")
def words(tree):
    return [word for one in (*SCALED_DOWN, f"data.path={tree}") for word in ("--set", one)]


def test_bad_files_are_told_by_name_before_anything_trains(words, tree, typed, tmp_path):
    spoilt = tree / "ISIC2018_Task3_Training_Input" / "ISIC_0024003.jpg"
    whole = spoilt.read_bytes()
    spoilt.write_bytes(whole[: len(whole) // 2])
    try:
        refused = typed("search", "isic2018", *words, results=tmp_path / "none")
    finally:
        spoilt.write_bytes(whole)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "ISIC_0024003.jpg" in refused.stderr
    assert not (tmp_path / "none").exists()


def test_a_search_runs_end_to_end(words, shared_ray, tree, typed, tmp_path):
    results = tmp_path / "results"
    ran = typed("search", "isic2018", *words, results=results)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    shown = json.loads(typed("show", "isic2018", "--json", results=results).stdout)
    finished = [trial for trial in shown["trials"] if trial["state"] == "finished"]
    assert finished
    spec = load_spec(results / "isic2018" / "spec.yaml")
    assert spec.search.metric_key == METRIC  # the challenge's own
    about = json.loads((results / "isic2018" / "search.json").read_text())["provenance"]["data"]
    assert list(about["validation"]) == ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    assert set(about["validation"].values()) == {2}
    assert about["train"]["NV"] > about["train"]["DF"]
    recalls = json.loads((results / "isic2018" / "trials" / f"{finished[0]['id']:04}" / "result.json").read_text())
    assert sum(recalls["recall"].values()) / 7 == pytest.approx(finished[0]["score"])

    exported = typed("export", "isic2018", results=results)
    assert exported.returncode == 0
    best = results / "isic2018" / "best-1.yaml"
    trained = json.loads(typed("train", str(best), "--json", results=results).stdout)
    assert trained["same"]
    assert yaml.safe_load(best.read_text())["expected"]["value"] == trained["value"]

    confirmed = typed("confirm", "isic2018", "--seeds", "2", results=results)
    assert confirmed.returncode == 0, confirmed.stdout + confirmed.stderr
    assert "2 fresh seeds, scored on 14 test images" in confirmed.stdout
    assert api.resume("isic2018", results=results).reason == "done"
