"""A finished search for the browser to look at: played without Ray, journaled, delivered and reported for real."""

import json
import random
import sys
from pathlib import Path

import pytest

from search.journal.history import History
from search.reporting.report import report
from search.storage.search_folder import SearchFolder
from search.tracking import outbox

sys.path.insert(0, str(Path(__file__).parent))  # for browsing.py and playing.py
from browsing import chromium, driver_starts
from playing import CLASSES, begin, tell


@pytest.fixture(scope="session")
def played(tmp_path_factory) -> SearchFolder:
    """A search with finished, stopped and failed trials, in MLflow and with its page."""
    folder, conductor = begin(tmp_path_factory.mktemp("browser"), "Played.1")
    tell(conductor)
    conductor.close("done")
    _leave_results(folder, conductor.history)
    assert {state for state, count in conductor.history.counts().items() if count} == {"finished", "stopped", "failed"}
    outbox.sync(folder)
    report(folder.name, results=folder.root)
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


@pytest.fixture(scope="module")
def browser():
    if not driver_starts():
        pytest.skip("the node that Playwright brings does not start: apt-get install libatomic1")
    with chromium() as browser:
        yield browser
