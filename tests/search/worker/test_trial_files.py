"""A trial's files in a store, as its worker writes them."""

import time
from contextlib import closing
from functools import partial
from types import SimpleNamespace

import pytest
from stores import Failing

from search.storage import places
from search.storage.fetch import bring_log
from search.storage.object_store import StorageError, storage_at
from search.storage.trial_folder import trial_path
from search.worker import trial_files
from search.worker.trial_files import StoredTrial
from trainers.checkpoint import Checkpoint


def checkpoint(tiny_config, epoch):
    import torch

    empty = torch.zeros(0)
    raw = tiny_config.model_dump(mode="json")
    return Checkpoint(epoch, {"x": 0.5}, empty, raw, "print", ["a", "b"], empty, empty, {})


def saved(place) -> list[int]:
    return [int(name.split("-")[1]) for name in place.names("checkpoints")]


def test_a_trials_worker_keeps_its_newest_two_checkpoints_there(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(trial_files, "SAFE_AGE", 0.0)  # each epoch takes longer
    place = storage_at((tmp_path / "store").as_uri())
    for _ in range(2):  # a worker, and the one after it
        files = StoredTrial(place)
        before = files.newest()
        for epoch in range(1 if before is None else before.epoch + 1, 4 if before is None else 6):
            files.save(checkpoint(tiny_config, epoch))
        files.close()
    assert saved(place) == [4, 5]
    newest = place.names("checkpoints")[-1]
    place.put(newest, b"damaged")
    with closing(StoredTrial(place)) as files:
        found = files.newest()
    assert found is not None
    assert found.epoch == 4


def test_of_a_trial_whose_epochs_are_short_an_older_checkpoint_stays_there_too(tiny_config, tmp_path, monkeypatch):
    """With its host a driver loses the journal's last second, and with that every checkpoint that is newer."""
    now = 100.0
    monkeypatch.setattr(trial_files, "time", SimpleNamespace(monotonic=lambda: now, time_ns=time.time_ns))
    place = storage_at((tmp_path / "store").as_uri())
    with closing(StoredTrial(place)) as files:
        for epoch in range(1, 50):  # half a second each
            files.save(checkpoint(tiny_config, epoch))
            now += 0.5
    assert saved(place) == [21, 41, 48, 49]
    with closing(StoredTrial(place)) as files:  # its worker died
        files.save(checkpoint(tiny_config, 50))
    assert saved(place) == [21, 49, 50]


@pytest.mark.slow
def test_a_worker_waits_for_a_store_that_does_not_answer(tiny_config, tmp_path, monkeypatch):
    import threading

    files = StoredTrial(Failing((tmp_path / "store").as_uri()))
    Failing.answers = False
    threading.Timer(0.5, partial(setattr, Failing, "answers", True)).start()
    files.save(checkpoint(tiny_config, 1))
    monkeypatch.setattr(places, "PATIENCE", 0.3)
    Failing.answers = False
    with pytest.raises(StorageError, match="nobody there"):
        files.save(checkpoint(tiny_config, 2))
    Failing.answers = True
    found = files.newest()
    files.close()
    assert found is not None
    assert found.epoch == 1


def test_a_trials_attempts_are_one_log(kept):
    for text in ("one\n", "two\n"):
        files = StoredTrial(kept.storage / trial_path(0))
        with files.open_log() as log:
            print(text[:2], end="", file=log)
            files.send_log()
            print(text[2:], end="", file=log)
        files.send_log()
        files.close()
    bring_log(kept, 0)
    assert kept.trial(0).log.read_text() == "one\ntwo\n"
