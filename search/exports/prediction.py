"""Classify image files with an exported model. Only the export and its weights are needed, not the search."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from search.exports.export import Export, read_export
from trainers.checkpoint import load_checkpoint
from trainers.compute.devices import GPUS, best_device
from trainers.data.datasets import own
from trainers.data.io.decoding import read_each
from trainers.data.io.items import named
from trainers.data.io.progress import tracked
from trainers.data.listing import images_below, unread_in
from trainers.errors import EnvironmentProblem, InputError
from trainers.files import file_hash, write_atomically
from trainers.own_parts import is_path
from trainers.predictor import Predictor
from trainers.wording import did_you_mean, printable, shown

AT_ONCE = 256  # how many images are read and classified at a time


@dataclass(frozen=True)
class Prediction:
    """The predicted class of an image file."""

    file: str
    class_name: str | None  # None: the file could not be used
    threshold: float | None  # the threshold that the class's probability reached; None: no class reached one
    probabilities: tuple[float, ...]  # one for each of the class names, in order; empty if the file could not be used
    problem: str | None = None  # why the file could not be used; None if it could


@dataclass(frozen=True)
class Predictions:
    """The predictions for a list of files, in the order of that list."""

    class_names: tuple[str, ...]
    thresholds: Mapping[str, float]
    rows: tuple[Prediction, ...]

    @property
    def unusable(self) -> list[Prediction]:
        """The predictions whose file could not be used."""
        return [row for row in self.rows if row.problem is not None]

    def as_frame(self) -> pd.DataFrame:
        """A table with a row for each file: file, class, threshold, a column `p NAME` for each class, problem."""
        columns = ["file", "class", "threshold", *(f"p {name}" for name in self.class_names), "problem"]
        empty = (None,) * len(self.class_names)
        rows = [
            (row.file, row.class_name, row.threshold, *(row.probabilities or empty), row.problem) for row in self.rows
        ]
        return pd.DataFrame(rows, columns=columns)

    def as_json(self) -> dict[str, Any]:
        """The predictions as plain values, for JSON."""
        return {
            "classes": list(self.class_names),
            "thresholds": dict(self.thresholds),
            "images": [
                {
                    "file": row.file,
                    "class": row.class_name,
                    "threshold": row.threshold,
                    "probabilities": dict(zip(self.class_names, row.probabilities, strict=False)),
                    "problem": row.problem,
                }
                for row in self.rows
            ],
        }

    def write(self, path: Path) -> None:
        """Write the predictions in the format of the path's suffix: .csv, .parquet or .json. Else raises InputError."""
        if path.suffix == ".json":
            content = json.dumps(self.as_json(), ensure_ascii=False, indent=1).encode()
        elif path.suffix == ".csv":
            content = self.as_frame().to_csv(index=False).encode()
        elif path.suffix == ".parquet":
            content = self.as_frame().to_parquet(index=False)
        else:
            raise InputError(f"{path}: must end with .csv, .json or .parquet")
        write_atomically(path, content)

    def in_words(self) -> str:
        """A line that says how many images are predicted as each class."""
        counts = {name: sum(row.class_name == name for row in self.rows) for name in self.class_names}
        said = ", ".join(f"{count:,} {printable(name)}" for name, count in counts.items())
        return f"{sum(counts.values()):,} images: {said}"

    def problems(self) -> str | None:
        """How many files could not be used, with the names and problems of the first few; None if all could be used."""
        told = [f"{row.file}: {row.problem}" for row in self.unusable]
        return f"{named(told, 'image')} not usable" if told else None


def load_predictor(path: Path, exported: Export, device: torch.device | None = None) -> Predictor:
    """Load the model of an export.

    Args:
        path: the path of the export's YAML file. The weights are beside it.
        exported: the content of that file, from `read_export`.
        device: the device to compute on; None takes the CPU.

    Raises:
        InputError: the file is a plain configuration, which has no weights.
        EnvironmentProblem: the weights are not beside the file, or are not the exported ones.
    """
    expected = exported.expected
    if expected is None or expected.weights is None:
        raise InputError(f"{path}: has no weights; only what `afcl export` wrote can predict")
    weights = path.parent / expected.weights
    if not weights.is_file():
        raise EnvironmentProblem(f"{weights} is not there: the weights must lie beside {path.name}")
    if expected.weights_sha256 not in (None, file_hash(weights)):
        raise EnvironmentProblem(f"{weights} is not the file that {path.name} was exported with")
    return Predictor(load_checkpoint(weights), device)


