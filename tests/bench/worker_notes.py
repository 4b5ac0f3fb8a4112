"""What a worker notes of the trials that it runs. This file goes to the workers by value: they have no such module."""

import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

NOTES = "bench-notes.json"


@dataclass
class Noted:
    """One trial as its worker saw it, in seconds of the machine's clock, which all its processes share."""

    pid: int
    first: float = 0.0  # its first training step
    last: float = 0.0  # its newest epoch is handed over
    saves: list[float] = field(default_factory=list)  # how long each checkpoint took
    reports: list[float] = field(default_factory=list)  # how long each report took, but for the last

    @property
    def computing(self) -> float:
        """From the first step to the last epoch, without checkpoints and reports."""
        return self.last - self.first - sum(self.saves) - sum(self.reports)


def noting(assignment: dict[str, Any], shared: Any) -> None:
    """The search's own trainable, with a clock at its first step and around its checkpoints and reports."""
    from search.worker import trainable as adapter
    from search.worker import trial_files
    from trainers.stages import representation

    noted = Noted(os.getpid())
    train, save, report = representation.train_one_epoch, trial_files.save_checkpoint, adapter.tune.report

    def first_step(*given: Any) -> Any:
        noted.first = noted.first or time.time()
        return train(*given)

    def timed_save(*given: Any) -> Any:
        return _timed(noted.saves, save, *given)

    def timed_report(metrics: dict[str, Any]) -> None:
        noted.last = time.time()
        # before the report, from which a stopped trial does not come back
        Path(assignment["folder"], NOTES).write_text(json.dumps(asdict(noted)))
        _timed(noted.reports, report, metrics)

    with ExitStack() as patches:
        patches.enter_context(patch.object(representation, "train_one_epoch", first_step))
        patches.enter_context(patch.object(trial_files, "save_checkpoint", timed_save))
        patches.enter_context(patch.object(adapter.tune, "report", timed_report))
        adapter.trainable(assignment, shared)


def _timed(durations: list[float], run: Callable[..., Any], *given: Any) -> Any:
    started = time.time()
    result = run(*given)
    durations.append(time.time() - started)
    return result
