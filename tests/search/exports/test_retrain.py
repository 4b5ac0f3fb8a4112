"""What `afcl train` says of a score that is another than the exported one. Records made by hand: no GPU is here."""

import pytest
import torch
from exported import export_of

from search.exports import retrain
from search.exports.export import Expected, Export
from trainers.config import TrialConfig
from trainers.parsing import parse
from trainers.trial_result import TrialResult


@pytest.fixture
def said(told):
    """The verdict on a score .01 off (or so far as given), of an export from one place that was trained in another."""

    def say(there: dict, here: dict, off: float = 0.01, *, deterministic: bool = False) -> str:
        document = export_of(told)
        expected = parse(Expected, document["expected"] | there, "expected")
        config = parse(TrialConfig, document["config"] | {"deterministic": deterministic}, "config")
        metrics = {"val_balanced_accuracy": expected.value + off}
        result = TrialResult(3, metrics, [[1]], {"3": 1.0}, ("3",), expected.data_fingerprint, **here)
        comparison = retrain.compare(Export(config, expected), result)
        assert comparison.within_tolerance == (off <= retrain.GPU_TOLERANCE)
        return list(retrain.in_words(comparison))[-1]

    return say


CPU, A100 = {"device": "cpu", "gpu": None}, {"device": "cuda:0", "gpu": "NVIDIA A100"}


def test_on_a_cpu_another_score_is_for_us_to_know(said):
    assert said(CPU, CPU) == "not the same, although CPU kind, versions and device are: please report this"
    assert said(CPU, CPU, 0.0) == "the same, to the last digit"


def test_on_the_same_gpu_a_score_may_be_another_within_the_tolerance(said):
    told = said(A100, A100)
    assert told == "not the same to the digit, but within 0.02, which a GPU may be off without `deterministic`"
    assert said(A100, A100, 0.03) == (
        "not the same, and more than 0.02 off, the most that a GPU should be without `deterministic`, although GPU, "
        "CPU and versions are the same: please report this"
    )
    assert said(A100, A100, 0.0) == "the same, to the last digit"


def test_with_deterministic_kernels_a_gpu_owes_every_digit(said):
    assert said(A100, A100, deterministic=True) == (
        "not the same, although CPU kind, versions and device are: please report this"
    )


def test_another_gpu_is_named(said):
    there = A100 | {"gpu": "NVIDIA T4"}
    assert said(there, A100) == (
        "not the same to the digit, but within 0.02, which a GPU may be off without `deterministic`: "
        "GPU NVIDIA T4 there, NVIDIA A100 here"
    )
    assert said(there, A100, 0.03).startswith("not the same, and more than 0.02 off, the most that a GPU")
    assert said(there, A100, 0.03).endswith("`deterministic`: GPU NVIDIA T4 there, NVIDIA A100 here")
    assert said(there, A100, deterministic=True) == "not the same: GPU NVIDIA T4 there, NVIDIA A100 here"


def test_of_an_older_export_the_gpu_is_not_known(said):
    assert said({"device": "cuda"}, A100).endswith(": GPU not recorded there, NVIDIA A100 here")


def test_what_a_gpu_trained_is_compared_on_a_cpu_with_the_same_tolerance(said):
    assert said(A100, CPU) == (
        "not the same to the digit, but within 0.02, which a GPU may be off without `deterministic`: "
        "device cuda:0 there, cpu here"
    )


def test_what_was_trained_on_a_gpu_is_trained_on_the_gpu_that_is_here_by_one_worker_where_it_is_apples(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert retrain._device_like("cuda:0") == retrain._device_like("mps:0") == torch.device("mps")
    assert retrain._device_like("cpu") == torch.device("cpu")
    assert retrain._workers_on(torch.device("mps"), 2) == 1
    assert retrain._workers_on(torch.device("cpu"), 2) == 2
