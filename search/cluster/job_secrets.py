"""Hand secrets to a submitted search and to nobody else: its spec, and the credentials of MLflow and of the store.

Ray shows a job's command line, metadata and runtime_env, environment variables included, to whoever has the cluster's
token (`ray job list`), and keeps them as long as the head lives. So secrets travel separately: they are uploaded, as if
they were a package for Ray, into the memory of the cluster's head, under a name that cannot be guessed. The job takes
them out when it begins; if no job does, Ray drops them after some minutes. Nothing is written to a disk, a log or a
command line. The secrets are as safe as the token on the same connection: over plain http both can be read on the way,
and whoever has the token can run code beside the job.
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

HANDOVER = "AFCL_HANDOVER"  # the environment variable that tells the job the name of its secrets
SECONDS = 10.0  # to wait for the head
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
    "AWS_ENDPOINT_URL",  # the store's address, if it is not Amazon's
    "AWS_ENDPOINT_URL_S3",
)
NO_SECRETS = {  # addresses and regions; an address is secret only if it holds a password
    "MLFLOW_TRACKING_URI",
    "MLFLOW_S3_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
}


def of_stores(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables in `environment` that hold the address and credentials of a store (AWS_*)."""
    return {name: value for name, value in credentials(environment).items() if name.startswith("AWS_")}


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables in `environment` that hold addresses and credentials of MLflow and of the store.

    The address of an MLflow store on this machine is left out, because a cluster cannot reach it.
    """
    found = {name: environment[name] for name in CREDENTIALS if environment.get(name)}
    if is_of_this_machine(found.get("MLFLOW_TRACKING_URI", "https:")):
        del found["MLFLOW_TRACKING_URI"]
    return found


def secrets_among(variables: Mapping[str, str]) -> frozenset[str]:
    """The names of those `variables` whose values nobody else may read."""
    return frozenset(name for name, value in variables.items() if name not in NO_SECRETS or shown_uri(value) != value)


def hand_over(address: str, headers: Mapping[str, str], told: Mapping[str, Any]) -> str:
    """Put the secrets for a job into the memory of the cluster's head.

    Args:
        address: the address of the cluster's dashboard.
        headers: the HTTP headers that the dashboard asks for, such as Ray's token.
        told: the secrets and what the job is to do, as a dict for JSON.

    Returns:
        The name under which the job finds `told`.

    Raises:
        EnvironmentProblem: the head does not take `told`.
    """
    name = f"_ray_pkg_{secrets.token_hex(16)}.zip"  # named like a Ray package; the content is ours
    answer = requests.put(
        f"{address}/api/packages/gcs/{name}", data=json.dumps(told).encode(), headers=dict(headers), timeout=SECONDS
    )
    if answer.status_code != requests.codes.ok:
        raise EnvironmentProblem(f"--address {address}: takes no package ({answer.status_code})")
    return f"gcs://{name}"


def ray_address() -> str:
    """In the job: the address of the cluster's Ray. The address "auto" might lead to another Ray on the same host."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise EnvironmentProblem("this command runs only in a job that `afcl submit` has started")
    return address


def take_over() -> dict[str, Any]:
    """In the job: take what `hand_over` got out of the head's memory, once. Raises EnvironmentProblem if that fails."""
    from ray.exceptions import RayError

    name = os.environ.get(HANDOVER, "").encode()
    try:
        told = ray_internals.take_from_head(ray_address(), name, SECONDS)
    except RayError as error:
        raise EnvironmentProblem(f"the cluster's head does not answer ({str(error).splitlines()[0]})") from None
    if told is None:
        raise EnvironmentProblem("nothing was handed over to this job, or it was taken before; `afcl submit` it again")
    return dict(json.loads(told))
