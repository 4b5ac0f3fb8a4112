"""Ray still has each private name that is used, and no other file uses one. A new version of Ray is judged here."""

import ast
import inspect
import logging
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
import ray

from search.cluster import ray_internals

SEARCH = Path(ray_internals.__file__).parents[1]
MLFLOWS = {"utils._artifact_repos_cache"}  # what it remembers of a store that was moved (tracking/test_moved_store.py)


def mend(function: str, name: str) -> str:
    """What to do when a name is gone."""
    return (
        f"Ray {ray.__version__} has no {name} any more, or it works otherwise. Look in Ray's source for what took its "
        f"place, mend {function}() in search/cluster/ray_internals.py, run `pytest tests/search/cluster "
        f"tests/cluster`, and say in pyproject.toml from which version of Ray on it holds. Until then have it ask for "
        f"ray<{ray.__version__}."
    )


@contextmanager
def uses(function: str, name: str):
    try:
        yield
    except (ImportError, AttributeError, TypeError, KeyError, RuntimeError) as error:
        pytest.fail(f"{mend(function, name)} ({type(error).__name__}: {error})")


@pytest.fixture
def controller(tmp_path, monkeypatch):
    """Tune's own, with no Ray behind it and nothing to run."""
    with uses("controller_of", "TuneController that can be made without Ray"):
        from ray.air.execution import PlacementGroupResourceManager
        from ray.train._internal.storage import StorageContext
        from ray.tune.execution.tune_controller import TuneController

        monkeypatch.setenv("TUNE_MAX_PENDING_TRIALS_PG", "1")  # else it asks Ray how many there may be
        place = StorageContext(storage_path=str(tmp_path), experiment_dir_name="none")
        return TuneController(resource_manager_factory=PlacementGroupResourceManager, storage=place)


def test_ray_says_where_it_keeps_its_sockets(monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "/scratch/me")
    name = "ray._common.utils.get_default_ray_temp_dir"
    with uses("usual_folder", name):
        assert ray_internals.usual_folder() == "/scratch/me/ray", mend("usual_folder", name)


def test_ray_takes_a_folder_for_its_sockets():
    (keyword,) = ray_internals.with_folder("/scratch")
    taken = inspect.getsource(inspect.unwrap(ray.init))
    assert f'"{keyword}"' in taken, mend("with_folder", f"keyword {keyword} of ray.init")


def test_a_ray_of_our_own_can_be_kept_to_the_loopback_address():
    """tests/search/cluster/test_auth.py sees a real one listen there alone."""
    name = "ray._private.ray_constants.ENABLE_RAY_CLUSTER"
    with uses("on_loopback", name):
        from ray._private import ray_constants, services

        before = ray_constants.ENABLE_RAY_CLUSTER
        with ray_internals.on_loopback():
            assert ray_constants.ENABLE_RAY_CLUSTER is False
        assert before == ray_constants.ENABLE_RAY_CLUSTER
        assert "ENABLE_RAY_CLUSTER" in inspect.getsource(services), mend("on_loopback", f"use of {name}")


def test_this_process_can_read_its_token_anew():
    """The token that a process has sent is not read again by itself. test_auth.py has a real Ray refuse one."""
    with uses("read_token_anew", "Config or AuthenticationTokenLoader in ray._raylet"):
        ray_internals.read_token_anew()


def test_an_address_leads_to_its_head():
    name = "ray._private.services.canonicalize_bootstrap_address"
    with uses("head_of", name):
        assert ray_internals.head_of("10.0.0.1:6379") == "10.0.0.1:6379", mend("head_of", name)


def test_a_head_has_a_client_with_a_memory():
    with uses("client_of_head", "ray._raylet.GcsClient"):
        from ray._raylet import GcsClient, InnerGcsClient

        assert callable(GcsClient)
    for name in ("internal_kv_get", "internal_kv_del"):  # which GcsClient passes on to the inner one
        assert hasattr(InnerGcsClient, name), mend("take_from_head", f"ray._raylet.GcsClient.{name}")


@pytest.mark.slow
def test_what_is_taken_from_a_head_is_gone_there(shared_ray):
    address = ray.get_runtime_context().gcs_address
    with uses("take_from_head", "ray._raylet.GcsClient.internal_kv_get or internal_kv_del"):
        ray_internals.client_of_head(address).internal_kv_put(b"afcl-told", b"a word", True, None, timeout=10)
        assert ray_internals.take_from_head(address, b"afcl-told", 10.0) == b"a word"
        assert ray_internals.take_from_head(address, b"afcl-told", 10.0) is None


