"""Connect to the Ray for a search: a new Ray, a running cluster, or the Ray that this process is connected to."""

import logging
import os
import re
import socket
import sys
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
PENDING_TRIALS = 200  # at once, waiting for workers; Ray's own default for samplers that need no results
ADDRESS = re.compile(r"(ray://)?(?P<host>[\w.-]+)(:(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class _Block:
    """A `with` block of `connected` that has not ended."""

    address: str | None
    is_own: bool  # whether Ray was started for this block


_open: _Block | None = None  # the outermost open block; a process is connected to one Ray at most


def is_connected() -> bool:
    """Whether this process is connected to a Ray."""
    return bool(ray.is_initialized())


def is_own() -> bool:
    """Whether this process is connected to a Ray that `connected` has started for it alone."""
    return _open is not None and _open.is_own


def joined_by_user() -> str | None:
    """HOST:PORT of the Ray that the user's own code has connected this process to; None if it has not.

    Like any cluster, this Ray may have several nodes with other code and other disks.
    """
    return _head() if is_connected() and _open is None else None


@contextmanager
def connected(address: str | None, *, cpus: int | None = None, gpus: int | None = None) -> Iterator[None]:
    """Be connected to Ray within the block.

    Args:
        address: "auto" or HOST:PORT joins a running cluster. With None, the Ray that this process is connected to is
            used. If the process is not connected, a Ray of our own is started, which ends with the block.
        cpus: how many CPUs a Ray of our own may use; None takes those of this machine.
        gpus: how many GPUs a Ray of our own may use; None takes those of this machine.

    Raises:
        InputError: the address is invalid, or this process is connected to another Ray already.
        EnvironmentProblem: Ray did not start, nothing answers at the address, or the cluster refuses the token.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the journal has everything
    # Ray's default starts one worker after another and waits for each one's imports. Several at once are safe, because
    # the searcher proposes no more trials than there are slots.
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(PENDING_TRIALS))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if is_connected():
        _refuse_another(address)
        with _noted(_Block(address, is_own=False)):
            yield
        return
    with session_token() if address is None else token_as_asked(address):
        # workers import from the driver's working folder first, and a user may have a folder named "search" there
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
    """Record `block` as the open block for its duration, unless it is inside another block."""
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
    """Raise InputError if `address` is that of another Ray than this process is connected to."""
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
    """HOST:PORT of the head that this process is connected to; over Ray Client, words that say that it is unknown."""
    return str(getattr(ray.get_runtime_context(), "gcs_address", "an address that it does not say"))


def _resolved(address: str) -> tuple[str, int] | None:
    """The host in `address`, as an IP address if possible, and the port; None if `address` is invalid."""
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
                num_gpus=_apples_gpu() if gpus is None else gpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **ray_internals.with_folder(str(folder)),
            )
    except Exception as error:  # for example, the disk is full
        foreseen = (RuntimeError, ValueError, OSError, ray.exceptions.RayError)
        if not isinstance(error, foreseen) and type(error) is not Exception:  # a bare one: it started too slowly
            raise
        raise EnvironmentProblem(
            f"Ray did not start here ({_first_line(error)}); what it said is in {folder}/session_latest/logs"
        ) from error


def _apples_gpu() -> int | None:
    """1 if this machine's GPU is Apple's, which Ray does not find by itself; else None, so that Ray counts the GPUs."""
    if sys.platform != "darwin":
        return None
    from trainers.compute.devices import has_mps  # imported only here: torch takes a second

    return 1 if has_mps() else None


@contextmanager
def token_as_asked(address: str) -> Iterator[None]:
    """Within the block, make Ray send the token if the cluster at `address` asks for one, and only then.

    Ray sends the token only if RAY_AUTH_MODE says so. If Ray sends a token to a cluster that asks for none, the search
    hangs, because a driver in that mode refuses calls from workers without a token. For a ray:// address nothing is
    changed.

    Raises:
        EnvironmentProblem: there is no cluster, or it refuses the token. The error comes within seconds; `ray.init`
            would try for 20 s to minutes.
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
    """Whether the cluster's head at `at` accepts this process, with or without a token (see `token_sent`).

    Raises EnvironmentProblem if there is no cluster.
    """
    try:
        with _stderr_silenced():  # Ray's C++ code writes many lines there; the error raised here has one line
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
    """Raise EnvironmentProblem within seconds if nothing listens at `address`. Ray itself would wait for minutes."""
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
    """Host and port of a cluster's address. Raises InputError if the address is invalid."""
    parts = ADDRESS.fullmatch(address)
    if address.startswith(("http://", "https://")):
        raise InputError(f"--address: {address} is a dashboard, which takes `afcl submit`; here HOST:PORT is wanted")
    if parts is None or int(parts["port"] or DEFAULT_PORT) > 65535:
        raise InputError(f"--address: auto or HOST:PORT is wanted, but got {address!r}")
    return parts["host"], int(parts["port"] or DEFAULT_PORT)