def device_named(name: str | None) -> torch.device:
    """The torch device with a name such as cpu, cuda, cuda:1 or mps. None takes a GPU if there is one.

    Raises:
        InputError: the name is not that of a CPU, a CUDA GPU or an Apple GPU.
        EnvironmentProblem: this machine has no such GPU.
    """
    if name is None:
        return best_device()
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"--device: must be cpu, cuda or mps, but got {shown(name)}") from None
    if device.type not in ("cpu", *GPUS):
        raise InputError(f"--device: must be cpu, cuda or mps, but got {shown(name)}")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise EnvironmentProblem(f"--device: torch sees no GPU of Apple's here, so there is no {name}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EnvironmentProblem(f"--device: torch sees {torch.cuda.device_count()} GPUs here, so there is no {name}")
    return device


def files_of(given: Sequence[Path]) -> list[Path]:
    """The image files to classify: each given file, and all images in each given folder and its subfolders.

    Raises:
        InputError: a path does not exist, or a folder has no image.
    """
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            found = images_below(path)
            if not found:
                raise InputError(f"{path}: holds no image{unread_in(path)}")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    return files


def predict(
    path: Path,
    images: Sequence[Path],
    *,
    thresholds: Mapping[str, float] | None = None,
    device: torch.device | None = None,
) -> Predictions:
    """Classify image files with an exported model.

    The files are read in the same way as the training images. For a dataset of the user's own they are read by the
    function `read_image` of its module.

    Args:
        path: the path of the export's YAML file. The weights are beside it.
        images: image files and folders. All images in a folder and its subfolders are classified.
        thresholds: by class, a threshold on its probability; see `decide`. None takes the exported thresholds.
        device: the device to compute on; None takes a GPU if there is one.

    Raises:
        InputError: the export has no weights, or was not trained on image files and has no `read_image`; a threshold
            names no class of the model or is not a probability; or no image can be used.
        EnvironmentProblem: the weights are not beside the file, or are not the exported ones.
    """
    exported = read_export(path)
    predictor = load_predictor(path, exported, device or device_named(None))
    _refuse_without_reader(path, exported, predictor)
    chosen = dict(exported.thresholds if thresholds is None else thresholds)
    check_thresholds(chosen, predictor.class_names)
    files = files_of(images)
    read = tracked(_read(files, exported, predictor), len(files), "Classifying images")
    rows: list[Prediction] = []
    while block := list(islice(read, AT_ONCE)):
        rows += _classified(predictor, files[len(rows) :], block, chosen)
    found = Predictions(predictor.class_names, chosen, tuple(rows))
    if len(found.unusable) == len(rows):
        raise InputError(str(found.problems()))
    return found


def _refuse_without_reader(path: Path, exported: Export, predictor: Predictor) -> None:
    data = exported.config.data
    if predictor.look is not None or (is_path(data.dataset) and own.can_read_files(data)):
        return
    mend = f"; give its module a function {own.READER}(path)" if is_path(data.dataset) else ""
    raise InputError(f"{path}: was not trained on image files (or by an older version), so it cannot read any{mend}")


def _read(files: Sequence[Path], exported: Export, predictor: Predictor) -> Iterator[NDArray[np.uint8] | str]:
    if predictor.look is None:
        return own.read_each(exported.config.data, files, predictor.channels)
    return read_each(files, predictor.look, AT_ONCE)


def _classified(
    predictor: Predictor,
    files: Sequence[Path],
    block: Sequence[NDArray[np.uint8] | str],
    thresholds: Mapping[str, float],
) -> Iterator[Prediction]:
    """The predictions for a block of images.

    Args:
        predictor: the model.
        files: the files, in order. Those beyond the length of `block` are ignored.
        block: for each file, its image [C, H, W] uint8, or why it could not be read.
        thresholds: by class; see `decide`.
    """
    usable = [image for image in block if not isinstance(image, str)]
    found = iter(predictor.probabilities(torch.from_numpy(np.stack(usable))).tolist() if usable else [])
    for file, image in zip(files, block, strict=False):
        if isinstance(image, str):
            yield Prediction(str(file), None, None, (), image)
        else:
            probabilities = tuple(next(found))
            name, threshold = decide(probabilities, predictor.class_names, thresholds)
            yield Prediction(str(file), name, threshold, probabilities)


def decide(
    probabilities: Sequence[float], names: Sequence[str], thresholds: Mapping[str, float]
) -> tuple[str, float | None]:
    """The predicted class, and the threshold that its probability reached.

    If any class reaches its threshold, the most probable of those that do is predicted. Otherwise the most probable
    class without a threshold is predicted, or the most probable class of all if every class has a threshold.

    Args:
        probabilities: the probability of each class.
        names: the names of the classes, in the same order.
        thresholds: by class, the probability at which the class is reached; a class may have none.

    Returns:
        The class's name and its threshold. The threshold is None if no class reached one.
    """
    of = dict(zip(names, probabilities, strict=True))
    reached = {name: p for name, p in of.items() if name in thresholds and p >= thresholds[name]}
    if reached:
        said = max(reached, key=lambda name: reached[name])
        return said, thresholds[said]
    rest = {name: p for name, p in of.items() if name not in thresholds} or of
    return max(rest, key=lambda name: rest[name]), None


def check_thresholds(thresholds: Mapping[str, float], names: Sequence[str]) -> None:
    """Raise InputError if a threshold names no class of the model, or is not a probability."""
    for name, value in thresholds.items():
        if name not in names:
            raise InputError(f"--threshold: the model has no class {shown(name)}{did_you_mean(name, list(names))}")
        if not 0 < value <= 1:
            raise InputError(f"--threshold: that of {name} must be above 0 and at most 1, but got {value}")
