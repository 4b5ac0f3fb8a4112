"""A trial's searched values, for people: which there are, and how they are written."""

from typing import Any

from search.journal.history import Trial

LOSS_FIELDS = ("loss.eta", "loss.gamma", "loss.temperature")
SYMBOLS = {"loss.eta": "η", "loss.gamma": "γ", "loss.temperature": "τ"}


def values_of(trial: Trial) -> str:
    """A trial's searched values in a line: η 12.3, γ 0.5, τ 0.08, …"""
    return ", ".join(f"{symbol(path)} {short(value)}" for path, value in searched(trial).items())


def searched(trial: Trial) -> dict[str, Any]:
    """The searched values by path, with the loss's own fields first, whether searched or not."""
    loss = {path: trial.config["loss"][path.removeprefix("loss.")] for path in LOSS_FIELDS}
    return loss | trial.values


def symbol(path: str) -> str:
    """A field's short name in tables."""
    return SYMBOLS.get(path, path.rsplit(".", 1)[-1])


def short(value: object) -> str:
    """A number as a person writes it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
