import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.data import load_test
from trainers.errors import InputError
from trainers.pipeline import run_trial
from trainers.predictor import Predictor, score_split


@pytest.fixture(scope="module")
def checkpoints(tiny_config, digits, tmp_path_factory):
    """Every checkpoint of one trial, written and read back, by epoch."""
    folder, paths = tmp_path_factory.mktemp("checkpoints"), []
    torch.set_num_threads(1)
    run_trial(tiny_config, digits, lambda *_: None, save=lambda c: paths.append(save_checkpoint(c, folder, keep=99)))
    return {int(path.name.split("-")[1]): load_checkpoint(path) for path in paths}


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
