"""Trials on several workers, in a real Ray: killed, resumed, exported and trained again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import search
from search import api
from search.engine import ray_tune, runner
from search.exports import export, retrain
from search.storage.search_folder import SearchFolder
from search.worker.gpu_share import UnusableGPU
from spaces.spec import load_spec
from trainers.errors import EnvironmentProblem, OutOfMemory

pytestmark = pytest.mark.slow

TWO = [
    "resources.workers=2",
    "resources.cpus=0.5",  # so that one core holds both
    "search.trials=4",
    "search.max_concurrent=1",
    "representation.epochs=6",
    "classifier.solver=adamw",
    "classifier.epochs=3",
    "search.scheduler={name: asha, grace: 1, reduction: 2}",
]
CLOCKS = ("seconds", "images_per_second")


@pytest.fixture(scope="module")
def undisturbed(shared_ray, tmp_path_factory):
    return api.run(load_spec("digits", TWO), results=tmp_path_factory.mktemp("two-workers"))


def told(history):
    return {
        trial.number: (
            trial.config,
            trial.state,
            trial.decisions,
            {
                epoch: {name: value for name, value in metrics.items() if not name.endswith(CLOCKS)}
                for epoch, metrics in trial.epochs.items()
            },
        )
        for trial in history.trials.values()
    }


def results(folder: SearchFolder) -> list[tuple[int, int]]:
    lines = folder.journal.read_text().splitlines() if folder.journal.exists() else []
    events = [json.loads(line) for line in lines]
    return [(event["trial"], event["epoch"]) for event in events if event["event"] == "result"]


def led(folder: SearchFolder, number: int) -> list[int]:
    """The pids that a trial's leader named."""
    log = folder.trial(number).log
    return [int(pid) for pid in re.findall(r"leads pid (\d+)", log.read_text())] if log.exists() else []


def wait_until(holds, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_asha_stops_trials_on_two_workers_and_the_next_ones_use_them_again(undisturbed):
    history = undisturbed.history
    assert undisturbed.reason == "done"
    assert {trial.state for trial in history.trials.values()} == {"finished", "stopped"}
    pids = [pid for trial in history.trials for pid in led(undisturbed.folder, trial)]
    assert len(pids) == len(history.trials)
    assert len(set(pids)) == 1


def test_a_search_killed_with_all_its_workers_resumes_to_the_same_search(undisturbed, tmp_path, environment):
    words = [word for one in TWO for word in ("--set", one)]
    session = subprocess.Popen(
        [str(Path(sys.executable).with_name("afcl")), "search", "digits", *words, "--results", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )
    folder = SearchFolder(tmp_path / "digits")
    wait_until(lambda: session.poll() is not None or len(results(folder)) > 12)
    assert session.poll() is None
    os.killpg(session.pid, signal.SIGKILL)
    session.wait()
    resumed = api.resume("digits", results=tmp_path)
    assert resumed.reason == "done"
    assert told(resumed.history) == told(undisturbed.history)
    assert len(results(folder)) == len(set(results(folder)))


def test_a_worker_that_dies_costs_an_attempt_and_no_epoch(undisturbed, tmp_path, monkeypatch):
    killed = []

    def kill_after_three_epochs(event, history):
        if event["event"] == "result" and event["trial"] == 0 and event["epoch"] == 3 and not killed:
            killed.extend(led(SearchFolder(tmp_path / "digits"), 0))
            os.kill(killed[0], signal.SIGKILL)

    genuine = runner.OptunaView

    class Watched(genuine):
        def on_event(self, event, history):
            super().on_event(event, history)
            kill_after_three_epochs(event, history)

    monkeypatch.setattr(runner, "OptunaView", Watched)
    found = api.run(load_spec("digits", TWO), results=tmp_path)
    assert killed
    assert told(found.history) == told(undisturbed.history)
    assert len(set(led(found.folder, 0))) == 2
    log = found.folder.trial(0).log.read_text()
    saved = re.findall(r"epoch (\d+): val", log)
    assert len(saved) == len(set(saved)), log  # none was computed twice
    assert "a worker of the trial died" in log


def with_followers_that_raise(error):
    """Ray's trainable, in whose trial 0 the workers beside the first one raise an error."""

    def short(assignment, shared):
        from search.worker import multi_worker as there

        class Raising(there._Peer):
            def follow(self, meeting, *arguments):
                raise error

        genuine = there._Peer
        there._Peer = Raising if assignment["number"] == 0 else genuine
        try:
            from search.worker.trainable import trainable

            trainable(assignment, shared)
        finally:
            there._Peer = genuine

    return short


def test_a_follower_out_of_memory_ends_the_trial_with_its_reason(shared_ray, tmp_path, monkeypatch):
    short_of_memory = with_followers_that_raise(OutOfMemory("out of GPU memory: told by a test"))
    monkeypatch.setattr(ray_tune, "trainable", short_of_memory)
    spec = load_spec("digits", [*TWO, "search.trials=0", "search.baselines=[CL, FCL]", "space={}"])
    found = api.run(spec, results=tmp_path)
    first, second = found.history.trials.values()
    assert (first.state, first.reason) == ("failed", "out of GPU memory: told by a test")
    assert second.state == "finished"


def test_a_follower_whose_gpu_torch_cannot_use_pauses_the_search(shared_ray, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_tune, "trainable", with_followers_that_raise(UnusableGPU("the driver is too old")))
    spec = load_spec("digits", [*TWO, "search.trials=0", "search.baselines=[CL]", "space={}"])
    with pytest.raises(EnvironmentProblem, match=r"^the driver is too old; nothing is lost: mend it, then `afcl res"):
        api.run(spec, results=tmp_path)


def test_an_export_trains_on_as_many_workers_to_the_same_digit(undisturbed):
    (path,) = search.export(undisturbed.folder.name, results=undisturbed.folder.root)
    exported = export.read_export(path)
    assert exported.expected.workers == 2
    trained = retrain.train(exported, lambda step, metrics: None)
    assert retrain.compare(exported, trained.result).same
