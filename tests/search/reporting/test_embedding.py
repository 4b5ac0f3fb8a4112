"""Pictures of what an encoder makes of the validation images."""

import hashlib
import io
import shutil
from pathlib import Path

import pytest
import torch

from search.reporting.context import read_view
from search.reporting.embedding import embeddings, points_of
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError


def with_checkpoint(folder: SearchFolder, number: int, trained: Path) -> None:
    shutil.copytree(trained, folder.trial(number).checkpoints)


@pytest.mark.slow
def test_an_embedding_is_computed_once_and_outlives_its_checkpoint(played, trained, digits):
    with_checkpoint(played, 0, trained)
    trial = played.trial(0)
    made = points_of(trial, lambda: digits)
    assert len(made["points"]) == len(made["labels"]) == len(digits.validation.labels)
    assert sorted(made["labels"]) == sorted(digits.validation.labels.tolist())
    spread = [max(p[n] for p in made["points"]) - min(p[n] for p in made["points"]) for n in (0, 1)]
    assert spread[0] > 0
    assert made["explained"][0] >= made["explained"][1] > 0

    def not_again():
        raise AssertionError("it stands in the trial's folder")

    assert points_of(trial, not_again) == made
    trial.drop_checkpoints()
    assert points_of(trial, not_again) == made
    trial.embedding.unlink()
    with pytest.raises(InputError, match="its checkpoint is gone"):
        points_of(trial, not_again)


def test_an_embedding_is_the_same_when_it_is_made_again(played, trained, digits):
    with_checkpoint(played, 0, trained)
    made = points_of(played.trial(0), lambda: digits)
    played.trial(0).embedding.unlink()
    assert points_of(played.trial(0), lambda: digits) == made


def test_a_checkpoint_of_another_code_makes_no_picture(played, trained, digits):
    """Its content has a field less than a checkpoint has here."""
    checkpoints = played.trial(0).checkpoints
    checkpoints.mkdir(parents=True)
    stored = torch.load(next(trained.glob("*.pt")), weights_only=True)
    del stored["class_names"]
    buffer = io.BytesIO()
    torch.save(stored, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    (checkpoints / f"epoch-00007-{digest}.pt").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="written by other code"):
        points_of(played.trial(0), lambda: digits)


@pytest.mark.slow
def test_the_winners_picture_stands_beside_that_of_the_best_cl_trial(played, trained, digits):
    view = read_view(played)
    contrast = next(trial for trial in view.ranked if trial.family == "CL")
    assert contrast is not view.ranked[0]
    for trial in (view.ranked[0], contrast):
        with_checkpoint(played, trial.number, trained)
        points_of(played.trial(trial.number), lambda: digits)
    made = embeddings(view)
    assert [one.slug for one in made.figures] == [f"embedding-{t.number:04d}" for t in (view.ranked[0], contrast)]
    assert "A picture and no evidence" in made.html
    assert "No picture" not in made.html


def test_a_picture_that_cannot_be_had_is_a_sentence(played, trained):
    """The winner's data is not what this machine has; CL's checkpoint is gone."""
    view = read_view(played)
    with_checkpoint(played, view.ranked[0].number, trained)
    said = embeddings(view)
    assert not said.figures
    assert f"No picture of trial {view.ranked[0].number}" in said.html
    assert "the data here is not what the search ran on" in said.html
    assert "its checkpoint is gone" in said.html
