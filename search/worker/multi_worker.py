"""A trial on several workers: the worker that Tune started leads, and starts an actor for each of the others.

The actors are in the other bundles of the trial's placement group, and die with the worker that started them. Like that
worker they are used again by later trials.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util import get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from search.worker.gpu_share import UnusableGPU, granted
from trainers.checkpoint import Checkpoint
from trainers.config import TrialConfig
from trainers.data.arrays import TrialData
from trainers.errors import DivergedError, OutOfMemory
from trainers.launch.multi_worker import LOOPBACK, Meeting, called, follow, lead
from trainers.pipeline import Reporter, run_trial
from trainers.trial_result import TrialResult

START_PATIENCE = 120.0  # seconds for a new process to start; it imports torch, perhaps on a busy node
END_PATIENCE = 1.0  # seconds; Tune gives a stopped trial two seconds to end
REASON_PATIENCE = 10.0  # seconds to wait for the reason of a worker that has failed


class LostWorker(RuntimeError):
    """A process of the trial, or its node, died: another attempt may succeed."""


@dataclass(frozen=True)
class WorkerPlace:
    """Where a worker runs: its node's id in Ray, its node's address and its process."""

    node: str
    address: str
    pid: int


def run_on_workers(
    workers: int,
    config: TrialConfig,
    data: "ray.ObjectRef[TrialData]",
    report: Reporter,
    resume: Checkpoint | None,
    *,
    save: Callable[[Checkpoint], object],
    device: torch.device,
) -> TrialResult:
    """Run a trial as `run_trial` does, on `workers` workers of its placement group. This process is their leader.

    Raises LostWorker if another worker dies or does not start.
    """
    if workers == 1:
        return run_trial(config, ray.get(data), report, resume, save=save, device=device)
    peers, places = _assembled(workers)
    own = _here()
    one_node = all(place.node == own.node for place in places)
    print("leads " + ", ".join(f"pid {place.pid}{'' if one_node else f' on {place.address}'}" for place in places))
    with called(LOOPBACK if one_node else own.address, workers) as (meeting, store):
        following = [
            peer.follow.remote(meeting, rank, config, data, resume, torch.get_num_threads())
            for rank, peer in enumerate(peers, 1)
        ]

        def check() -> None:
            ray.get(ray.wait(following, timeout=0)[0])  # no follower ends before the leader, except by an error

        try:
            return lead(meeting, store, config, ray.get(data), report, resume, save=save, device=device, check=check)
        except DivergedError:  # every worker diverges in the same way
            raise
        except Exception as error:
            cause = _cause(following, error)
            _dismiss()
            raise cause from (error if cause is not error else None)
        finally:
            # keep the rendezvous store open until the other workers have learned that the trial ended
            ray.wait(following, num_returns=len(following), timeout=END_PATIENCE)


class _Peer:
    """An actor that takes part in one trial after another, led by the worker that Tune started."""

    def where(self) -> WorkerPlace:
        return _here()

    def follow(
        self,
        meeting: Meeting,
        rank: int,
        config: TrialConfig,
        data: TrialData,
        resume: Checkpoint | None,
        threads: int,
    ) -> None:
        torch.set_num_threads(threads)
        address = LOOPBACK if meeting.host == LOOPBACK else _here().address
        with granted() as device:
            follow(meeting, rank, config, data, resume, address=address, device=device)


def _here() -> WorkerPlace:
    return WorkerPlace(ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address(), os.getpid())


_peers: list[Any] = []  # the other workers; this process stays in one placement group as long as it lives


def _assembled(workers: int) -> tuple[list[Any], list[WorkerPlace]]:
    """The other workers, and where each runs. Those of the last trial are used again if all of them answer in time.

    Raises LostWorker if they do not start in time.
    """
    for patience in (START_PATIENCE, START_PATIENCE):
        if not _peers:
            _peers.extend(_called_to_life(workers))
        try:
            return _peers, ray.get([peer.where.remote() for peer in _peers], timeout=patience)
        except RayError:
            _dismiss()
    raise LostWorker(f"{workers - 1} workers beside this one did not start within {START_PATIENCE:.0f} s")


def _called_to_life(workers: int) -> list[Any]:
    group = get_current_placement_group()
    assert group is not None, "Tune starts every trial in a placement group"
    return [
        ray.remote(_Peer)
        .options(
            num_cpus=group.bundle_specs[bundle].get("CPU", 0),
            num_gpus=group.bundle_specs[bundle].get("GPU", 0),
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle),
        )
        .remote()
        for bundle in range(1, workers)
    ]


def _dismiss() -> None:
    for peer in _peers:
        ray.kill(peer)
    _peers.clear()


def _cause(following: list[Any], error: Exception) -> Exception:
    """The error to raise for the leader's `error`.

    An out-of-memory error of the leader is returned as it is. Else this is LostWorker if a follower died, an
    out-of-memory or UnusableGPU error of a follower, or `error`, in this order.
    """
    if isinstance(error, OutOfMemory) and not isinstance(error, RayTaskError):
        return error
    failed: list[Exception] = []
    for one in ray.wait(following, num_returns=len(following), timeout=REASON_PATIENCE)[0]:
        try:
            ray.get(one)
        except RayActorError:
            return LostWorker("a worker of the trial died")
        except RayTaskError as raised:
            failed.append(raised.cause if isinstance(raised.cause, Exception) else raised)
    return next((one for one in failed if isinstance(one, (OutOfMemory, UnusableGPU))), error)
