import types

import pytest
import torch

from search.worker import gpu_share as grant


@pytest.fixture
def shares(monkeypatch):
    """The memory shares that are set, on a node where Ray granted a quarter of a GPU."""
    told = []
    runtime = types.SimpleNamespace(get_assigned_resources=lambda: {"CPU": 1.0, "GPU": 0.25})
    monkeypatch.setattr(grant.ray, "get_gpu_ids", lambda: [0])
    monkeypatch.setattr(grant.ray, "get_runtime_context", lambda: runtime)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: told.append("emptied"))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, device: told.append(share))
    return told


def test_a_trial_gets_its_share_of_the_gpu_and_the_next_one_finds_all_of_it(shares):
    with grant.granted() as device:
        assert device == torch.device("cuda", 0)
        assert shares == ["emptied", 0.25]
    assert shares == ["emptied", 0.25, 1.0]


def test_the_share_is_undone_after_a_trial_that_was_stopped(shares):
    with pytest.raises(SystemExit), grant.granted():  # so Ray ends the thread of a stopped trial
        raise SystemExit(0)
    assert shares[-1] == 1.0


def test_a_trial_of_several_gpus_uses_all_of_its_first(shares, monkeypatch):
    runtime = types.SimpleNamespace(get_assigned_resources=lambda: {"GPU": 2.0})
    monkeypatch.setattr(grant.ray, "get_runtime_context", lambda: runtime)
    with grant.granted():
        assert shares[-1] == 1.0


def test_a_trial_on_the_cpu_touches_no_gpu(shares, monkeypatch):
    monkeypatch.setattr(grant.ray, "get_gpu_ids", list)
    with grant.granted() as device:
        assert device == torch.device("cpu")
    assert shares == []


def test_a_gpu_that_torch_cannot_use_is_no_reason_to_go_on_with_the_cpu(shares, monkeypatch):
    def init():
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 12020). Please update your driver"
        )

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # NVML sees it all the same
    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(
        grant.UnusableGPU, match=r"driver on your system is too old \(found version 12020\)[^.]*; "
    ) as raised:
        grant.granted_device()
    assert "\n" not in str(raised.value)


def test_a_gpu_that_ray_was_only_told_of_leaves_a_trial_on_the_cpu(shares, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert grant.granted_device() == torch.device("cpu")


def test_a_gpu_that_is_apples_is_a_trials_without_a_limit_of_its_memory(shares, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with grant.granted() as device:
        assert device == torch.device("mps", 0)
    assert shares == []
