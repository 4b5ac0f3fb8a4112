"""A finished search for the browser to look at: played without Ray, journaled, delivered and reported for real."""

import json
import math
import random
import sys
from pathlib import Path

import pytest
from told_trials import told_value

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.journal.history import History
from search.reporting.report import report
from search.storage.provenance import provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from search.tracking import outbox
from spaces.spec import load_spec

sys.path.insert(0, str(Path(__file__).parent))  # for browsing.py, which the script beside it uses as well

CLASSES = {"3": 70, "8": 20, "9": 10}
DATA = {
    "description": "scikit-learn's digits 3, 8, 9 70:20:10",
    "fingerprint": "0" * 64,
    "train": CLASSES,
    "validation": dict.fromkeys(CLASSES, 40),
}
FAILING = 5  # a trial that diverges, as some do


@pytest.fixture(scope="session")
def played(tmp_path_factory) -> SearchFolder:
    """A search with finished, stopped and failed trials, in MLflow and with its page."""
    root = tmp_path_factory.mktemp("browser")
    spec = load_spec("digits", ["search.trials=9"], name="Played.1")
    folder = create_folder(root, spec, provenance(DATA))
    conductor = Conductor(spec, folder.history(), folder.open_journal(), SearchAgenda(spec, 1))
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)
        if trial.number == FAILING:
            conductor.fail(trial.number, "diverged: the contrastive loss is nan at epoch=1")
            continue
        for epoch in range(1, spec.base.last_epoch + 1):
            metrics = told_value(conductor, _worth(trial, epoch)) | {"train_loss": 3 / epoch}
            if conductor.result(trial.number, epoch, metrics) == "stop":
                break
    conductor.close("done")
    _leave_results(folder, conductor.history)
    assert {state for state, count in conductor.history.counts().items() if count} == {"finished", "stopped", "failed"}
    outbox.sync(folder)
    report(folder.name, results=root)
    return folder


def _leave_results(folder: SearchFolder, history: History) -> None:
    """What finished trials leave beside the journal, and what an earlier report saw of their encoders."""
    names = list(CLASSES)
    for trial in history.in_state("finished"):
        result = {"recall": dict.fromkeys(names, 0.75), "confusion": [[30, 5, 5], [5, 30, 5], [5, 5, 30]]}
        folder.trial(trial.number).write_result(result | {"class_names": names})
        draws = random.Random(trial.number)
        labels = [number % 3 for number in range(120)]
        points = [[label + draws.gauss(0, 0.4), draws.gauss(0, 0.4)] for label in labels]
        picture = {"checkpoint": "", "explained": [0.6, 0.2], "class_names": names, "labels": labels, "points": points}
        folder.trial(trial.number).embedding.write_text(json.dumps(picture))


def _worth(trial, epoch: int) -> float:
    """A stand-in for training: best near τ = 0.1, nearing its worth with the epochs."""
    worth = 0.5 + 0.4 * math.exp(-abs(math.log10(trial.config["loss"]["temperature"]) + 1))
    return worth * (1 - 0.5 / epoch) + random.Random(f"{trial.number} {epoch}").uniform(-0.02, 0.02)
