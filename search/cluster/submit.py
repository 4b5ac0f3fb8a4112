"""Run searches on a cluster from a machine that is not part of it: submit them, look at them, stop them.

A submitted search is a Ray job on the head that runs `afcl search` with this machine's code. All of its files are in a
folder that all nodes share, or in a store; the job itself keeps nothing. So a search whose job or head has died can be
submitted again, and goes on.
"""

import hashlib
import os
import secrets
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from search.cluster import job_secrets, ray_jobs
from search.storage.addresses import is_relative
from search.storage.own_code import PACKAGES, package_folder
from search.storage.provenance import COMMIT_SENT, VERSION_SENT, code_hash, git_commit, own_version
from spaces.own_parts import own_parts
from spaces.spec import SearchSpec
from trainers.commands import command_line
from trainers.errors import EnvironmentProblem, InputError
from trainers.own_parts import source_folder
from trainers.wording import shown as shown_value

if TYPE_CHECKING:
    from ray.dashboard.modules.job.pydantic_models import JobDetails

ENTRYPOINT = "python -P -m search run-job"  # -P: do not import a folder named "search" from where Ray was started
READER = "python -P -m search read-job"
OF_THE_HEAD = PurePosixPath("~/.cache/afcl/results")  # a folder on the head's disk, used if a store keeps the search
READ_SECONDS, STOP_SECONDS = 90.0, 60
STATES = {"PENDING": "pending", "RUNNING": "running", "SUCCEEDED": "done", "STOPPED": "stopped", "FAILED": "failed"}
INTERRUPTED = 130  # afcl's exit code after an interrupt


@dataclass(frozen=True)
class Submitted:
    """A search that was submitted to a cluster."""

    name: str
    job: str
    begun: bool  # True if this call began the search; False if it was running already
    address: str
    names_tracking: bool  # whether the search's spec says where MLflow is
    handed: frozenset[str] = frozenset()  # names of the environment variables that were sent with the search
    secret: frozenset[str] = frozenset()  # those of them whose values are secrets


@dataclass(frozen=True)
class JobStatus:
    """The state of a submitted search, from its newest job."""

    name: str
    state: str  # pending, running, done, stopped, interrupted or failed
    job: str
    minutes: float  # from the job's start to its end, or until now
    results: str  # the results folder on the cluster
    last: str  # the last line that the job printed about the search's state


def submit(
    spec: SearchSpec,
    *,
    address: str | None,
    results: PurePosixPath | None,
    data: PurePosixPath | None = None,
    installed: bool = False,
    anyway: bool = False,
) -> Submitted:
    """Have a cluster run a search, or go on with it. Nothing happens if the search is already running there.

    Args:
        spec: the search's spec.
        address: the cluster's dashboard, http://HEAD:8265; by default RAY_API_SERVER_ADDRESS.
        results: a folder on the cluster that all of its nodes share; not needed if the spec names a store.
        data: the folder of data sets on the cluster.
        installed: True if the nodes have this code installed. Then no code is sent.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search began.

    Raises:
        InputError: a path on the cluster is not absolute, or another search of that name runs there.
        EnvironmentProblem: no cluster answers at the address, or it refuses our token.
    """
    if results is None and spec.storage.uri is not None:
        results = OF_THE_HEAD
    elif results is None or not results.is_absolute():
        raise InputError(
            "--results: must be the whole path of a folder that all nodes share, as a job's own folder is "
            f"gone with the job, but got {'nothing' if results is None else shown_value(str(results))}; or name a "
            "--storage, which all nodes reach"
        )
    if spec.data.path is not None and not PurePosixPath(spec.data.path).is_absolute():
        raise InputError(f"data.path: must be a whole path on the cluster, but got {shown_value(spec.data.path)}")
    if spec.tracking.uri is not None and is_relative(spec.tracking.uri):
        raise InputError(
            "tracking.uri: must be a server's address, or a database by its whole path on the cluster, but got "
            f"{shown_value(spec.tracking.uri)}"
        )
    door = ray_jobs.knock(address)
    before, kind = ray_jobs.searches(door, spec.name), _kind(spec, results)
    if before and before[-1].status not in ray_jobs.ENDED:
        if (before[-1].metadata or {}).get(ray_jobs.SPEC) != kind:
            raise InputError(f"--name: another search {spec.name!r} runs there; choose another name, or stop it first")
        return Submitted(spec.name, str(before[-1].submission_id), False, door.address, spec.tracking.uri is not None)
    environment = job_secrets.credentials(os.environ)
    told = {
        "spec": spec.dump(),
        "results": str(results),
        "data": None if data is None else str(data),
        "code": code_hash(),
        "anyway": anyway,
        "environment": environment,
    }
    job = ray_jobs.submit(
        door,
        entrypoint=ENTRYPOINT,
        submission_id=f"afcl-{spec.name}-{len(before) + 1}",
        runtime_env=_environment(_handed(door, told), own_parts(spec), installed=installed),
        metadata={ray_jobs.SEARCH: spec.name, ray_jobs.RESULTS: str(results), ray_jobs.SPEC: kind},
    )
    secret = job_secrets.secrets_among(environment)
    return Submitted(spec.name, job, True, door.address, spec.tracking.uri is not None, frozenset(environment), secret)


