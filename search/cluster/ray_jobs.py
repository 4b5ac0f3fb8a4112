"""Ray Jobs: reach a cluster from outside, by its dashboard at http://HEAD:8265. Each error message is one line."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from search.cluster.auth import known_token
from search.cluster.ray_internals import silence_uploads
from trainers.errors import EnvironmentProblem, InputError

if TYPE_CHECKING:
    from ray.dashboard.modules.job.pydantic_models import JobDetails
    from ray.job_submission import JobSubmissionClient

SECONDS = 5.0  # to wait for an answer of the dashboard
SEARCH, RESULTS, SPEC = "afcl.search", "afcl.results", "afcl.spec"  # the keys of a job's metadata
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
ADDRESS = "RAY_API_SERVER_ADDRESS"  # the environment variable with the default address; `ray job` reads it, too


@dataclass(frozen=True)
class Door:
    """An open connection to a cluster's dashboard, which has accepted our token."""

    address: str  # http://HEAD:8265
    headers: dict[str, str]  # of every request: the token
    client: "JobSubmissionClient"


def knock(address: str | None) -> Door:
    """Connect to the cluster's dashboard at `address`; by default, at the address in RAY_API_SERVER_ADDRESS.

    Raises InputError if the address is missing or invalid, and EnvironmentProblem within seconds if nobody answers or
    our token is refused.
    """
    address = (address or os.environ.get(ADDRESS) or "").rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        got = f"but got {address!r}" if address else f"and neither it nor {ADDRESS} is given"
        raise InputError(f"--address: give the dashboard of a cluster, http://HEAD:8265; {got}")
    token = known_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for path in ("/api/version", "/api/jobs/"):
        _check(address, path, headers)
    with _as_told():
        from ray.job_submission import JobSubmissionClient

        return Door(address, headers, JobSubmissionClient(address, headers=headers))


def _check(address: str, path: str, headers: dict[str, str]) -> None:
    try:
        answer = requests.get(address + path, headers=headers, timeout=SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise EnvironmentProblem(
            f"--address {address}: nothing answers there ({_reason(error)}); the head needs ray[default] and, for "
            f"other machines, `ray start --head --dashboard-host=0.0.0.0`"
        ) from None
    if answer.status_code in (401, 403):
        what = "refuses the token that is set here" if headers else "wants a token, and none is set here"
        raise EnvironmentProblem(
            f"--address {address}: the cluster {what}; put its token into RAY_AUTH_TOKEN or ~/.ray/auth_token"
        )
    if answer.status_code != requests.codes.ok or not _is_json(answer):
        raise EnvironmentProblem(
            f"--address {address}: what answers there is no Ray dashboard with Ray Jobs ({path} gives "
            f"{answer.status_code}); its port is 8265 by default"
        )


def _is_json(answer: requests.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer in {SECONDS:.0f} s"
    found = re.search(r"\[Errno [-\d]+\] ([^')\"]+)", str(error))
    return found[1] if found else type(error).__name__


@contextmanager
def answering(address: str) -> Iterator[None]:
    """Within the block, turn the errors of a dashboard that is gone or refuses a request into EnvironmentProblem."""
    try:
        yield
    except EnvironmentProblem:
        raise
    except (requests.RequestException, ConnectionError) as error:
        raise EnvironmentProblem(f"--address {address}: nothing answers there any more ({_reason(error)})") from None
    except RuntimeError as error:  # Ray's client raises it for every refusal
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise EnvironmentProblem(f"--address {address}: {first}") from None


@contextmanager
def _as_told() -> Iterator[None]:
    """Remove the variables with addresses within the block: Ray's client would use them instead of its argument.

    Ray's logger shows only errors, even afterwards.
    """
    before = {name: os.environ.pop(name) for name in (ADDRESS, "RAY_ADDRESS") if name in os.environ}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        yield
    finally:
        os.environ.update(before)


def submit(door: Door, **job: Any) -> str:
    """Start a job and return its id. Raises EnvironmentProblem, with Ray's words, if the cluster refuses the job."""
    with _as_told():
        silence_uploads()
        try:
            return str(door.client.submit_job(**job))
        except (RuntimeError, ValueError) as error:
            lines = [line for line in str(error).strip().splitlines() if line.strip()]
            raise EnvironmentProblem(f"the cluster does not take the job: {lines[-1].strip()}") from None


def searches(door: Door, name: str | None = None) -> list["JobDetails"]:
    """The jobs that run a search, or only those of the search `name`; the newest last."""
    with answering(door.address):
        listed = door.client.list_jobs()
    found = []
    for job in listed:
        named = (job.metadata or {}).get(SEARCH)
        if named is not None and name in (None, named):
            found.append(job)
    return sorted(found, key=lambda job: job.start_time or 0)


def newest(door: Door, name: str) -> "JobDetails":
    """The newest job of the search `name`. Raises InputError if that cluster has no job of the search."""
    found = searches(door, name)
    if not found:
        known = sorted({job.metadata[SEARCH] for job in searches(door) if job.metadata})
        there = f"it knows {', '.join(known)}" if known else "no search was submitted to it since its head started"
        raise InputError(f"no search {name!r} at {door.address}: {there}")
    return found[-1]


def wait(door: Door, job: str, seconds: float) -> "JobDetails":
    """Wait until a job has ended, at most `seconds`. Returns the details of the job, which may still run."""
    deadline = time.monotonic() + seconds
    while True:
        with answering(door.address):
            details = door.client.get_job_info(job)
        if details.status in ENDED or time.monotonic() > deadline:
            return details
        time.sleep(0.3)


def stop(door: Door, job: str) -> None:
    """Ask a job to end tidily, and return before it has ended."""
    with answering(door.address):
        door.client.stop_job(job)


def output(door: Door, job: str) -> str:
    """What a job has printed so far, without Ray's own lines at the beginning; empty if the job has not begun."""
    with answering(door.address):
        text = door.client.get_job_logs(job)
    _, begun, printed = text.partition(f"Running entrypoint for job {job}: ")
    return printed.partition("\n")[2] if begun else ""
