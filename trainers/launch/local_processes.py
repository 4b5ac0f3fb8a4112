"""One trial on several processes of this machine, outside of any cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import multiprocessing

from trainers.checkpoint import Checkpoint
from trainers.config import TrialConfig
from trainers.data.arrays import TrialData
from trainers.errors import DivergedError, EnvironmentProblem
from trainers.launch.multi_worker import LOOPBACK, Meeting, called, follow, lead
from trainers.pipeline import Reporter, TrialResult, run_trial

END_PATIENCE = 10.0  # seconds in which a follower that was dismissed ends by itself


def run_trial_on(
    workers: int,
    config: TrialConfig,
    data: TrialData,
    report: Reporter,
    resume: Checkpoint | None = None,
    *,
    save: Callable[[Checkpoint], object] = lambda checkpoint: None,
    device: torch.device | None = None,
) -> TrialResult:
    """Run a trial as `run_trial` does, led by this process, with so many workers in all.

    device: of the kind of which each worker has one; GPUs are taken from the first on, and shared where there are
    fewer than workers. Raises EnvironmentProblem when a worker dies.
    """
    device = device or torch.device("cpu")
    if workers == 1:
        return run_trial(config, data, report, resume, save=save, device=device)
    devices = [device] * workers
    if device.type == "cuda":
        devices = [torch.device("cuda", rank % torch.cuda.device_count()) for rank in range(workers)]
    with called(LOOPBACK, workers) as (meeting, store), _followers(meeting, config, data, resume, devices) as check:
        try:
            return lead(meeting, store, config, data, report, resume, save=save, device=devices[0], check=check)
        except (DivergedError, EnvironmentProblem):
            raise
        except RuntimeError:
            check()  # what the leader met may only follow from that
            raise


@contextmanager
def _followers(
    meeting: Meeting, config: TrialConfig, data: TrialData, resume: Checkpoint | None, devices: list[torch.device]
) -> Iterator[Callable[[], None]]:
    # forked, they would share the threads and the GPU of this process, and hang
    start = multiprocessing.get_context("spawn")
    followers = [
        start.Process(
            target=_follow,
            args=(meeting, rank, config, data, resume, devices[rank], torch.get_num_threads()),
            daemon=True,
        )
        for rank in range(1, meeting.size)
    ]

    def check() -> None:
        for follower in followers:
            if follower.exitcode:  # with 0 it was let go by a leader that met an error of its own
                raise EnvironmentProblem(f"a worker of the trial ended with exit code {follower.exitcode}; try again")

    try:
        for follower in followers:
            follower.start()
        yield check
    finally:
        for follower in followers:
            follower.join(END_PATIENCE)
            follower.kill()


def _follow(
    meeting: Meeting,
    rank: int,
    config: TrialConfig,
    data: TrialData,
    resume: Checkpoint | None,
    device: torch.device,
    threads: int,
) -> None:
    torch.set_num_threads(threads)
    with suppress(DivergedError):  # the leader's words are enough
        follow(meeting, rank, config, data, resume, address=LOOPBACK, device=device)
