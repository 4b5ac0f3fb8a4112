"""Every private name of Ray's that this code needs, each behind a function that says what it is for.

Ray has no public word for any of these, and may rename them with any version. No other file uses such a name, so a new
version of Ray is judged by the tests of this one. Ray is imported in the functions: many words of the command line
need none of it.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

UPLOAD_LOGGERS = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")


# A Ray of our own


def usual_folder() -> str:
    """Where Ray keeps sockets and logs unless it is told otherwise."""
    from ray._common.utils import get_default_ray_temp_dir

    return str(get_default_ray_temp_dir())


def with_folder(path: str) -> dict[str, Any]:
    """What to give to `ray.init` so that a Ray keeps its sockets and logs in a folder."""
    return {"_temp_dir": path}


@contextmanager
def on_loopback() -> Iterator[None]:
    """Inside, a Ray that is started listens on 127.0.0.1 alone, as it always does on macOS and Windows.

    On Linux it would listen on every address. Ray's own switch for this is an environment variable that it reads
    when it is imported, and which would hold for clusters that are joined as well.
    """
    from ray._private import ray_constants

    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


# The head of a running cluster


def read_token_anew() -> None:
    """Have this process read mode and token from the environment: Ray reads them once and remembers them."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # of C++

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def head_of(address: str) -> str | None:
    """HOST:PORT where Ray will look for an address: 127.0.0.1 is this machine's own.

    Raises ConnectionError for "auto" where no Ray runs here.
    """
    from ray._private import services

    found: str | None = services.canonicalize_bootstrap_address(address)
    return found


def client_of_head(address: str) -> Any:
    """A client of a cluster's head.

    Raises AuthenticationError of Ray's where the head refuses the token, and another RayError where it is no head.
    """
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # of C++

    return GcsClient(address=address)


def take_from_head(address: str, name: bytes, seconds: float) -> bytes | None:
    """Take a value out of the memory of a cluster's head; None where there is none of that name.

    Raises RayError where the head does not answer within so many seconds.
    """
    memory = client_of_head(address)
    value: bytes | None = memory.internal_kv_get(name, None, timeout=seconds)
    memory.internal_kv_del(name, False, None, timeout=seconds)
    return value


def silence_uploads() -> None:
    """Have Ray upload a job's code without a word about it."""
    for name in UPLOAD_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)


# Tune's controller


def controller_of(handed: Any) -> Any:
    """Tune's controller itself, of what Tune hands to a scheduler, which warns of every look inside."""
    return handed._tune_controller


def has_idle_workers(controller: Any) -> bool:
    """Whether Tune keeps workers whose trials have ended."""
    return bool(controller._actor_cache.num_cached_objects)


def release_idle_workers(controller: Any) -> None:
    """Have Tune end the workers whose trials have ended."""
    controller._cleanup_cached_actors(force_all=True)


def has_ending_workers(controller: Any) -> bool:
    """Whether workers were told to end, and have not been seen to."""
    return bool(controller._stopping_actors)


def take_in_ended_workers(controller: Any, seconds: float) -> None:
    """Have Tune take in that a worker has ended; waits so many seconds at most."""
    controller._actor_manager.next(timeout=seconds)


def waiting_requests(controller: Any) -> Mapping[Any, int]:
    """The requests for resources that Ray has not granted yet, and how many there are of each."""
    staged = resources_of(controller)._request_to_staged_pgs
    return {request: len(groups) for request, groups in staged.items()}


def resources_of(controller: Any) -> Any:
    """What asks Ray for resources, and takes requests back, for Tune: its PlacementGroupResourceManager."""
    return controller._actor_manager._resource_manager
