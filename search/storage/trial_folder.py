"""One trial's files, on a disk or in a store. A worker writes no other files of a search.

The names of all these files are defined here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.storage.places import DiskPlace, Place

if TYPE_CHECKING:
    from trainers.checkpoint import Checkpoint
    from trainers.data.arrays import Labels, Logits

TRIALS = "trials"  # the folder of all trials, in their search's folder
CHECKPOINTS = "checkpoints"
RESULT, SCORES, LOG, EMBEDDING = "result.json", "scores.npz", "log.txt", "embedding.json"
JUDGED = "validation-images.jpg"
LAST_ERROR, GAVE_UP, NODE = "last-error.txt", "gave-up.txt", "node.txt"
BY_VALUES = "\nits values made it fail"  # written after the reason to give up, if the trial's values were the cause
LOG_OF_ATTEMPT = "log-"  # the prefix of each attempt's log in a store


def trial_path(number: int) -> str:
    """The path of a trial's files within its search's folder, on a disk or in a store."""
    return f"{TRIALS}/{number:04d}"


def trial_of(name: str) -> int | None:
    """The number of the trial whose file `name` is (trials/0007/log.txt: 7); None if it is no trial's file."""
    parts = name.split("/")
    return int(parts[1]) if parts[0] == TRIALS and len(parts) > 2 and parts[1].isdigit() else None


def checkpoints_of(names: Iterable[str]) -> dict[int, list[str]]:
    """The checkpoint files among `names`, by the trial's number; those of a trial are sorted, the newest first."""
    found: dict[int, list[str]] = {}
    for name in sorted(names, reverse=True):
        number = trial_of(name)
        if number is not None and f"/{CHECKPOINTS}/" in name:
            found.setdefault(number, []).append(name)
    return found


@dataclass(frozen=True, eq=False)
class Scores:
    """The logits that a confirmation's run gave each image of its validation split and of the test split."""

    validation: "Logits"  # [N, C], for N images and C classes
    validation_labels: "Labels"  # [N], positions in the trial's class names
    test: "Logits"  # [M, C], for M images
    test_labels: "Labels"  # [M]


class TrialFiles:
    """One trial's files in `place`, a folder on a disk or in a store."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def checkpoint_names(self) -> list[str]:
        """The names of the checkpoint files, the newest first."""
        from trainers.checkpoint import epoch_in  # imported only here: torch takes seconds

        found = self.place.names(CHECKPOINTS)
        return sorted((name for name in found if epoch_in(_file(name)) is not None), reverse=True)

    def newest(self) -> "Checkpoint | None":
        """The newest intact checkpoint; None if the trial has none. Damaged checkpoints are skipped."""
        from trainers.checkpoint import unpacked  # imported only here: torch takes seconds

        for name in self.checkpoint_names():
            content = self.place.find(name)
            if content is not None:
                try:
                    return unpacked(_file(name), content)
                except ValueError:
                    continue
        return None

    def read_result(self) -> dict[str, Any] | None:
        """The content of the trial's result file; None if there is no such file."""
        content = self.place.find(RESULT)
        return None if content is None else dict(json.loads(content))

    def write_result(self, result: dict[str, Any]) -> None:
        """Write the result of a finished trial."""
        self.place.put(RESULT, (json.dumps(result, indent=1) + "\n").encode())

    def read_scores(self) -> Scores | None:
        """The logits of a confirmation's finished run; None if there is no such file, as in older confirmations."""
        import numpy as np

        content = self.place.find(SCORES)
        if content is None:
            return None
        with np.load(BytesIO(content), allow_pickle=False) as held:
            return Scores(**held)

    def write_scores(self, scores: Scores) -> None:
        """Write the logits of a confirmation's run."""
        import numpy as np

        buffer = BytesIO()
        np.savez_compressed(buffer, **vars(scores))
        self.place.put(SCORES, buffer.getvalue())

    def has_met(self, error: str) -> bool:
        """Record `error` as the trial's last error. Returns whether the last error before was the same."""
        is_known = self.place.find(LAST_ERROR) == error.encode()
        self.place.put(LAST_ERROR, error.encode())
        return is_known

    def give_up(self, reason: str, *, by_values: bool = False) -> None:
        """Tell the next worker or the driver why the trial is given up, and whether its values were the cause."""
        self.place.put(GAVE_UP, (reason + (BY_VALUES if by_values else "")).encode())

    def take_reason_to_give_up(self) -> tuple[str, bool] | None:
        """What the last worker told with `give_up`: reason and by_values; None if nothing. The record is removed."""
        content = self.place.find(GAVE_UP)
        if content is None:
            return None
        self.place.delete(GAVE_UP)
        reason = content.decode()
        return reason.removesuffix(BY_VALUES), reason.endswith(BY_VALUES)

    def note_node(self, node: str) -> None:
        """Record for the driver on which node, by Ray's id, the trial runs now."""
        self.place.put(NODE, node.encode())

    def noted_node(self) -> str | None:
        """Ray's id of the node on which the trial ran last; None if none is recorded."""
        node = self.place.find(NODE)
        return None if node is None else node.decode()

    def take_noted_node(self) -> str | None:
        """Return what `noted_node` returns, and remove the record."""
        node = self.noted_node()
        self.place.delete(NODE)
        return node


class TrialFolder(TrialFiles):
    """One trial's files on a disk, with the paths of the files that other modules open."""

    def __init__(self, path: Path) -> None:
        super().__init__(DiskPlace(path))
        self.path = path

    @property
    def log(self) -> Path:
        """The file with what the trial printed, and with the traceback of an error."""
        return self.path / LOG

    @property
    def checkpoints(self) -> Path:
        """The folder with the trial's newest checkpoints."""
        return self.path / CHECKPOINTS

    @property
    def result(self) -> Path:
        """The file with the confusion matrix and recalls of a finished trial."""
        return self.path / RESULT

    @property
    def scores(self) -> Path:
        """The file with the logits for each image (see `Scores`), if the trial is a run of a confirmation."""
        return self.path / SCORES

    @property
    def embedding(self) -> Path:
        """The file with the embedding of the validation images, if `afcl report` has computed it."""
        return self.path / EMBEDDING

    @property
    def judged(self) -> Path:
        """The picture of validation images, each with the class that the trial predicted. `afcl report` draws it.

        The JSON file beside the picture has the caption and counts.
        """
        return self.path / JUDGED

    def checkpoint_paths(self) -> list[Path]:
        """The files of the trial's checkpoints, the newest first. They are found by name, which needs no torch."""
        return sorted(self.checkpoints.glob("epoch-*.pt"), reverse=True)

    def drop_checkpoints(self, keep: int = 0) -> None:
        """Remove all checkpoints but the newest `keep`."""
        for path in self.checkpoint_paths()[keep:]:
            path.unlink(missing_ok=True)


def _file(name: str) -> str:
    return name.rpartition("/")[2]
