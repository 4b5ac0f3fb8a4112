"""Every private name of Ray's that this code needs, each behind a function that says what it is for.

Ray has no public name for any of these, and may rename them in any version. No other file uses private names, so the
tests of this file show whether a new version of Ray works. Ray is imported inside the functions, because many commands
do not need it.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

UPLOAD_LOGGERS = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")


# A Ray of our own


def usual_folder() -> str:
    """The folder where Ray keeps sockets and logs by default."""
    from ray._common.utils import get_default_ray_temp_dir

    return str(get_default_ray_temp_dir())


def with_folder(path: str) -> dict[str, Any]:
    """The arguments of `ray.init` that make Ray keep its sockets and logs in the folder `path`."""
    return {"_temp_dir": path}


@contextmanager
def on_loopback() -> Iterator[None]:
    """Within the block, a Ray that is started listens on 127.0.0.1 only, as it always does on macOS and Windows.

    On Linux it would listen on every address. Ray's own switch for this is an environment variable. Ray reads it at
    import, and it would also apply to clusters that this process joins.
    """
    from ray._private import ray_constants

    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


# The head of a running cluster


def read_token_anew() -> None:
    """Make Ray read RAY_AUTH_MODE and the token again. By itself Ray reads them once and remembers them."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # of C++

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def head_of(address: str) -> str | None:
    """The HOST:PORT that Ray uses for `address`, with 127.0.0.1 replaced by this machine's own address.

    Raises ConnectionError for "auto" if no Ray runs on this machine.
    """
    from ray._private import services

    found: str | None = services.canonicalize_bootstrap_address(address)
    return found


def client_of_head(address: str) -> Any:
    """A client of the cluster's head at `address` (HOST:PORT).

    Raises Ray's AuthenticationError if the head refuses the token, and another RayError if there is no head.
    """
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # of C++

    return GcsClient(address=address)


def take_from_head(address: str, name: bytes, seconds: float) -> bytes | None:
    """Take the value `name` out of the memory of a cluster's head; None if there is no value of that name.

    Raises RayError if the head does not answer in time.
    """
    memory = client_of_head(address)
    value: bytes | None = memory.internal_kv_get(name, None, timeout=seconds)
    memory.internal_kv_del(name, False, None, timeout=seconds)
    return value


def silence_uploads() -> None:
    """Let Ray upload a job's code without printing anything."""
    for name in UPLOAD_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)


# Tune's controller


def controller_of(handed: Any) -> Any:
    """Tune's controller itself. `handed` is the wrapper that schedulers get, which warns of every access."""
    return handed._tune_controller


def has_idle_workers(controller: Any) -> bool:
    """Whether Tune keeps workers whose trials have ended."""
    return bool(controller._actor_cache.num_cached_objects)


def release_idle_workers(controller: Any) -> None:
    """Make Tune end the workers whose trials have ended."""
    controller._cleanup_cached_actors(force_all=True)


def has_ending_workers(controller: Any) -> bool:
    """Whether Tune has told workers to end, and does not know yet that they have ended."""
    return bool(controller._stopping_actors)


def take_in_ended_workers(controller: Any, seconds: float) -> None:
    """Let Tune take in its next event, such as the end of a worker; waits at most `seconds` for one."""
    controller._actor_manager.next(timeout=seconds)


def waiting_requests(controller: Any) -> Mapping[Any, int]:
    """The requests for resources that Ray has not granted yet, each with how many times it was made."""
    staged = resources_of(controller)._request_to_staged_pgs
    return {request: len(groups) for request, groups in staged.items()}


def resources_of(controller: Any) -> Any:
    """Tune's PlacementGroupResourceManager, which makes and cancels requests for resources."""
    return controller._actor_manager._resource_manager