@pytest.mark.parametrize("name", ray_internals.UPLOAD_LOGGERS)
def test_what_comments_on_uploads_is_silent(name, monkeypatch):
    with uses("silence_uploads", f"module {name}"):
        inside = vars(import_module(name)).values()
    loggers = [one for one in inside if isinstance(one, logging.Logger) and one.name == name]
    assert loggers, mend("silence_uploads", f"logger {name}")
    monkeypatch.setattr(loggers[0], "level", logging.INFO)
    ray_internals.silence_uploads()
    assert loggers[0].level == logging.ERROR


def test_tunes_controller_stands_behind_what_a_scheduler_is_handed(controller):
    name = "_tune_controller in what Tune hands to a scheduler"
    with uses("controller_of", name):
        from ray.tune.execution.tune_controller import TrialRunnerWrapper

        assert ray_internals.controller_of(TrialRunnerWrapper(controller, None)) is controller, mend(
            "controller_of", name
        )


def test_tunes_controller_tells_of_its_idle_workers_and_ends_them(controller):
    with uses("has_idle_workers", "TuneController._actor_cache.num_cached_objects"):
        assert ray_internals.has_idle_workers(controller) is False
        controller._actor_cache.increase_max("a kind of worker")
        assert controller._actor_cache.cache_object("a kind of worker", "a worker")
        assert ray_internals.has_idle_workers(controller) is True
        controller._actor_cache.pop_cached_object("a kind of worker")
    with uses("release_idle_workers", "TuneController._cleanup_cached_actors"):
        ray_internals.release_idle_workers(controller)


def test_tunes_controller_tells_of_workers_that_end(controller):
    with uses("has_ending_workers", "TuneController._stopping_actors"):
        assert ray_internals.has_ending_workers(controller) is False
        controller._stopping_actors["a worker"] = 0.0
        assert ray_internals.has_ending_workers(controller) is True
        controller._stopping_actors.clear()


def test_tunes_controller_takes_in_that_workers_have_ended(controller, monkeypatch):
    """Ray itself is not asked here: it would start."""
    asked = []
    with uses("take_in_ended_workers", "TuneController._actor_manager.next(timeout)"):
        real = controller._actor_manager.next
        inspect.signature(real).bind(timeout=0.1)
        monkeypatch.setattr(controller._actor_manager, "next", lambda *, timeout: asked.append(timeout))
        ray_internals.take_in_ended_workers(controller, 0.1)
    assert asked == [0.1]


def test_tunes_controller_tells_what_it_waits_for(controller):
    name = "TuneController._actor_manager._resource_manager._request_to_staged_pgs"
    with uses("waiting_requests", name):
        assert ray_internals.waiting_requests(controller) == {}
        ray_internals.resources_of(controller)._request_to_staged_pgs["a request"] = {"one", "another"}
        assert ray_internals.waiting_requests(controller) == {"a request": 2}
        ray_internals.resources_of(controller)._request_to_staged_pgs.clear()
    with uses("resources_of", "TuneController._actor_manager._resource_manager with its two verbs"):
        resources = ray_internals.resources_of(controller)
        for verb in (resources.request_resources, resources.cancel_resource_request):
            inspect.signature(verb).bind("a request")


def test_no_other_file_uses_a_private_name_of_rays():
    found = []
    for file in sorted(SEARCH.rglob("*.py")):
        if file == Path(ray_internals.__file__):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = _imported(node) if isinstance(node, (ast.Import, ast.ImportFrom)) else _private(node)
            found += [f"{file.relative_to(SEARCH)}:{node.lineno} {name}" for name in names if name not in MLFLOWS]
    assert not found, f"{found}: make it a function of search/cluster/ray_internals.py, with a test here"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Private names of Ray's that an import has in it."""
    if isinstance(node, ast.Import):
        dotted = [alias.name for alias in node.names]
    else:
        dotted = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in dotted if name.startswith("ray.") and "._" in name]


def _private(node: ast.AST) -> list[str]:
    """A private attribute of something other than oneself, or a module of Ray's named in a text."""
    if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        return [] if own else [ast.unparse(node)]
    if isinstance(node, ast.Constant) and str(node.value).startswith("ray._"):
        return [str(node.value)]
    if isinstance(node, ast.keyword) and node.arg == "_temp_dir":
        return ["_temp_dir"]
    return []
