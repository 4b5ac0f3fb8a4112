"""One trial's files in its search's folder: the only ones that a worker writes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.files import write_atomically


def trial_path(number: int) -> str:
    """Where a trial's files are in its search's folder, on a disk or in a store."""
    return f"trials/{number:04d}"


@dataclass(frozen=True)
class TrialFolder:
    """One trial's files."""

    path: Path

    @property
    def log(self) -> Path:
        """What the trial printed, and its traceback."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Its newest checkpoints."""
        return self.path / "checkpoints"

    @property
    def result(self) -> Path:
        """Its confusion matrix and recalls, once finished."""
        return self.path / "result.json"

    @property
    def embedding(self) -> Path:
        """The validation images as its encoder lays them out, once `report` has looked."""
        return self.path / "embedding.json"

    def has_met(self, error: str) -> bool:
        """Whether the trial has met this very error before; from now on it has."""
        memory = self.path / "last-error.txt"
        known = memory.exists() and memory.read_text() == error
        memory.write_text(error)
        return known

    def give_up(self, reason: str) -> None:
        """Leave for the next worker that takes the trial that it need not try, and why."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / "gave-up.txt", reason.encode())

    def take_reason_to_give_up(self) -> str | None:
        """Why the trial's last worker gave it up, said once; None where it did not."""
        memory = self.path / "gave-up.txt"
        if not memory.exists():
            return None
        reason = memory.read_text()
        memory.unlink()
        return reason

    def note_node(self, node: str) -> None:
        """Leave for the driver on which node, by Ray's id, the trial is tried now."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / "node.txt", node.encode())

    def noted_node(self) -> str | None:
        """The node on which the trial was tried last; None where it has not begun."""
        try:
            return (self.path / "node.txt").read_text()
        except FileNotFoundError:
            return None

    def take_noted_node(self) -> str | None:
        """The same, said once."""
        node = self.noted_node()
        (self.path / "node.txt").unlink(missing_ok=True)
        return node

    def drop_checkpoints(self, keep: int = 0) -> None:
        """Remove all checkpoints but the newest `keep`."""
        for path in sorted(self.checkpoints.glob("epoch-*.pt"), reverse=True)[keep:]:
            path.unlink(missing_ok=True)

    def read_result(self) -> dict[str, Any] | None:
        """The result of a finished trial; None where there is none."""
        try:
            return dict(json.loads(self.result.read_text()))
        except FileNotFoundError:
            return None

    def write_result(self, result: dict[str, Any]) -> None:
        """Leave the result of a finished trial."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.result, (json.dumps(result, indent=1) + "\n").encode())