def _handed(door: ray_jobs.Door, told: dict[str, Any]) -> str:
    with ray_jobs.answering(door.address):
        return job_secrets.hand_over(door.address, door.headers, told)


def in_words(made: Submitted) -> Iterator[str]:
    """Yields the lines that tell the outcome of a submission, and how to go on."""
    if not made.begun:
        yield f"{made.name} runs there already, as job {made.job}: nothing was submitted"
    else:
        yield f"{made.name} is job {made.job}"
        if not made.names_tracking and "MLFLOW_TRACKING_URI" not in made.handed:
            yield (
                "no MLflow server is named: unless the cluster's own MLFLOW_TRACKING_URI does, the runs go to a file "
                "in the results folder"
            )
        if made.secret and made.address.startswith("http://"):
            yield f"{', '.join(sorted(made.secret))} went with it over plain http, as Ray's own token does"
    for verb in ("status", "logs", "stop"):
        yield f"  {command_line(verb, made.name, address=made.address)}"


def _kind(spec: SearchSpec, results: PurePosixPath) -> str:
    """A hash of the spec, without its settings for MLflow, and of the results folder: the same if both are the same."""
    same = spec.model_copy(update={"tracking": type(spec.tracking)()})
    return hashlib.sha256(f"{results}\n{same.dump_yaml()}".encode()).hexdigest()


def _environment(handed: str, parts: Iterable[tuple[str, str]], *, installed: bool) -> dict[str, Any]:
    """Ray's runtime_env for a job. Ray shows it to everybody who has the token, so no secret is in it.

    Args:
        handed: the name under which the job finds what was handed over to it (see search.cluster.job_secrets).
        parts: field and import path of the user's own parts, whose code is sent too.
        installed: True if no code is to be sent.
    """
    variables = {
        job_secrets.HANDOVER: handed,
        COMMIT_SENT: git_commit() or "",
        VERSION_SENT: own_version(),
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS),  # time to deliver to MLflow; by default SIGKILL comes after 3 s
    }
    if installed:
        return {"env_vars": variables}
    code = [str(package_folder(name)) for name in PACKAGES]
    code += sorted({str(source_folder(name.partition(":")[0])) for _, name in parts})
    return {"env_vars": variables, "py_modules": code, "excludes": ["__pycache__/", "*.pyc"]}


def status(address: str | None, name: str | None = None) -> list[JobStatus]:
    """The state of all submitted searches, or only of the search `name`, each from its newest job."""
    door = ray_jobs.knock(address)
    newest = (
        {_name(job): job for job in ray_jobs.searches(door)} if name is None else {name: ray_jobs.newest(door, name)}
    )
    return [_status_of(door, job) for job in newest.values()]


