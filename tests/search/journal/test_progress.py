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
    spec = load_spec(
        "digits", ["search.trials=30", "representation.epochs=4", "classifier.solver=adamw", "classifier.epochs=1"]
    )
    return replay(spec, Mixed(), slots=3).events


def kept_up(history, events, begun_at, stage_one):
    """The counts after each event from `begun_at` on; those before it are counted at once."""
    for event in events[:begun_at]:
        history.apply(event)
    progress = Progress(history, stage_one)
    for event in events[begun_at:]:
        history.apply(event)
        progress.on_event(event)
        yield progress


@pytest.mark.slow
@pytest.mark.parametrize("begun_at", [0, 60])
def test_a_pause_counts_as_the_course_of_a_trial_till_it_goes_on(begun_at):
    changes = ["search.trials=18", "representation.epochs=6", "search.sampler=random"]
    spec = load_spec("digits", [*changes, "search.scheduler={name: promotion, grace: 2}"])
    events, history = replay(spec, Mixed(), slots=2).events, History()
    for progress in kept_up(history, events, begun_at, 6):
        proposed = [trial for trial in history.trials.values() if not trial.baseline]
        ended = {trial.number: trial.epoch for trial in proposed if trial.state in ENDED}
        paused = {one.trial: one.epoch for one in history.decisions if one.trial not in ended}
        took = [*ended.values(), *paused.values()]
        assert sum(progress.usual_epochs((5.0, 1.0))) == pytest.approx((5 * 6 + sum(took)) / (5 + len(took)))
        assert progress.best == history.ranked()[:BEST]


@pytest.mark.parametrize("begun_at", [0, 40, 90])
def test_every_count_is_right_after_every_event(begun_at, events):
    history = History()
    for progress in kept_up(history, events, begun_at, 4):
        assert progress.ended == len(history.in_state(*ENDED))
        assert progress.trials == len(history.trials)
        epochs = [epoch for trial in history.trials.values() for epoch in trial.epochs]
        assert progress.epochs == [sum(epoch <= 4 for epoch in epochs), sum(epoch > 4 for epoch in epochs)]
        assert progress.begun == history.in_state("running", "pending")
        assert progress.running == history.in_state("running")
        assert progress.best == history.ranked()[:BEST]
        took = [trial.epoch for trial in history.in_state(*ENDED) if not trial.baseline]
        usual = sum(progress.usual_epochs((9.0, 1.0)))  # what was expected counts as five trials: nothing jumps
        assert usual == pytest.approx((5 * 10 + sum(took)) / (5 + len(took)))


def test_an_epoch_of_each_stage_costs_what_the_trials_say_it_took():
    """Epochs of the classifier take a tenth of those of stage one here."""
    history = History()
    history.apply(
        {"event": "asked", "trial": 0, "family": "CL", "baseline": True, "values": {}, "config": {}, "time": 0}
    )
    progress = Progress(history, 2)
    assert progress.cost(3, 0) == 3
    for epoch, (one, two) in enumerate([(10, 0), (20, 0), (20, 1), (20, 2)], 1):
        metrics = {"representation_seconds": float(one), "classifier_seconds": float(two)}
        event = {"event": "result", "trial": 0, "epoch": epoch, "metrics": metrics, "time": 0}
        history.apply(event)
        progress.on_event(event)
        assert progress.cost(1, 0) == 10
        assert progress.cost(0, 1) == 1
    assert progress.cost_done == 22
