"""Searches without Ray: fake trials in one slot, told to the real conductor, whose driver may die at any line."""

import math
import random
from pathlib import Path

from told_trials import told_value

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.journal.history import read_history
from search.journal.log import Journal
from spaces.spec import SearchSpec

OPEN: list[Journal] = []


def conduct(path: Path, spec: SearchSpec) -> Conductor:
    """A conductor that goes on from a journal; it is in OPEN until its test has ended."""
    history = read_history(path)
    OPEN.append(Journal(path))
    return Conductor(spec, history, OPEN[-1], SearchAgenda(spec, 1))


def value_of(trial, epoch) -> float:
    """A stand-in for training: what a configuration is worth, nearing its worth with the epochs."""
    worth = 0.5 + 0.4 * math.exp(-abs(math.log10(trial.config["loss"].get("temperature", 0.1)) + 1))
    noise = random.Random(f"{trial.number} {epoch}").uniform(-0.02, 0.02)
    return worth * (1 - 0.5 / epoch) + noise


class KilledError(Exception):
    """The driver dies here."""


def play(conductor: Conductor, until_event: int | None = None) -> None:
    """Run the search in one slot; with `until_event` the driver dies after so many lines of the journal."""
    count = 0

    def count_lines(event, history):
        nonlocal count
        count += 1
        if count == until_event:
            raise KilledError

    conductor._listeners = (*conductor._listeners, count_lines)
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)
        for epoch in range(max(1, trial.epoch), conductor.spec.base.last_epoch + 1):
            if conductor.result(trial.number, epoch, told_value(conductor, value_of(trial, epoch))) == "stop":
                break
    conductor.close("done")
