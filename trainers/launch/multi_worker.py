"""One trial on several workers, processes of one machine or of many: one leads, the others follow it step by step.

All run the whole trial on their shares of its batches. The leader is the one that is heard: it saves, it reports, and
it is told when to stop. After each of its reports it lets the followers go on, or dismisses them, as it does when it
fails: so none of them is left waiting for a leader that is gone.
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
from trainers.pipeline import Reporter, TrialResult, run_trial

LOOPBACK = "127.0.0.1"
# For one message between workers that are at the same step. Gloo notices a dead worker at once; NCCL waits so long and
# ends the process, whose trial Ray then tries again.
MESSAGE_PATIENCE = timedelta(minutes=10)
REPORT_PATIENCE = timedelta(days=1)  # for a report of the leader's; its death is noticed at once
GO_ON, DISMISSED, FAILED = "go on", "dismissed", "failed"
BACKEND = "backend"  # the store's key of what the workers speak by


class _Dismissed(Exception):
    """The leader was told to stop."""


class _LeaderFailed(Exception):
    """The leader met an error, which it tells itself."""


@dataclass(frozen=True)
class Meeting:
    """Where the workers of a trial meet: an address and a port of the leader's machine, and how many they are.

    Whoever can reach the port can speak to it: a loopback address keeps it to the machine.
    """

    host: str
    port: int
    size: int


@contextmanager
def called(host: str, size: int) -> Iterator[tuple[Meeting, TCPStore]]:
    """Call a meeting as the leader: `host` is an address of this machine that the followers reach."""
    with socket.create_server((host, 0)) as server:  # torch would listen on every address
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
    """Run a trial as its leader; see `run_trial`. The followers have been started, with the same arguments.

    check: called again and again until they have come; raises when one of them will not.
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
        except BaseException:  # before the group is left: the followers are to leave it too
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
    """Run a trial as one of its followers, to its end or until the leader is told to stop.

    rank: from 1. address: of this machine, as the others reach it.
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
    """What the workers speak by, from where each of them computes: "cpu", or the UUID of its GPU.

    NCCL where each has a GPU of its own. It refuses two ranks on one GPU, so workers that share one speak by gloo,
    which takes CUDA tensors by way of the host; so do those on CPUs.
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
    """Be one of the meeting's process group inside.

    is_end_of_all: whether all workers leave it together with such an error, as they do when all have diverged.
    """
    interface = _interface_of(address or meeting.host)
    for library in ("GLOO", "NCCL"):  # which read it when a group is made
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
            # destroyed, NCCL would let what is under way complete, and wait for ever for those that are elsewhere in it
            distributed.distributed_c10d._abort_process_group()
        else:  # gloo breaks its connections, by which the others notice
            distributed.destroy_process_group()
        raise
    distributed.destroy_process_group()


def _interface_of(address: str) -> str:
    """The network interface that has an address of this machine: gloo and NCCL would take that of the host's name."""
    names = [name for _, name in socket.if_nameindex()]
    if address.startswith("127."):
        return next(name for name in names if name.startswith("lo"))
    import fcntl  # not on Windows

    SIOCGIFADDR = 0x8915  # Linux: the address of an interface
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for name in names:
            with suppress(OSError):  # it has no IPv4 address
                answer = fcntl.ioctl(asking.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                if socket.inet_ntoa(answer[20:24]) == address:
                    return name
    raise OSError(f"no network interface of this machine has the address {address}")
