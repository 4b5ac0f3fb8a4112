"""Counts that are kept up event by event are those of counting anew."""

import random

import pytest

from search.engine.replay import CurveFailed, replay
from search.journal.history import ENDED, History
from search.journal.progress import BEST, Progress
from spaces.spec import load_spec


class Mixed:
    """Curves of every kind: better ones, worse ones, and some that fail."""

    def value(self, trial, epoch):
        if trial.number % 7 == 5:
            raise CurveFailed("the loss is nan")
        return random.Random(trial.number).random() + epoch / 100

    def seconds(self, trial, epoch):
        return 1.0 + trial.number % 3


@pytest.fixture(scope="module")
def events():
    spec = load_spec("digits", ["search.trials=30", "representation.epochs=4", "classifier.epochs=1"])
    return replay(spec, Mixed(), slots=3).events


@pytest.mark.parametrize("begun_at", [0, 40, 90])
def test_every_count_is_right_after_every_event(begun_at, events):
    history = History()
    for event in events[:begun_at]:
        history.apply(event)
    progress = Progress(history)
    for event in events[begun_at:]:
        history.apply(event)
        progress.on_event(event)
        assert progress.ended == len(history.in_state(*ENDED))
        assert progress.trials == len(history.trials)
        assert progress.epochs_done == sum(len(trial.epochs) for trial in history.trials.values())
        assert progress.begun == history.in_state("running", "pending")
        assert progress.running == history.in_state("running")
        assert progress.best == history.ranked()[:BEST]
        took = [trial.epoch for trial in history.in_state(*ENDED) if not trial.baseline]
        assert progress.usual_epochs(while_few=9.0) == (9.0 if len(took) < 5 else sum(took) / len(took))
