"""One trial on several workers, processes of one machine or of many: one leads, the others follow it step by step.

All workers run the whole trial, each on its share of every batch. The leader alone saves and reports, and its reporter
may stop the trial. After each report the leader tells the followers to go on. If the leader is stopped or fails, it
tells them so, and no follower waits for a leader that is gone.
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch
from torch import distributed
from torch._C._distributed_c10d import TCPStore

from trainers.checkpoint import Checkpoint
from trainers.compute.data_parallel import Group
from trainers.config import TrialConfig
from trainers.data.arrays import TrialData
from trainers.errors import DivergedError
from trainers.pipeline import Reporter, run_trial
from trainers.trial_result import TrialResult

LOOPBACK = "127.0.0.1"
# How long workers at the same step wait for a message. Gloo notices a dead worker at once. NCCL waits this long
# and then ends the process, and Ray tries the trial again.
MESSAGE_PATIENCE = timedelta(minutes=10)
REPORT_PATIENCE = timedelta(days=1)  # how long a leader's report may take; the leader's death is noticed at once
GO_ON, DISMISSED, FAILED = "go on", "dismissed", "failed"
BACKEND = "backend"  # the store's key for the backend (nccl, gloo)


class _Dismissed(Exception):
    """Raised in a follower: the leader's reporter has stopped the trial."""


class _LeaderFailed(Exception):
    """Raised in a follower: the leader had an error, which the leader reports itself."""


@dataclass(frozen=True)
class Meeting:
    """Where a trial's workers find each other: address and port on the leader's machine, and the number of workers.

    Anybody who can reach the port can send messages to it; with a loopback address only this machine can.
    """

    host: str
    port: int
    size: int


@contextmanager
def called(host: str, size: int) -> Iterator[tuple[Meeting, TCPStore]]:
    """Open the meeting point of a trial's workers, as the leader.

    Yields the `Meeting`, and the key-value store through which the workers exchange messages. `host` is an address of
    this machine that the followers can reach. `size` is the number of workers, the leader included.
    """
    with socket.create_server((host, 0)) as server:  # else torch would listen on every address
        meeting = Meeting(host, server.getsockname()[1], size)
        store = TCPStore(
            host,
            meeting.port,
            is_master=True,
            wait_for_workers=False,
            timeout=MESSAGE_PATIENCE,
            master_listen_fd=os.dup(server.fileno()),
        )
        yield meeting, store


def lead(
    meeting: Meeting,
    store: TCPStore,
    config: TrialConfig,
    data: TrialData,
    report: Reporter,
    resume: Checkpoint | None,
    *,
    save: Callable[[Checkpoint], object],
    device: torch.device,
    check: Callable[[], object],
) -> TrialResult:
    """Run a trial as its leader; see `run_trial`. The followers must have been started with the same arguments.

    `check` is called repeatedly until all followers have arrived. It should raise an error if a follower has failed.
    """
    under_way = 1 if resume is None else resume.epoch
    stopped = False

    def report_and_go_on(step: int, metrics: Mapping[str, float]) -> None:
        nonlocal under_way, stopped
        try:
            report(step, metrics)
        except BaseException:
            stopped = True
            raise
        store.set(_after(step), GO_ON)
        under_way = step + 1

    followers = [_here(rank) for rank in range(1, meeting.size)]
    while not store.check(followers):
        check()
        time.sleep(0.005)
    backend = backend_for([_place_of(device), *(store.get(one).decode() for one in followers)])
    store.set(BACKEND, backend)
    with _joined(meeting, store, 0, device, backend, is_end_of_all=lambda error: stopped) as group:
        try:
            return run_trial(config, data, report_and_go_on, resume, save=save, device=device, group=group)
        except BaseException:  # before leaving the group, so that the followers leave it too
            store.set(_after(under_way), DISMISSED if stopped else FAILED)
            raise


