"""The Ray that a search runs on: one of its own, a running cluster, or the one that this process is connected to."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass

import ray

from search.cluster import ray_internals
from search.cluster.auth import known_token, session_token, token_sent
from search.cluster.own_ray import check_machine, ray_folder
from search.storage.own_code import code_folder
from trainers.errors import EnvironmentProblem, InputError

CONNECT_SECONDS = 5.0
DEFAULT_PORT = 6379
PENDING_TRIALS = 200  # what Ray itself takes for samplers that need no results
ADDRESS = re.compile(r"(ray://)?(?P<host>[\w.-]+)(:(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class _Block:
    """A block of `connected` that is open."""

    address: str | None
    is_own: bool  # whether Ray was started for it


_open: _Block | None = None  # the outermost one; a process is connected to one Ray at most


def is_connected() -> bool:
    """Whether this process is connected to a Ray."""
    return bool(ray.is_initialized())


def is_own() -> bool:
    """Whether the Ray that this process is connected to was started by `connected`, for this process alone."""
    return _open is not None and _open.is_own


def joined_by_user() -> str | None:
    """The address of a Ray that this process was connected to by somebody else than `connected`; None where it is not.

    It may have several nodes, with other code and other disks, as any cluster.
    """
    return _head() if is_connected() and _open is None else None


@contextmanager
def connected(address: str | None, *, cpus: int | None = None, gpus: int | None = None) -> Iterator[None]:
    """Be connected to Ray inside.

    Args:
        address: None uses the Ray that this process is connected to already, and else starts one of our own, which ends
            with the block; "auto" or HOST:PORT joins a running one.
        cpus: how many a Ray of our own counts on; None: those of this machine.
        gpus: the same.

    Raises:
        InputError: the address is none, or this process is connected to another Ray already.
        EnvironmentProblem: Ray did not start, nothing answers at the address, or the cluster refuses the token.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the journal has it all
    # by itself Ray would start one worker after the other, each through with its imports before the next; that no more
    # trials are asked for than there are slots, the searcher sees to
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(PENDING_TRIALS))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if is_connected():
        _refuse_another(address)
        with _noted(_Block(address, is_own=False)):
            yield
        return
    with session_token() if address is None else token_as_asked(address):
        # a worker looks for modules in the driver's working folder first, where a user's folder may be named "search"
        with chdir(code_folder()):
            if address is None:
                _start(cpus, gpus)
            else:
                _join(address)
        try:
            with _noted(_Block(address, is_own=address is None)):
                yield
        finally:
            ray.shutdown()


@contextmanager
def _noted(block: _Block) -> Iterator[None]:
    """Know of a block inside, unless it stands in another."""
    global _open
    if _open is not None:
        yield
        return
    _open = block
    try:
        yield
    finally:
        _open = None


def _refuse_another(address: str | None) -> None:
    """Raise InputError where another Ray is wanted than the one that this process is connected to."""
    if address is None or address == "auto" or (_open is not None and address == _open.address):
        return
    check_address(address)
    here = _head()
    if _resolved(ray_internals.head_of(address) or address) != _resolved(here):
        raise InputError(
            f"--address {address}: this process is connected to the Ray at {here} already; leave the address out to "
            "use that one, or leave it with ray.shutdown() first"
        )


def _head() -> str:
    """HOST:PORT of the head that this process is connected to; that of Ray Client does not say."""
    return str(getattr(ray.get_runtime_context(), "gcs_address", "an address that it does not say"))


def _resolved(address: str) -> tuple[str, int] | None:
    """Host, as its number where it has one, and port; None where the address is none."""
    try:
        host, port = check_address(address)
    except InputError:
        return None
    with suppress(OSError):
        host = socket.gethostbyname(host)
    return host, port


def _start(cpus: int | None, gpus: int | None) -> None:
    check_machine()
    folder = ray_folder()
    try:
        with ray_internals.on_loopback():
            ray.init(
                address="local",
                num_cpus=cpus,
                num_gpus=gpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **ray_internals.with_folder(str(folder)),
            )
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:  # a disk that fills up, say
        raise EnvironmentProblem(
            f"Ray did not start here ({_first_line(error)}); what it said is in {folder}/session_latest/logs"
        ) from error


@contextmanager
def token_as_asked(address: str) -> Iterator[None]:
    """Inside, this process sends its token exactly if the cluster asks for one.

    Ray would not, unless RAY_AUTH_MODE says so; and where it does to a cluster that asks for none the search would
    hang, as a driver in that mode takes no call from workers without one. Raises EnvironmentProblem within seconds
    where there is no cluster, or one that refuses the token; `ray.init` would try for 20 s to minutes.
    """
    check_reachable(address)
    if address.startswith("ray://"):
        yield
        return
    try:
        at = ray_internals.head_of(address)
    except ConnectionError as error:  # "auto", and no Ray runs here
        raise _no_cluster(address, error) from None
    if at is not None:
        check_reachable(at)
        with token_sent(False):
            asks = not _opens(address, at)
        if asks and known_token() is None:
            raise _refused(address)
        with token_sent(asks):
            if asks and not _opens(address, at):
                raise _refused(address)
            yield
        return
    yield


def _join(address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
        raise _no_cluster(address, error) from None


def _opens(address: str, at: str) -> bool:
    """Whether the cluster talks to this process with what it sends now. Raises EnvironmentProblem where none is."""
    try:
        with _stderr_silenced():  # Ray's C++ half writes there what we say in one line
            ray_internals.client_of_head(at)
    except ray.exceptions.AuthenticationError:
        return False
    except ray.exceptions.RayError as error:  # something listens there, but no Ray
        raise _no_cluster(address, error) from None
    return True


def _refused(address: str) -> EnvironmentProblem:
    what = "refuses the token that is set here" if known_token() else "wants a token, and none is set here"
    return EnvironmentProblem(
        f"--address {address}: the cluster {what}; put its token into RAY_AUTH_TOKEN or ~/.ray/auth_token"
    )


def _no_cluster(address: str, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"--address {address}: no Ray cluster there ({_first_line(error)}); start one with `ray start --head`"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _stderr_silenced() -> Iterator[None]:
    before, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nothing)


def check_reachable(address: str) -> None:
    """Raise EnvironmentProblem within seconds when nothing listens at HOST:PORT: Ray itself would wait for minutes."""
    if address == "auto":
        return
    try:
        socket.create_connection(check_address(address), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise EnvironmentProblem(
            f"--address {address}: nothing answers there ({error.strerror or error}); "
            f"start a cluster with `ray start --head`"
        ) from None


def check_address(address: str) -> tuple[str, int]:
    """Host and port of an address of a cluster. Raises InputError where it is none."""
    parts = ADDRESS.fullmatch(address)
    if address.startswith(("http://", "https://")):
        raise InputError(f"--address: {address} is a dashboard, which takes `afcl submit`; here HOST:PORT is wanted")
    if parts is None or int(parts["port"] or DEFAULT_PORT) > 65535:
        raise InputError(f"--address: auto or HOST:PORT is wanted, but got {address!r}")
    return parts["host"], int(parts["port"] or DEFAULT_PORT)
