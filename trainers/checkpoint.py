"""Checkpoints: everything that a trial needs to continue exactly where it was.

A checkpoint's name contains a hash of its content, so damage is noticed. It is written under another name and then
moved into place, so no reader ever sees half a checkpoint. Loading runs no code (`weights_only=True`).
"""

import hashlib
import re
from dataclasses import dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.files import write_atomically

_NAME = re.compile(r"epoch-(\d+)-([0-9a-f]{16})\.pt")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a trial after `epoch`, and the metrics that it reported there."""

    epoch: int
    metrics: dict[str, float]
    confusion: Tensor  # [C, C] int64, validation
    config: dict[str, Any]  # the trial's config, as JSON values
    fingerprint: str  # of the trial's data
    class_names: list[str]
    pixel_mean: Tensor  # [channels], of the training images in [0, 1]; the network sees (image - mean) / std
    pixel_std: Tensor  # [channels]
    encoder: dict[str, Any]
    projection: dict[str, Any] | None = None  # the projection head; None after stage one, and end to end
    classifier: dict[str, Any] | None = None  # None in stage one; end to end it is there at every epoch
    optimizer: dict[str, Any] = field(default_factory=dict)  # the state of the optimiser in use; empty: none
    look: dict[str, Any] | None = None  # the images' `Look` by its `as_plain`; None: the images are not from files


def packed(checkpoint: Checkpoint) -> tuple[str, bytes]:
    """The name and the content of the file for a checkpoint."""
    buffer = BytesIO()
    # a shallow dict: asdict() would copy every tensor
    held = {each.name: getattr(checkpoint, each.name) for each in fields(checkpoint)}
    if checkpoint.look is None:
        del held["look"]  # then the file equals one that an older version wrote, without this field
    torch.save(held, buffer)
    content = buffer.getvalue()
    return f"epoch-{checkpoint.epoch:05d}-{_digest(content)}.pt", content


def on_host(state: Any) -> Any:
    """A copy of a state of dicts and lists, with GPU tensors copied to host memory; all other values are kept.

    All copies from CUDA are started before the first is waited for; torch.save would wait for each of hundreds in turn.
    """
    copies: list[Tensor] = []

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: moved(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(moved(one) for one in value)
        if not isinstance(value, Tensor) or value.device.type == "cpu":
            return value
        if value.device.type != "cuda":
            return value.cpu()
        copies.append(value)
        return torch.empty_like(value, device="cpu", pin_memory=True).copy_(value, non_blocking=True)

    there = moved(state)
    for device in {tensor.device for tensor in copies}:
        torch.cuda.synchronize(device)
    return there


def unpacked(name: str, content: bytes) -> Checkpoint:
    """The checkpoint in a file of this name and content.

    Raises ValueError if the content does not match the hash in the name; a name without a hash is accepted.
    """
    if not is_whole(name, content):
        raise ValueError(f"{name} is damaged: its content does not match the hash in its name")
    return Checkpoint(**torch.load(BytesIO(content), map_location="cpu", weights_only=True))


def is_whole(name: str, content: bytes) -> bool:
    """Whether a file's content matches the hash in its name; True for a name without a hash."""
    named = _NAME.fullmatch(name)
    return named is None or named[2] == _digest(content)


def epoch_in(name: str) -> int | None:
    """The epoch in a checkpoint's file name; None for other files."""
    named = _NAME.fullmatch(name)
    return None if named is None else int(named[1])


def save_checkpoint(checkpoint: Checkpoint, folder: Path, keep: int = 2) -> Path:
    """Write a checkpoint into `folder`, safe against a crash at any moment, and delete all but the newest `keep`.

    Returns the path of the new file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name, content = packed(checkpoint)
    write_atomically(folder / name, content)
    for old in _files(folder)[keep:]:
        old.unlink(missing_ok=True)
    return folder / name


def load_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint. Raises ValueError when its content does not match the hash in its name."""
    return unpacked(path.name, path.read_bytes())


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest intact checkpoint of a folder; damaged ones are skipped. None if the folder has none."""
    for path in _files(folder):
        try:
            return load_checkpoint(path)
        except (ValueError, FileNotFoundError):
            continue
    return None


def newest_checkpoint_path(folder: Path) -> Path | None:
    """The path of the newest intact checkpoint of a folder; None if the folder has none."""
    for path in _files(folder):
        if is_whole(path.name, path.read_bytes()):
            return path
    return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("epoch-*.pt") if _NAME.fullmatch(path.name))
    return sorted(found, key=lambda path: path.name, reverse=True)
