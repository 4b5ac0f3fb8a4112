"""A real search on Ray that ends when the rest is luck."""

import pytest
from searches import SMALL

import search
from search import api
from search.algorithms.luck import FEWEST_ENDED
from search.algorithms.proposer import planned_trials
from search.display.tables import as_json
from spaces.spec import load_spec

pytestmark = pytest.mark.slow

LUCK = [*SMALL, "search.trials=60", "search.sampler=random", "search.stop_when=luck", "representation.epochs=2"]


def test_it_ends_early_stays_so_when_resumed_and_runs_what_an_extension_adds(shared_ray, tmp_path):
    spec = load_spec("digits", LUCK)
    found = api.run(spec, results=tmp_path)
    history, planned = found.history, planned_trials(spec)
    assert found.reason == "done"
    enough = history.enough
    assert enough is not None
    assert enough["gain"] < enough["noise"]
    assert len(spec.search.baselines) + FEWEST_ENDED <= len(history.trials) == planned - enough["left"] < planned
    assert all(trial.state in ("finished", "stopped") for trial in history.trials.values()), "what ran came to its end"
    assert as_json(found.folder, history)["planned"] == len(history.trials)

    again = api.resume(spec.name, results=tmp_path)
    assert not again.ran
    assert len(again.history.trials) == len(history.trials)

    more = api.extend(spec.name, trials=3, results=tmp_path)
    assert len(more.history.trials) == len(history.trials) + 3
    assert search.open(spec.name, results=tmp_path).state == "done"
