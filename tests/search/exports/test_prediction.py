"""Classes for image files from an export alone. See search.exports.prediction."""

import pytest
import torch
import yaml
from exported import export_of
from exported_model import CLASSES, draw, rows_of
from words import BAD_ENVIRONMENT, done

import search
from search.exports.prediction import decide, device_named
from trainers.checkpoint import load_checkpoint
from trainers.errors import EnvironmentProblem, InputError
from trainers.predictor import Predictor


def test_each_image_below_a_folder_has_its_class_and_the_probability_of_every_class(model, pictures, typed):
    rows = rows_of(done(typed("predict", str(model), str(pictures))))
    assert [row["file"] for row in rows] == [str(pictures / "site" / f"{number}.png") for number in range(3)]
    assert [row["class"] for row in rows] == ["dark", "light", "dark"]
    for row in rows:
        chances = {name: float(row[f"p {name}"]) for name in CLASSES}
        assert sum(chances.values()) == pytest.approx(1)
        assert max(chances, key=chances.get) == row["class"]
        assert (row["threshold"], row["problem"]) == ("", "")


def test_the_images_that_it_learned_from_get_the_trials_own_probabilities(model, trained):
    """Images are read as in training, and the weights are the trial's."""
    folder = trained.parent.parent / "images"
    found = search.predict(model, [folder])
    predictor = Predictor(load_checkpoint(model.with_name("best-1.pt")))
    read = predictor.read(sorted(folder.rglob("*.png")))
    expected = predictor(read).double().softmax(1)
    assert torch.equal(torch.tensor([row.probabilities for row in found.rows], dtype=torch.float64), expected)


def test_more_images_than_fit_into_memory_at_once_are_told_in_their_order(model, tmp_path, monkeypatch):
    monkeypatch.setattr("search.exports.prediction.AT_ONCE", 4)
    for number in range(11):
        draw(tmp_path / "many" / f"{number:02}.png", number, (60, 190)[number % 2])
    (tmp_path / "many" / "05.png").write_bytes(b"")
    found = search.predict(model, [tmp_path / "many"])
    assert [row.file for row in found.rows] == sorted(str(path) for path in (tmp_path / "many").iterdir())
    assert [row.class_name for row in found.rows] == [
        None if number == 5 else CLASSES[number % 2] for number in range(11)
    ]


def test_a_class_with_a_threshold_is_said_from_that_probability_on():
    names, sure = ("a", "b", "c"), (0.2, 0.5, 0.3)
    assert decide(sure, names, {}) == ("b", None)
    assert decide(sure, names, {"a": 0.2}) == ("a", 0.2)
    assert decide(sure, names, {"a": 0.21}) == ("b", None)
    assert decide(sure, names, {"b": 0.6}) == ("c", None)  # not reached: the most probable of the others
    assert decide(sure, names, {"a": 0.1, "c": 0.3}) == ("c", 0.3)
    assert decide(sure, names, dict.fromkeys(names, 0.9)) == ("b", None)


def test_thresholds_come_from_the_export_or_the_command(trained, pictures, typed, tmp_path):
    document = yaml.safe_load(trained.read_text())
    kept = {"probability": 1e-9, "wanted_sensitivity": 0.9, "sensitivity": 1.0, "specificity": 0.0, "images": 4}
    with_threshold = trained.with_name("best-2.yaml")
    with_threshold.write_text(yaml.safe_dump(document | {"thresholds": {"light": kept}}))
    rows = rows_of(done(typed("predict", str(with_threshold), str(pictures))))
    assert [(row["class"], row["threshold"]) for row in rows] == [("light", "1e-09")] * 3
    rows = rows_of(done(typed("predict", str(with_threshold), str(pictures), "--threshold", "dark=1e-9")))
    assert [row["class"] for row in rows] == ["dark"] * 3


def test_folders_without_images_and_paths_that_are_not_there_are_told(model, typed, tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "1.dcm").write_bytes(b"")
    assert "holds no image that is read, but 1 .dcm" in typed("predict", str(model), str(tmp_path / "scans")).stderr
    assert "no such file or folder" in typed("predict", str(model), str(tmp_path / "nowhere")).stderr


def test_weights_that_are_gone_or_others_and_a_plain_config_are_told(model, pictures, typed, told, tmp_path):
    weights = model.with_name("best-1.pt")
    weights.write_bytes(weights.read_bytes() + b"x")
    refused = typed("predict", str(model), str(pictures))
    assert (refused.returncode, "is not the file that best-1.yaml was exported with" in refused.stderr) == (3, True)
    weights.unlink()
    refused = typed("predict", str(model), str(pictures))
    assert refused.returncode == BAD_ENVIRONMENT
    assert "the weights must lie beside best-1.yaml" in refused.stderr
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(export_of(told)))
    assert "has no weights; only what `afcl export` wrote can predict" in typed("predict", str(plain), "x").stderr


def test_a_device_is_one_that_is_here(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert device_named(None) == device_named("cpu") == torch.device("cpu")
    with pytest.raises(EnvironmentProblem, match="torch sees 0 GPUs here, so there is no cuda:1"):
        device_named("cuda:1")
    with pytest.raises(InputError, match="must be cpu, cuda or mps"):
        device_named("banana")


def test_apples_gpu_is_taken_where_it_is_and_told_of_where_it_is_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device_named(None) == device_named("mps") == torch.device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device_named(None) == torch.device("cpu")
    with pytest.raises(EnvironmentProblem, match="torch sees no GPU of Apple's here, so there is no mps"):
        device_named("mps")
