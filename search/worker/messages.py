"""Messages from a worker to the driver through `tune.report`. Only this file knows their keys.

Ray adds keys of its own to a result, and flattens nested dicts before the driver sees them: {"metrics": {"loss": 1}}
arrives as {"metrics/loss": 1}.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainers.config import STEP

_METRICS, _FAILED, _BY_VALUES, _PAUSE = "metrics", "failed", "by_values", "pause"


@dataclass(frozen=True)
class EpochDone:
    """The trial has ended an epoch, and its checkpoint is written."""

    epoch: int
    metrics: Mapping[str, float]

    def as_result(self) -> dict[str, Any]:
        """The message as `tune.report` takes it."""
        return {STEP: self.epoch, _METRICS: dict(self.metrics)}


@dataclass(frozen=True)
class Failed:
    """The trial has failed for good: it is not tried again."""

    reason: str
    by_values: bool = False  # the trial's values made it fail, as they would every time

    def as_result(self) -> dict[str, Any]:
        """The message as `tune.report` takes it."""
        return {_FAILED: self.reason, _BY_VALUES: self.by_values}


@dataclass(frozen=True)
class Pause:
    """No trial can go on for now, for example because the disk is full; this trial is not at fault."""

    reason: str

    def as_result(self) -> dict[str, Any]:
        """The message as `tune.report` takes it."""
        return {_PAUSE: self.reason}


Message = EpochDone | Failed | Pause


def from_result(result: Mapping[str, Any]) -> Message | None:
    """Read a message from a result as Ray hands it to the driver.

    Args:
        result: The flattened result, with the keys that Ray or anyone else added, which are ignored.

    Returns:
        The message; None if the result contains no message of ours.
    """
    if _PAUSE in result:
        return Pause(result[_PAUSE])
    if _FAILED in result:
        return Failed(result[_FAILED], result.get(_BY_VALUES, False))
    if STEP not in result:
        return None
    prefix = f"{_METRICS}/"
    metrics = {key.removeprefix(prefix): value for key, value in result.items() if key.startswith(prefix)}
    return EpochDone(result[STEP], metrics)
