"""A trial's files: the same names, content and answers on a disk and in a store."""

import json

import numpy as np
import pytest
import torch

from search.storage.object_store import storage_at
from search.storage.places import DiskPlace, PatientPlace
from search.storage.trial_folder import Scores, TrialFiles, TrialFolder, checkpoints_of, trial_of, trial_path
from trainers.checkpoint import Checkpoint, packed


@pytest.fixture(params=["disk", "store"])
def trial(request, tmp_path):
    there = tmp_path / "0007"
    return TrialFiles(DiskPlace(there) if request.param == "disk" else PatientPlace(storage_at(there.as_uri())))


def left(tmp_path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (tmp_path / "0007").iterdir()}


def checkpoint(epoch) -> Checkpoint:
    empty = torch.zeros(0)
    return Checkpoint(epoch, {"x": 0.5}, empty, {}, "print", ["a", "b"], empty, empty, {})


def test_every_file_has_the_name_and_content_that_older_versions_gave_it(trial, tmp_path):
    trial.write_result({"recall": [0.5]})
    trial.has_met("ValueError: η")
    trial.give_up("out of memory")
    trial.note_node("a1")
    assert left(tmp_path) == {
        "result.json": '{\n "recall": [\n  0.5\n ]\n}\n',
        "last-error.txt": "ValueError: η",
        "gave-up.txt": "out of memory",
        "node.txt": "a1",
    }


def test_an_error_is_met_when_it_is_the_last_one_again(trial):
    assert not trial.has_met("ValueError: one")
    assert not trial.has_met("ValueError: another")
    assert trial.has_met("ValueError: another")


def test_the_reason_to_give_up_is_told_once(trial):
    assert trial.take_reason_to_give_up() is None
    trial.give_up("one line")
    assert trial.take_reason_to_give_up() == ("one line", False)
    assert trial.take_reason_to_give_up() is None
    trial.give_up("one line", by_values=True)
    assert trial.take_reason_to_give_up() == ("one line", True)
    assert trial.take_reason_to_give_up() is None


def test_a_node_is_noted_until_it_is_taken(trial):
    assert trial.noted_node() is None
    assert trial.take_noted_node() is None
    trial.note_node("a1")
    assert trial.noted_node() == "a1"
    assert trial.take_noted_node() == "a1"
    assert trial.noted_node() is None


def test_a_result_is_read_as_it_was_written(trial):
    assert trial.read_result() is None
    trial.write_result({"recall": [0.5, 1.0]})
    assert trial.read_result() == {"recall": [0.5, 1.0]}


def test_scores_are_read_as_they_were_written(trial):
    assert trial.read_scores() is None
    logits, labels = np.array([[0.1, -3e8], [0.1, 2.0]], dtype=np.float32), np.array([1, 0])
    trial.write_scores(Scores(logits, labels, -logits, labels[::-1]))
    again = trial.read_scores()
    assert again.validation.dtype == np.float32
    assert (again.validation.tolist(), again.test.tolist()) == (logits.tolist(), (-logits).tolist())
    assert (again.validation_labels.tolist(), again.test_labels.tolist()) == ([1, 0], [0, 1])


def test_the_newest_checkpoint_is_the_newest_whole_one(trial):
    assert trial.newest() is None
    for epoch in (9, 10, 11):
        name, content = packed(checkpoint(epoch))
        trial.place.put(f"checkpoints/{name}", b"damaged" if epoch == 11 else content)
    trial.place.put("checkpoints/notes.txt", b"no checkpoint")
    assert [int(name.split("-")[1]) for name in trial.checkpoint_names()] == [11, 10, 9]
    newest = trial.newest()
    assert newest is not None
    assert newest.epoch == 10


def test_the_paths_of_a_folder_are_those_that_the_trial_writes(tmp_path):
    folder = TrialFolder(tmp_path / "0007")
    folder.write_result({"recall": []})
    assert json.loads(folder.result.read_text()) == {"recall": []}
    for epoch in (1, 2, 3):
        name, content = packed(checkpoint(epoch))
        folder.place.put(f"checkpoints/{name}", content)
    folder.drop_checkpoints(1)
    assert [f"checkpoints/{path.name}" for path in folder.checkpoint_paths()] == folder.checkpoint_names()
    assert folder.checkpoint_paths()[0].parent == folder.checkpoints


def test_a_file_of_a_search_tells_its_trial():
    assert trial_of(f"{trial_path(12)}/result.json") == 12
    assert trial_of("trials/0012") is None
    assert trial_of("journal.jsonl") is None
    names = [f"{trial_path(12)}/checkpoints/epoch-0000{epoch}-a.pt" for epoch in (1, 2)]
    assert checkpoints_of([*names, f"{trial_path(12)}/log.txt"]) == {12: names[::-1]}
