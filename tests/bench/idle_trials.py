"""Trials that do nothing but report. This file goes to the workers by value: they have no such module."""

import time
from pathlib import Path
from typing import Any

EPOCHS = 10
STARTS = "starts.txt"


def idle(assignment: dict[str, Any], shared: Any) -> None:
    """In place of the search's own trainable."""
    import torch  # noqa: F401
    from ray import tune

    from search.worker import trainable  # noqa: F401  # as a trial's worker has it
    from search.worker.messages import EpochDone
    from trainers.config import METRIC

    _started(Path(assignment["folder"]).parents[1])
    for epoch in range(1, EPOCHS + 1):
        tune.report(EpochDone(epoch, {METRIC: 0.5 + assignment["number"] / 100}).as_result())


def idle_stock(config: dict[str, Any]) -> None:
    """The same as a plain function trainable."""
    import torch  # noqa: F401
    from ray import tune

    _started(Path(config["folder"]))
    for epoch in range(1, EPOCHS + 1):
        tune.report({"epoch": epoch, "val_balanced_accuracy": 0.5})


def _started(folder: Path) -> None:
    with (folder / STARTS).open("a") as file:
        file.write(f"{time.time()}\n")
