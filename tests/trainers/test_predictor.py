import numpy as np
import pytest
import torch
from pictures import deep_png, noise
from sklearn.metrics import balanced_accuracy_score

from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.config import TrialConfig
from trainers.data import load, load_test
from trainers.errors import InputError
from trainers.parsing import parse
from trainers.pipeline import run_trial
from trainers.predictor import Predictor, score_split


@pytest.fixture(scope="module")
def checkpoints(tiny_config, digits, tmp_path_factory):
    """Every checkpoint of one trial, written and read back, by epoch."""
    folder, paths = tmp_path_factory.mktemp("checkpoints"), []
    torch.set_num_threads(1)
    run_trial(tiny_config, digits, lambda *_: None, save=lambda c: paths.append(save_checkpoint(c, folder, keep=99)))
    return {int(path.name.split("-")[1]): load_checkpoint(path) for path in paths}


@pytest.mark.slow
def test_a_checkpoint_alone_scores_as_the_trial_did_to_the_bit(checkpoints, digits, tiny_config):
    last = checkpoints[tiny_config.last_epoch]
    scores = score_split(Predictor(last), digits.validation)
    assert scores.metrics["balanced_accuracy"] == last.metrics["val_balanced_accuracy"]
    assert scores.confusion == last.confusion.tolist()


def test_the_test_splits_score_is_that_of_its_predictions(checkpoints, tiny_config):
    test = load_test(tiny_config.data)
    scores = score_split(Predictor(checkpoints[tiny_config.last_epoch]), test)
    assert scores.metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(test.labels, scores.predicted))
    assert len(scores.predicted) == len(test) == sum(map(sum, scores.confusion))


def test_predicting_leaves_the_networks_as_they_were(checkpoints, tiny_config, digits):
    predictor = Predictor(checkpoints[tiny_config.last_epoch])
    before = {name: value.clone() for name, value in predictor.state_dict().items()}
    images = torch.from_numpy(digits.validation.images.copy())
    assert torch.equal(predictor(images), predictor(images))
    assert all(torch.equal(value, before[name]) for name, value in predictor.state_dict().items())


def test_a_checkpoint_of_stage_one_cannot_classify_and_says_so(checkpoints):
    with pytest.raises(InputError, match="epoch 1 is of stage one"):
        Predictor(checkpoints[1])


@pytest.fixture
def trained_on_files(tmp_path):
    """A checkpoint of a trial on grey images of 12 bits, one of them transparent, and the folder of the images."""
    for k, name in enumerate(("cat", "dog")):
        for number in range(8):
            pixels = noise(10 * k + number, 12, 20, high=2048 * (k + 1), kind=np.uint16)
            deep_png(tmp_path / "images" / name / f"{number}.png", pixels, clear=(int(pixels[0, 0]),))
    data = {"dataset": "folder", "path": str(tmp_path / "images"), "image_size": 16, "fit": "pad", "val_per_class": 2}
    stages = {"representation": {"epochs": 1, "batch_size": 8}, "classifier": {"epochs": 1, "batch_size": 4}}
    config = parse(TrialConfig, {"data": data, "model": {"width": 4, "projection_dim": 8}, **stages})
    kept = []
    run_trial(config, load(config.data), lambda *_: None, save=kept.append)
    path = save_checkpoint(kept[-1], tmp_path / "checkpoints")
    return load_checkpoint(path), tmp_path / "images", load(config.data)


def test_files_are_read_as_the_training_images_were_and_scaled_alike(trained_on_files):
    checkpoint, folder, data = trained_on_files
    assert checkpoint.look["scales"] == {"integers": [0, 4095]}
    predictor = Predictor(checkpoint)
    images = predictor.read(sorted((folder / "cat").iterdir())).numpy()  # alone they would have 11 bits
    known = {image.tobytes() for image in np.concatenate([data.train.images, data.validation.images])}
    assert {image.tobytes() for image in images} <= known
    assert predictor(torch.from_numpy(images)).shape == (8, 2)


def test_files_that_cannot_be_read_are_named(trained_on_files):
    checkpoint, folder, _ = trained_on_files
    (folder / "cat" / "0.png").write_bytes(b"hello")
    with pytest.raises(InputError, match=r"0\.png \(is no image\)"):
        Predictor(checkpoint).read([folder / "cat" / "0.png"])


def test_a_trial_on_no_files_reads_none(checkpoints, tiny_config):
    last = checkpoints[tiny_config.last_epoch]
    assert last.look is None
    with pytest.raises(InputError, match="was not trained on image files"):
        Predictor(last).read([])
