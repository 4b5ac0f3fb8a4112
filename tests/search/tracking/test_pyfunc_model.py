"""The confirmed winner as MLflow serves it. tests/integration loads a registered one from its store."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from exported_model import draw, export_of_files
from trials import run

from search.exports.prediction import predict
from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.predictor import Predictor

pytestmark = pytest.mark.slow  # MLflow takes seconds to import


@pytest.fixture(scope="module")
def weights(tmp_path_factory, tiny_config, digits):
    folder = tmp_path_factory.mktemp("weights")
    _, saved, _ = run(tiny_config, digits)
    save_checkpoint(saved[max(saved)], folder, keep=1)
    return next(folder.glob("*.pt"))


@pytest.fixture
def model(weights):
    with warnings.catch_warnings(action="ignore"):  # MLflow's, of its own classes
        from search.tracking.pyfunc_model import ImageClassifier

    made = ImageClassifier()
    made.load_context(SimpleNamespace(artifacts={"weights": str(weights)}))
    return made


def test_each_image_has_a_row_of_its_class_and_every_probability(model, weights, digits):
    images = digits.validation.images[:5]
    found = model.predict(None, np.array(images))
    assert list(found.columns) == ["class", "p 3", "p 8"]
    assert len(found) == 5
    assert np.allclose(found[["p 3", "p 8"]].sum(axis=1), 1)
    likely = found[["p 3", "p 8"]].idxmax(axis=1).str.removeprefix("p ")
    assert list(likely) == list(found["class"])


def test_it_says_what_the_trial_itself_would(model, weights, digits):
    predictor, images = Predictor(load_checkpoint(weights)), digits.validation.images
    ours = [predictor.class_names[k] for k in predictor(torch.from_numpy(images)).argmax(1)]
    assert list(model.predict(None, np.array(images))["class"]) == ours


def test_images_may_come_as_whole_numbers_of_any_kind(model, digits):
    images = np.array(digits.validation.images[:3])
    assert model.predict(None, images.astype(np.int64)).equals(model.predict(None, images))


def test_it_says_what_predict_says_to_the_last_digit(model, tmp_path):
    export = export_of_files(tmp_path)
    for number, level in enumerate((60, 125, 190)):
        draw(tmp_path / "new" / f"{number}.png", number, level)
    here = predict(export, [tmp_path / "new"]).as_frame()
    weights = export.with_name("best-1.pt")
    model.load_context(SimpleNamespace(artifacts={"weights": str(weights)}))
    images = Predictor(load_checkpoint(weights)).read(sorted((tmp_path / "new").iterdir()))
    columns = ["class", "p dark", "p light"]
    assert model.predict(None, images.numpy())[columns].equals(here[columns])
