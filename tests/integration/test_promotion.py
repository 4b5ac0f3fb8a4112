"""A real search on Ray by promotion: trials pause, go on from their checkpoints, and are judged at the end."""

import pytest
from searches import SMALL

from search import api
from search.tracking import outbox
from spaces.spec import load_spec

pytestmark = pytest.mark.slow

PROMOTION = [
    *SMALL,
    "search.trials=12",
    "search.sampler=curves",
    "search.scheduler={name: promotion, grace: 2}",
    "search.final=null",
    "representation.epochs=6",
]


def test_it_runs_to_its_end_and_an_extension_goes_on(shared_ray, tmp_path):
    spec = load_spec("digits", PROMOTION)
    found = api.run(spec, results=tmp_path)
    history = found.history
    assert found.reason == "done"
    assert not history.in_state("paused", "pending", "running")
    went_on = [trial for trial, _ in history.promoted]
    assert len(went_on) == 4  # one of three
    for number in went_on:
        trial = history.trials[number]
        assert sorted(trial.epochs) == list(range(1, spec.last_epoch(trial.family) + 1)), "no epoch was computed twice"
        assert "goes on from its checkpoint of epoch 2" in found.folder.trial(number).log.read_text()
    assert all(trial.expected is not None for trial in history.in_state("finished"))
    assert outbox.sync(found.folder)[1] == [], "MLflow has every trial and epoch once"

    more = api.extend(spec.name, trials=3, results=tmp_path)
    assert more.reason == "done"
    assert len(more.history.promoted) == 5
    assert not more.history.lacks_judgement
    assert not api.resume(spec.name, results=tmp_path).ran