def _status_of(door: ray_jobs.Door, job: "JobDetails") -> JobStatus:
    printed = ray_jobs.output(door, str(job.submission_id))
    return JobStatus(
        name=_name(job),
        state=_state(job),
        job=str(job.submission_id),
        minutes=round(((job.end_time or time.time() * 1000) - (job.start_time or 0)) / 60_000, 1),
        results=(job.metadata or {})[ray_jobs.RESULTS],
        last=_last_word(printed) or str(job.message or "").partition("\n")[0],
    )


def _last_word(printed: str) -> str:
    """The last line in `printed` that tells a search's state, or if no line does, the very last line.

    Lines about how to go on, which come after the state, are passed over. Empty if nothing was printed.
    """
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    tell = [line for line in lines if "trials ended" in line or line.startswith(("afcl: ", "the search "))]
    return [*lines[-1:], *tell][-1] if lines else ""


def _name(job: "JobDetails") -> str:
    return str((job.metadata or {})[ray_jobs.SEARCH])


def _state(job: "JobDetails") -> str:
    if job.status == "FAILED" and job.driver_exit_code == INTERRUPTED:
        return "interrupted"
    return STATES[str(job.status)]


def logs(address: str | None, name: str, trial: int | None = None) -> str:
    """What a submitted search has printed; with `trial`, the log of that trial, which is read on the cluster."""
    door = ray_jobs.knock(address)
    job = ray_jobs.newest(door, name)
    if trial is None:
        return ray_jobs.output(door, str(job.submission_id))
    return _read(door, job, ["logs", name, str(trial)])


def read(address: str | None, name: str, words: Sequence[str]) -> str:
    """Run a command of afcl on the cluster, in the results folder of search `name`, and return what it prints.

    `words` is the command, such as ["logs", name, "7"]. It must only read.
    """
    door = ray_jobs.knock(address)
    return _read(door, ray_jobs.newest(door, name), words)


def _read(door: ray_jobs.Door, job: "JobDetails", words: Sequence[str]) -> str:
    """Run a command of afcl as a short job on the cluster, and return what the command prints.

    The job stays in Ray's list: a job that is removed at once comes back there as a failed job (Ray 2.60).
    """
    there, told = job.runtime_env or {}, {"environment": job_secrets.of_stores(os.environ)}
    words = [*words, "--results", (job.metadata or {})[ray_jobs.RESULTS]]
    reader = ray_jobs.submit(
        door,
        entrypoint=f"{READER} {shlex.join(words)}",
        submission_id=f"afcl-read-{_name(job)}-{secrets.token_hex(4)}",
        runtime_env={"env_vars": {job_secrets.HANDOVER: _handed(door, told)}}
        | ({"py_modules": there["py_modules"]} if there.get("py_modules") else {}),
    )
    ended = ray_jobs.wait(door, reader, READ_SECONDS)
    printed = ray_jobs.output(door, reader)
    if ended.status not in ray_jobs.ENDED:
        ray_jobs.stop(door, reader)
        raise EnvironmentProblem(f"{door.address} has not answered in {READ_SECONDS:.0f} s; try again")
    if ended.status != "SUCCEEDED":
        lines = printed.strip().splitlines() or [str(ended.message)]
        raise InputError(lines[-1].removeprefix("afcl: "))
    return printed


def stop(address: str | None, name: str) -> str:
    """Stop a submitted search tidily, and return its state in a sentence.

    Raises:
        InputError: the search is not running.
        EnvironmentProblem: the search has not stopped in time, or the cluster does not answer.
    """
    door = ray_jobs.knock(address)
    job = ray_jobs.newest(door, name)
    if job.status in ray_jobs.ENDED:
        raise InputError(f"search {name} is not running at {door.address}: it is {_state(job)}")
    ray_jobs.stop(door, str(job.submission_id))
    ended = ray_jobs.wait(door, str(job.submission_id), STOP_SECONDS + 10.0)
    if ended.status not in ray_jobs.ENDED:
        status = command_line("status", name, address=door.address)
        raise EnvironmentProblem(f"search {name} was asked to stop and has not yet; `{status}` tells more")
    return f"{name} is {_state(ended)}; `afcl submit` it again to go on"
