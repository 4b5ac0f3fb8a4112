"""A trial's files in a store, as its worker writes them."""

from contextlib import closing
from functools import partial

import pytest
from stores import Failing

from search.bringing import bring_log
from search.storage import StorageError, storage_at
from search.stored_trial import StoredTrial
from search.trial_folder import trial_path
from trainers.checkpoint import Checkpoint


def checkpoint(tiny_config, epoch):
    import torch

    empty = torch.zeros(0)
    raw = tiny_config.model_dump(mode="json")
    return Checkpoint(epoch, {"x": 0.5}, empty, raw, "print", ["a", "b"], empty, empty, {})


def test_a_trials_worker_keeps_its_newest_two_checkpoints_there(tiny_config, tmp_path):
    place = storage_at((tmp_path / "store").as_uri())
    for _ in range(2):  # a worker, and the one after it
        files = StoredTrial(place)
        before = files.newest()
        for epoch in range(1 if before is None else before.epoch + 1, 4 if before is None else 6):
            files.save(checkpoint(tiny_config, epoch))
        files.close()
    assert [int(name.split("-")[1]) for name in place.names("checkpoints")] == [4, 5]
    newest = place.names("checkpoints")[-1]
    place.put(newest, b"damaged")
    with closing(StoredTrial(place)) as files:
        found = files.newest()
    assert found is not None
    assert found.epoch == 4


def test_a_worker_waits_for_a_store_that_does_not_answer(tiny_config, tmp_path, monkeypatch):
    import threading

    from search import stored_trial

    files = StoredTrial(Failing((tmp_path / "store").as_uri()))
    Failing.answers = False
    threading.Timer(0.5, partial(setattr, Failing, "answers", True)).start()
    files.save(checkpoint(tiny_config, 1))
    monkeypatch.setattr(stored_trial, "PATIENCE", 0.3)
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
