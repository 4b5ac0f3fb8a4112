"""Whole trials on several real processes of this machine."""

import errno
import socket
import time
from contextlib import suppress

import pytest
import torch
from torch import distributed, multiprocessing
from trials import changed, run

from trainers.errors import DivergedError
from trainers.launch import local_processes
from trainers.launch.local_processes import run_trial_on
from trainers.launch.multi_worker import Meeting, _Dismissed, _interface_of, _joined, _LeaderFailed, backend_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def uneven(tiny_config):
    """60 images in three batches of 20, each of 40 rows; a classifier on augmented images, which has features anew."""
    return changed(tiny_config, representation={"batch_size": 21, "epochs": 3}, classifier={"augment": True})


@pytest.fixture(scope="module")
def alone(uneven, digits):
    return run(uneven, digits)


@pytest.fixture(scope="module", params=[2, 3])
def together(request, uneven, digits):
    return run(uneven, digits, on=request.param)


def test_several_workers_report_what_one_would(alone, together):
    assert [step for step, _ in together[0]] == [step for step, _ in alone[0]]
    for (_, ours), (_, expected) in zip(together[0], alone[0], strict=True):
        assert ours == pytest.approx(expected, rel=1e-3, abs=0.021)  # an image of 50 may fall on the other side
    assert together[0][0][1]["train_loss"] == pytest.approx(alone[0][0][1]["train_loss"], rel=1e-5)


def test_their_weights_are_those_of_one(alone, together):
    ours, expected = together[1][1], alone[1][1]
    assert list(ours.encoder) == list(expected.encoder)
    for name, weight in expected.encoder.items():
        torch.testing.assert_close(ours.encoder[name], weight, rtol=1e-3, atol=1e-4)


def test_a_trial_goes_on_with_any_number_of_workers_to_the_same_numbers(request, uneven, digits, together):
    told, saved, _ = together
    epoch, workers = (2, 3) if request.node.callspec.params["together"] == 2 else (4, 1)
    resumed = run(uneven, digits, saved[epoch], on=workers)[0]
    assert [step for step, _ in resumed] == [step for step, _ in told[epoch - 1 :]]
    for (_, ours), (_, expected) in zip(resumed, told[epoch - 1 :], strict=True):
        assert ours == pytest.approx(expected, rel=1e-3, abs=0.041)


def test_the_same_workers_give_the_same_bits_resumed_or_not(uneven, digits):
    told, saved, _ = run(uneven, digits, on=2)
    assert run(uneven, digits, saved[2], on=2)[0] == told[1:]


def test_a_leader_that_is_told_to_stop_leaves_no_worker_behind(uneven, digits):
    class StoppedError(Exception):
        pass

    def report(step, metrics):
        if step == 2:
            raise StoppedError

    started = time.monotonic()
    with pytest.raises(StoppedError):
        run_trial_on(3, uneven, digits, report)
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]
    assert time.monotonic() - started < 100  # and nobody was waited for in vain: END_PATIENCE alone would not show


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("not saved")])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_leader_that_cannot_save_says_so_and_leaves_no_worker_waiting(epoch, error, uneven, digits, monkeypatch):
    monkeypatch.setattr(local_processes, "END_PATIENCE", 60.0)
    failed = []

    def save(checkpoint):
        if checkpoint.epoch == epoch:
            failed.append(time.monotonic())
            raise error

    with pytest.raises(type(error)) as caught:
        run_trial_on(2, uneven, digits, lambda step, metrics: None, save=save)
    assert caught.value is error
    assert time.monotonic() - failed[0] < 30


@pytest.mark.parametrize(
    ("places", "backend"),
    [
        (["cpu", "cpu"], "gloo"),
        (["GPU-1", "GPU-2"], "nccl"),
        (["GPU-1", "GPU-1"], "gloo"),
        (["GPU-1", "GPU-2", "GPU-2"], "gloo"),
        (["GPU-1", "cpu"], "gloo"),
    ],
)
def test_workers_speak_by_nccl_only_where_each_has_a_gpu_of_its_own(places, backend):
    assert backend_for(places) == backend


@pytest.mark.parametrize("backend", ["gloo", "nccl"])
@pytest.mark.parametrize(
    ("error", "left_by_all"),
    [(None, True), (_Dismissed(), True), (DivergedError(), True), (_LeaderFailed(), False), (OSError(), False)],
    ids=repr,
)
def test_a_group_of_nccl_that_others_may_still_use_is_aborted_and_not_waited_for(
    error, left_by_all, backend, monkeypatch
):
    done = []
    monkeypatch.setattr(distributed, "init_process_group", lambda *names, **options: None)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: done.append("destroyed"))
    monkeypatch.setattr(distributed.distributed_c10d, "_abort_process_group", lambda: done.append("aborted"))
    with suppress(Exception), _joined(Meeting("127.0.0.1", 1, 2), None, 1, torch.device("cuda"), backend):
        if error is not None:
            raise error
    assert done == ["destroyed" if left_by_all or backend == "gloo" else "aborted"]


def test_the_workers_of_one_machine_speak_over_its_loopback():
    assert _interface_of("127.0.0.2").startswith("lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # sends nothing; only asks which address it would send from
        assert not _interface_of(asking.getsockname()[0]).startswith("lo")
