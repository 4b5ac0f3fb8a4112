"""The Ray that a search runs on: one of its own on this machine, or a running cluster."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import ray

import search
from trainers.errors import EnvironmentProblem, InputError

CONNECT_SECONDS = 5.0
DEFAULT_PORT = 6379
PENDING_TRIALS = 200  # what Ray itself takes for samplers that need no results
ADDRESS = re.compile(r"(ray://)?(?P<host>[\w.-]+)(:(?P<port>\d{1,5}))?")


@contextmanager
def connected(address: str | None, *, cpus: int | None = None, gpus: int | None = None) -> Iterator[None]:
    """Be connected to Ray inside.

    address: None starts a Ray of our own, which ends with the block; "auto" or HOST:PORT joins a running one. A
    Ray that this process is connected to already is used as it is, and stays. cpus, gpus: how many a Ray of our
    own counts on; None: those of this machine.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the journal has it all
    # by itself Ray would start one worker after the other, each through with its imports before the next; that no more
    # trials are asked for than there are slots, the searcher sees to
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(PENDING_TRIALS))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # a worker looks for modules in the driver's working folder first, where a user's folder may be named "search"
    with chdir(Path(search.__path__[0]).parent):
        if address is None:
            ray.init(
                address="local",
                num_cpus=cpus,
                num_gpus=gpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
        else:
            check_reachable(address)
            _join(address)
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EnvironmentProblem(
            f"--address {address}: no Ray cluster there ({first}); start one with `ray start --head`"
        ) from None


def check_reachable(address: str) -> None:
    """Raise EnvironmentProblem within seconds when nothing listens at HOST:PORT: Ray itself would wait for minutes."""
    if address == "auto":
        return
    parts = ADDRESS.fullmatch(address)
    if parts is None or int(parts["port"] or DEFAULT_PORT) > 65535:
        raise InputError(f"--address: auto or HOST:PORT is wanted, but got {address!r}")
    host, port = parts["host"], parts["port"]
    try:
        socket.create_connection((host, int(port or DEFAULT_PORT)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise EnvironmentProblem(
            f"--address {address}: nothing answers there ({error.strerror or error}); "
            f"start a cluster with `ray start --head`"
        ) from None
