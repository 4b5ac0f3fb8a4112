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
from trainers.pipeline import Reporter, run_trial
from trainers.trial_result import TrialResult

END_PATIENCE = 10.0  # seconds that a follower has to end by itself before it is killed


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
    """Run a trial as `run_trial` does, on `workers` processes of which this process is the leader.

    `device` says whether the workers use CPUs or GPUs; None: CPUs. Several workers take the GPUs from the first on, and
    share GPUs if there are fewer GPUs than workers. Raises EnvironmentProblem if a worker dies.
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
            check()  # the leader's error may only be a consequence of a follower's death
            raise


@contextmanager
def _followers(
    meeting: Meeting, config: TrialConfig, data: TrialData, resume: Checkpoint | None, devices: list[torch.device]
) -> Iterator[Callable[[], None]]:
    # forked processes would share this one's threads and GPU, and hang
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
            if follower.exitcode:  # 0: the follower ended because the leader had an error of its own
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
    with suppress(DivergedError):  # the leader reports the error
        follow(meeting, rank, config, data, resume, address=LOOPBACK, device=device)
