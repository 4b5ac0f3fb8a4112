"""A finished trial's classifier, from its kept checkpoint. See search.evidence.kept_model."""

import pytest
from scored import scored_search

from search.evidence.kept_model import kept_model
from trainers.data import load
from trainers.errors import InputError
from trainers.predictor import score_split


def test_a_kept_model_scores_as_its_trial_did_and_one_that_cannot_be_used_says_why(tmp_path):
    folder = scored_search(tmp_path)
    data, trial, files = load(folder.spec().data), folder.history().trials[0], folder.trial(0)
    checkpoint, predictor = kept_model(files, data.fingerprint)
    assert checkpoint.epoch == trial.epoch
    assert score_split(predictor, data.validation).metrics["balanced_accuracy"] == trial.score
    with pytest.raises(InputError, match="written on other data"):
        kept_model(files, "0" * 64)
    (newest, *_) = files.checkpoint_paths()
    files.drop_checkpoints(1)
    newest.write_bytes(b"spoilt")
    with pytest.raises(InputError, match="is damaged"):
        kept_model(files, data.fingerprint)
    files.drop_checkpoints()
    with pytest.raises(InputError, match="is gone"):
        kept_model(files, data.fingerprint)
