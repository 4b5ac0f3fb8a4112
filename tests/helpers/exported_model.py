"""An exported model of image files, trained in a moment."""

import csv
import io
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from search.exports.export import Expected
from trainers.checkpoint import save_checkpoint
from trainers.config import TrialConfig
from trainers.data import load
from trainers.files import file_hash
from trainers.parsing import parse
from trainers.pipeline import run_trial

CLASSES = ("dark", "light")


def draw(path: Path, number: int, level: int) -> Path:
    """A noisy picture around a level of grey."""
    pixels = np.random.default_rng(number).integers(level - 40, level + 40, (20, 16)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a table in CSV, as `afcl predict` prints it."""
    return list(csv.DictReader(io.StringIO(text)))


def export_of_files(folder: Path, **more: object) -> Path:
    """The YAML file of an export whose model tells dark pictures from light ones; its weights lie beside it."""
    for number in range(24):
        draw(folder / "images" / CLASSES[number % 2] / f"{number}.png", number, (60, 190)[number % 2])
    data = {"dataset": "folder", "path": str(folder / "images"), "image_size": 16, "fit": "pad", "val_per_class": 4}
    stage = {"epochs": 2, "batch_size": 16, "lr": 0.01}
    config = parse(TrialConfig, {"data": data, "model": {"width": 4, "projection_dim": 8}, "representation": stage})
    kept = []
    arrays = load(config.data)
    result = run_trial(config, arrays, lambda *_: None, save=kept.append)
    weights = save_checkpoint(kept[-1], folder / "model").rename(folder / "model" / "best-1.pt")
    expected = Expected(
        metric="val_balanced_accuracy",
        value=result.metrics["val_balanced_accuracy"],
        epoch=config.last_epoch,
        weights=weights.name,
        weights_sha256=file_hash(weights),
        data_fingerprint=arrays.fingerprint,
        data=arrays.description,
        seed=0,
        device="cpu",
        threads=1,
        cpu="",
        versions={},
    )
    target = folder / "model" / "best-1.yaml"
    document = {"config": config.model_dump(mode="json"), "expected": expected.model_dump(), **more}
    target.write_text(yaml.safe_dump(document))
    return target
