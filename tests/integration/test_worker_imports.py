"""What a worker is, after it has run trials of a search."""

import os
from pathlib import Path

import pytest

from search import api
from search.engine import ray_tune
from spaces.spec import load_spec

# What only the driver needs, or only some trials. pandas and pyarrow are missing here: `import ray.tune` has them.
NOT_FOR_WORKERS = {
    "kaleido",
    "matplotlib",
    "mlflow",
    "optuna",
    "PIL",
    "plotly",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "torchvision",
    "typer",
}
OURS = {
    "search.engine.controller",
    "search.engine.runner",
    "search.sampler",
    "search.tracking.outbox",
    "trainers.data.catalog",
}


@pytest.mark.slow
def test_a_worker_imports_nothing_that_its_trial_does_not_use(tmp_path, shared_ray, monkeypatch):
    """Each of these would cost it from a tenth of a second to two, before its first trial."""

    def trainable(assignment, shared):  # goes to the worker by value, and its imports with it
        import sys

        from search.worker.trainable import trainable

        trainable(assignment, shared)
        Path(assignment["folder"], "modules.txt").write_text("\n".join([str(os.getpid()), *sys.modules]))

    monkeypatch.setattr(ray_tune, "trainable", trainable)
    changes = ["search.trials=1", "search.baselines=[CL]", "search.scheduler.name=none", "search.max_concurrent=1"]
    spec = load_spec("digits", [*changes, "representation.epochs=1"])
    found = api.run(spec, results=tmp_path)
    notes = [found.folder.trial(number).path.joinpath("modules.txt").read_text().split("\n") for number in (0, 1)]
    assert notes[0][0] == notes[1][0], "the second trial ran in the worker of the first"
    assert int(notes[0][0]) != os.getpid()
    assert "torch" in notes[1]
    assert (NOT_FOR_WORKERS | OURS) & set(notes[1]) == set()
