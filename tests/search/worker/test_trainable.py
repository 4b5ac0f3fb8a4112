"""Ray's trainable, called as a worker calls it; and what Ray makes of a worker that gave up."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from search import api
from search.engine import ray_tune
from search.storage.trial_folder import TrialFolder
from search.worker import trainable
from search.worker.gpu_share import UnusableGPU
from search.worker.messages import Failed, Pause, from_result
from spaces.spec import load_spec
from trainers.data import load_test
from trainers.errors import DivergedError, OutOfMemory
from trainers.stages.class_measures import class_measures


@pytest.fixture
def attempt(monkeypatch, tmp_path, tiny_config):
    """Take the trial on, in which `run_trial` raises an error; what the driver is told."""
    monkeypatch.setattr("search.worker.gpu_share.ray.get_gpu_ids", list)
    told = []
    monkeypatch.setattr(trainable.tune, "report", lambda result: told.append(from_result(result)))
    config = tiny_config.model_dump(mode="json")
    monkeypatch.setattr(trainable.ray, "get", lambda reference: None)
    shared = trainable.SharedData({tiny_config.data.seed: None}, None)
    assignment = {"number": 0, "folder": str(tmp_path / "0000"), "config": config, "threads": 1, "workers": 1}

    def take(error, has_whole_gpus=True):
        def run_on_workers(*arguments, **named):
            raise error

        monkeypatch.setattr(trainable, "run_on_workers", run_on_workers)
        told.clear()
        trainable.trainable(assignment | {"has_whole_gpus": has_whole_gpus}, shared)
        return told.copy()

    return take


@pytest.mark.parametrize("has_whole_gpus", [True, False])
def test_a_trial_out_of_memory_twice_is_given_up_and_its_values_are_blamed_only_if_it_was_alone(
    has_whole_gpus, attempt
):
    error = OutOfMemory("out of GPU memory with representation.batch_size=512")
    for _ in range(2):  # the first time, it may be what another process had of the card
        with pytest.raises(OutOfMemory):
            attempt(error, has_whole_gpus)
    told = attempt(AssertionError("it tried"), has_whole_gpus)
    assert told == [Failed(str(error), by_values=has_whole_gpus)]


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("device-side assert triggered"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ],
)
def test_no_worker_goes_on_after_an_error_of_cuda(attempt, error):
    for _ in range(2):  # the first time it may be a passing one
        with pytest.raises(type(error)):
            attempt(error)
    assert attempt(AssertionError("it tried")) == [Failed(f"crashed twice with: {type(error).__name__}: {error}")]


def test_a_worker_goes_on_after_any_other_error_that_came_twice(attempt):
    error = RuntimeError("shapes do not match")
    with pytest.raises(RuntimeError):
        attempt(error)
    assert attempt(error) == [Failed("crashed twice with: RuntimeError: shapes do not match")]


def test_a_diverged_trial_is_reported_at_once_and_its_worker_goes_on(attempt):
    assert attempt(DivergedError("loss is nan")) == [Failed("diverged: loss is nan", by_values=True)]


def test_a_gpu_that_torch_cannot_use_pauses_the_search_without_a_try(attempt, monkeypatch):
    def granted_device():
        raise UnusableGPU("the driver is too old")

    monkeypatch.setattr("search.worker.gpu_share.granted_device", granted_device)
    assert attempt(AssertionError("it tried")) == [Pause("the driver is too old")]


def test_a_gpu_that_another_worker_of_the_trial_cannot_use_pauses_the_search(attempt):
    assert attempt(UnusableGPU("the driver is too old")) == [Pause("the driver is too old")]


def test_a_run_of_a_confirmation_leaves_what_it_gave_every_image(monkeypatch, tmp_path, tiny_config, digits):
    monkeypatch.setattr("search.worker.gpu_share.ray.get_gpu_ids", list)
    told = []
    monkeypatch.setattr(trainable.tune, "report", lambda result: told.append(result))
    monkeypatch.setattr(trainable.ray, "get", lambda reference: reference)
    test = load_test(tiny_config.data)
    assignment = {"number": 0, "folder": str(tmp_path / "0000"), "config": tiny_config.model_dump(mode="json")}
    assignment |= {"threads": 1, "workers": 1, "has_whole_gpus": True}
    trainable.trainable(assignment, trainable.SharedData({tiny_config.data.seed: digits}, test))
    files, last = TrialFolder(tmp_path / "0000"), told[-1]["metrics"]
    left, result = files.read_scores(), files.read_result()
    assert (left.validation_labels == digits.validation.labels).all()
    assert (left.test_labels == test.labels).all()
    assert left.test.argmax(1).tolist() == result["test"]["predicted"]
    for split, logits, labels in (("val", left.validation, digits.validation.labels), ("test", left.test, test.labels)):
        measured = class_measures(torch.from_numpy(logits), torch.from_numpy(np.array(labels)), digits.class_names)
        assert {name: last[f"{split}_{name}"] for name in measured} == measured
    assert not any("test" in name for message in told[:-1] for name in message["metrics"])
    assert set(result["test"]) == {"metrics", "confusion", "predicted"}


@pytest.mark.slow
def test_a_worker_that_ran_out_of_memory_takes_no_trial_after_it(tmp_path, shared_ray, monkeypatch):
    """A real Ray that uses its workers again: the first trial fails, the second finishes in a worker of its own."""
    spec = load_spec(
        "digits",
        [
            *("search.trials=0", "search.baselines=[CL, FCL]", "space={}", "search.max_failed_share=1"),
            *("search.max_concurrent=1", "representation.epochs=2", "search.scheduler.grace=1"),
        ],
    )
    log = tmp_path / "workers"

    def short_of_memory(assignment, shared):
        from search.worker import trainable as there

        genuine = there.run_on_workers

        def run_on_workers(*arguments, **named):
            with log.open("a") as file:
                file.write(f"{assignment['number']} {os.getpid()}\n")
            if assignment["number"] == 0:
                raise OutOfMemory("out of GPU memory: told by a test")
            return genuine(*arguments, **named)

        there.run_on_workers = run_on_workers
        try:
            there.trainable(assignment, shared)
        finally:
            there.run_on_workers = genuine

    monkeypatch.setattr(ray_tune, "trainable", short_of_memory)
    found = api.run(spec, results=tmp_path / "results")
    first, second = found.history.trials[0], found.history.trials[1]
    assert (first.state, first.reason) == ("failed", "out of GPU memory: told by a test")
    assert second.state == "finished"
    tries = [line.split() for line in log.read_text().splitlines()]
    assert sorted(number for number, _ in tries) == ["0", "0", "1"]
    assert len({pid for number, pid in tries if number == "0"}) == 2
    assert "Traceback" in (Path(found.folder.trial(0).log)).read_text()
