"""What a submitted search is told, and nobody else: its spec and the credentials of the MLflow server.

Ray shows a job's command line, metadata and runtime_env, environment variables included, to whoever has the cluster's
token (`ray job list`), and keeps them for as long as the head lives. So they travel apart: over the dashboard's upload
of packages into the memory of the cluster's head, under a name that cannot be guessed. The job takes them out of there
when it begins; what no job takes out Ray drops after some minutes. Nothing of it is written to a disk, a log or a
command line. It is as secret as the token on the same connection: over plain http both can be read on the way, and
whoever has the token can run code beside the job.
"""

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any

import requests

from search.cluster import ray_internals
from search.storage.addresses import is_of_this_machine
from search.storage.redact import shown_uri
from trainers.errors import EnvironmentProblem

HANDOVER = "AFCL_HANDOVER"  # the variable by which the job knows the name
SECONDS = 10.0
CREDENTIALS = (
    "MLFLOW_TRACKING_URI",  # may hold a password
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_S3_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",  # of the storage, where it is not Amazon's
    "AWS_ENDPOINT_URL_S3",
)
NO_SECRETS = {  # unless there is a password in the address
    "MLFLOW_TRACKING_URI",
    "MLFLOW_S3_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
}


def of_stores(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where a store is and as whom to read it."""
    return {name: value for name, value in credentials(environment).items() if name.startswith("AWS_")}


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where and as whom to track; a store on this machine's disk is nothing to a cluster."""
    found = {name: environment[name] for name in CREDENTIALS if environment.get(name)}
    if is_of_this_machine(found.get("MLFLOW_TRACKING_URI", "https:")):
        del found["MLFLOW_TRACKING_URI"]
    return found


def secrets_among(variables: Mapping[str, str]) -> frozenset[str]:
    """Names of the variables that nobody else may read."""
    return frozenset(name for name, value in variables.items() if name not in NO_SECRETS or shown_uri(value) != value)


def hand_over(address: str, headers: Mapping[str, str], told: Mapping[str, Any]) -> str:
    """Put what a job is to be told into the head's memory; the name under which the job finds it."""
    name = f"_ray_pkg_{secrets.token_hex(16)}.zip"  # a name as Ray's packages have; the content is its own
    answer = requests.put(
        f"{address}/api/packages/gcs/{name}", data=json.dumps(told).encode(), headers=dict(headers), timeout=SECONDS
    )
    if answer.status_code != requests.codes.ok:
        raise EnvironmentProblem(f"--address {address}: takes no package ({answer.status_code})")
    return f"gcs://{name}"


def ray_address() -> str:
    """In the job: where its Ray is. "auto" might find another one on the same host first."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise EnvironmentProblem("this is no job of Ray's; `afcl submit` makes one")
    return address


def take_over() -> dict[str, Any]:
    """In the job: take what was handed over, which is gone then. Raises EnvironmentProblem when it is not there."""
    from ray.exceptions import RayError

    name = os.environ.get(HANDOVER, "").encode()
    try:
        told = ray_internals.take_from_head(ray_address(), name, SECONDS)
    except RayError as error:
        raise EnvironmentProblem(f"the cluster's head does not answer ({str(error).splitlines()[0]})") from None
    if told is None:
        raise EnvironmentProblem("nothing was handed over to this job, or it was taken before; `afcl submit` it again")
    return dict(json.loads(told))