def follow(
    meeting: Meeting,
    rank: int,
    config: TrialConfig,
    data: TrialData,
    resume: Checkpoint | None,
    *,
    address: str,
    device: torch.device,
) -> None:
    """Run a trial as a follower, until the trial ends, or the leader is stopped or fails.

    `rank` is the follower's number, from 1. `address` is an address of this machine that the other workers can reach.
    """
    store = TCPStore(meeting.host, meeting.port, is_master=False, timeout=MESSAGE_PATIENCE)

    def wait_for_the_leader(step: int, metrics: Mapping[str, float]) -> None:
        store.wait([_after(step)], REPORT_PATIENCE)
        word = store.get(_after(step)).decode()
        if word == DISMISSED:
            raise _Dismissed
        if word == FAILED:
            raise _LeaderFailed

    store.set(_here(rank), _place_of(device))
    backend = store.get(BACKEND).decode()
    with suppress(_Dismissed, _LeaderFailed), _joined(meeting, store, rank, device, backend, address) as group:
        run_trial(config, data, wait_for_the_leader, resume, device=device, group=group)


def backend_for(places: Sequence[str]) -> Literal["nccl", "gloo"]:
    """The backend of torch.distributed. places: for each worker "cpu", or the UUID of the GPU on which it computes.

    It is NCCL if each worker has a GPU of its own. NCCL refuses two ranks on one GPU, so workers that share a GPU use
    gloo, which copies CUDA tensors through the host. Workers on CPUs use gloo as well.
    """
    each_its_own = len(set(places)) == len(places)
    return "nccl" if each_its_own and "cpu" not in places else "gloo"


def _place_of(device: torch.device) -> str:
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else "cpu"


def _here(rank: int) -> str:
    return f"here {rank}"


def _after(step: int) -> str:
    return f"after {step}"


@contextmanager
def _joined(
    meeting: Meeting,
    store: Any,
    rank: int,
    device: torch.device,
    backend: str,
    address: str | None = None,
    is_end_of_all: Callable[[BaseException], bool] = lambda error: isinstance(error, _Dismissed),
) -> Iterator[Group]:
    """Within the block this worker belongs to the process group of the trial's workers. Yields its `Group`.

    `is_end_of_all` says whether an error means that all workers leave together, as when the leader is stopped. A
    DivergedError always means this.
    """
    interface = _interface_of(address or meeting.host)
    for library in ("GLOO", "NCCL"):  # both read the variable when a group is made
        os.environ[f"{library}_SOCKET_IFNAME"] = interface
    by_nccl = backend == "nccl"
    distributed.init_process_group(
        backend,
        store=store,
        rank=rank,
        world_size=meeting.size,
        timeout=MESSAGE_PATIENCE,
        device_id=device if by_nccl else None,
    )
    try:
        yield Group(rank, meeting.size)
    except BaseException as error:
        if by_nccl and not (isinstance(error, DivergedError) or is_end_of_all(error)):
            # destroy would wait for pending operations, for ever if other workers do not take part in them
            distributed.distributed_c10d._abort_process_group()
        else:  # gloo closes its connections, so the others notice
            distributed.destroy_process_group()
        raise
    distributed.destroy_process_group()


def _interface_of(address: str) -> str:
    """The name of the network interface that has this machine's `address`.

    Left to themselves, gloo and NCCL may take an interface that other workers cannot reach. Raises OSError if no
    interface has the address.
    """
    names = [name for _, name in socket.if_nameindex()]
    if address.startswith("127."):
        return next(name for name in names if name.startswith("lo"))
    import fcntl  # not on Windows

    SIOCGIFADDR = 0x8915  # Linux: the address of an interface
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for name in names:
            with suppress(OSError):  # the interface has no IPv4 address
                answer = fcntl.ioctl(asking.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                if socket.inet_ntoa(answer[20:24]) == address:
                    return name
    raise OSError(f"no network interface of this machine has the address {address}")
