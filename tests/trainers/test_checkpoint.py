import pytest
import torch

from trainers.checkpoint import Checkpoint, load_checkpoint, newest_checkpoint, save_checkpoint
from trainers.files import write_atomically


def checkpoint_of(epoch: int) -> Checkpoint:
    return Checkpoint(
        epoch=epoch,
        metrics={"val": epoch / 10},
        confusion=torch.zeros(2, 2, dtype=torch.int64),
        config={"seed": 0},
        fingerprint="f" * 64,
        class_names=["3", "8"],
        pixel_mean=torch.zeros(1),
        pixel_std=torch.ones(1),
        encoder={"w": torch.ones(3)},
    )


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = save_checkpoint(checkpoint_of(3), tmp_path)
    back = load_checkpoint(path)
    assert (back.epoch, back.metrics, back.config, back.fingerprint) == (3, {"val": 0.3}, {"seed": 0}, "f" * 64)
    assert torch.equal(back.encoder["w"], torch.ones(3))


def test_only_the_newest_are_kept(tmp_path):
    for epoch in range(1, 12):
        save_checkpoint(checkpoint_of(epoch), tmp_path, keep=2)
    assert sorted(int(path.name.split("-")[1]) for path in tmp_path.iterdir()) == [10, 11]


@pytest.mark.parametrize(
    "damage", [lambda content: content[: len(content) // 2], lambda content: b"", lambda content: content[:-1] + b"x"]
)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_it(tmp_path, damage):
    save_checkpoint(checkpoint_of(1), tmp_path)
    newest = save_checkpoint(checkpoint_of(2), tmp_path)
    newest.write_bytes(damage(newest.read_bytes()))
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(newest)
    assert newest_checkpoint(tmp_path).epoch == 1


def test_no_checkpoint_is_none(tmp_path):
    assert newest_checkpoint(tmp_path / "nowhere") is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
