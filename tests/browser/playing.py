"""Searches that are told by hand, trial by trial, and delivered as their drivers do."""

import math
import random
from pathlib import Path

from told_trials import told_value

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.storage.provenance import provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from search.tracking.client import tracking_uri
from search.tracking.delivery import Delivery
from search.tracking.refusals import Refusals
from spaces.spec import load_spec

CLASSES = {"3": 70, "8": 20, "9": 10}
DATA = {
    "description": "scikit-learn's digits 3, 8, 9 70:20:10",
    "fingerprint": "0" * 64,
    "train": CLASSES,
    "validation": dict.fromkeys(CLASSES, 40),
}
RATE = "space.representation.lr={loguniform: [3.0e-4, 3.0e-2]}"  # what most searches search besides the loss
FAILING = 5  # a trial that diverges, as some do


def begin(root: Path, name: str) -> tuple[SearchFolder, Conductor]:
    """A search without a trial yet."""
    spec = load_spec("digits", ["search.trials=9", RATE], name=name)
    folder = create_folder(root, spec, provenance(DATA))
    conductor = Conductor(spec, folder.history(), folder.open_journal(), SearchAgenda(spec, 1))
    conductor.open()
    return folder, conductor


def tell(conductor: Conductor, trials: int = 1000) -> None:
    """Tell so many more trials, at most to the last."""
    spec = conductor.spec
    while trials and (trial := conductor.next_trial()) is not None:
        trials -= 1
        conductor.launched(trial.number)
        if trial.number == FAILING:
            conductor.fail(trial.number, "diverged: the contrastive loss is nan at epoch=1")
            continue
        for epoch in range(1, spec.base.last_epoch + 1):
            metrics = told_value(conductor, _worth(trial, epoch)) | {"train_loss": 3 / epoch}
            if conductor.result(trial.number, epoch, metrics) == "stop":
                break


def deliver(folder: SearchFolder) -> None:
    """Give MLflow what it lacks of a search that runs, as its driver does."""
    uri = tracking_uri(folder.spec(), folder.root)
    Delivery(folder, uri, refusals=Refusals("afcl sync")).catch_up()


def _worth(trial, epoch: int) -> float:
    """A stand-in for training: best near τ = 0.1, nearing its worth with the epochs."""
    worth = 0.5 + 0.4 * math.exp(-abs(math.log10(trial.config["loss"]["temperature"]) + 1))
    return worth * (1 - 0.5 / epoch) + random.Random(f"{trial.number} {epoch}").uniform(-0.02, 0.02)
