"""Check each node of a cluster: whether it has the driver's code, and reaches the folder or store for trials' files."""

import importlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.storage.object_store import Storage, StorageError, at_once, storage_at
from search.storage.provenance import code_hash
from spaces.spec import SearchSpec
from trainers.errors import EnvironmentProblem
from trainers.own_parts import load_part

NODE_PATIENCE = 60.0  # seconds to wait for a node's answer

WHAT_A_TRIAL_NEEDS = "search.worker.trainable"  # imported by name on the node, not here


class NodeGoneError(Exception):
    """A node died before it answered. Ray counts a killed node as alive for some ten seconds more."""


@dataclass(frozen=True)
class Probe:
    """A folder to test nodes with: each node reads the driver's file there, and writes a file of its own."""

    place: Storage  # the folder or store that all nodes must share
    folder: str  # the name of the test folder in `place`
    parts: tuple[tuple[str, str], ...] = ()  # field and import path of the user's own parts, which each node must have

    def write(self, name: str, content: str) -> None:
        """Write a file into the folder."""
        self.place.put(f"{self.folder}/{name}", content.encode())

    def read(self, name: str) -> str | None:
        """The content of a file of the folder; None if it does not exist."""
        content = self.place.find(f"{self.folder}/{name}")
        return None if content is None else content.decode()

    def remove(self) -> None:
        """Remove the folder, with everything that nodes wrote there."""
        with suppress(StorageError):
            (self.place / self.folder).delete_all()


def shared_place(spec: SearchSpec, root: Path) -> Storage:
    """Where a search's trials keep their files: in the spec's store, else in the results folder `root`."""
    return Storage(str(root)) if spec.storage.uri is None else storage_at(spec.storage.uri)


def check_nodes(place: Storage, code: str, parts: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """Check all live nodes, and return Ray's ids of those that passed. A node that dies meanwhile is left out.

    The data needs no check: the driver sends it to the nodes itself.

    Args:
        place: where trials keep their files (see `shared_place`).
        code: the hash of the driver's code.
        parts: field and import path of the user's own parts.

    Raises:
        EnvironmentProblem: a node has other code, lacks a part, or cannot use `place`; or no node is left.
    """
    probe = Probe(place, f".preflight-{secrets.token_hex(4)}", parts)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    good = []
    try:
        at_once(partial(probe.write, "code", code), place)
        asked = [ask(node["NodeID"], probe) for node in nodes]
        for node, answer in zip(nodes, asked, strict=True):
            with suppress(NodeGoneError):
                complaint = complaint_about(node, answer, probe, code)
                if complaint is not None:
                    raise EnvironmentProblem(complaint)
                good.append(node["NodeID"])
    finally:
        probe.remove()
    if not good:
        raise EnvironmentProblem("no node of the cluster is left that could take part; join one")
    return good


def ask(node: str, probe: Probe) -> Any:
    """Start the check on the node of that id. Returns Ray's reference to its result, for `complaint_about`."""
    place = NodeAffinitySchedulingStrategy(node, soft=False)
    return _look_from_node.options(scheduling_strategy=place).remote(probe)


def complaint_about(node: dict[str, Any], asked: Any, probe: Probe, code: str) -> str | None:
    """Why the node cannot take part; None if it can. Waits for the check that `ask` has started.

    Args:
        node: the node, as `ray.nodes()` lists it.
        asked: what `ask` returned.
        probe: the test folder that `ask` got.
        code: the hash of the driver's code.

    Raises:
        NodeGoneError: the node has died.
    """
    name = name_of(node)
    try:
        there, read, problem = ray.get(asked, timeout=NODE_PATIENCE)
    except ray.exceptions.GetTimeoutError:
        return f"{name} does not answer; free a CPU of it, or take it out of the cluster"
    except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
        raise NodeGoneError(name) from None
    except ray.exceptions.RayError as error:  # for example, the node does not have this package
        if (other := _what_stands_before(node["NodeID"])) is not None:
            return (
                f"{name} imports {other} in place of a package of afcl; "
                "call ray.init() from another folder, or rename that"
            )
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        return f"{name} cannot run afcl ({reason}); install the same version on it"
    if there != code:
        return f"afcl's code on {name} differs from this driver's; install the same version on all nodes"
    if not probe.place.uri.startswith("/"):
        if read == code:
            return None
        why = problem or "it sees other files there"
        return f"{name} cannot use {probe.place.shown} ({why}); its Ray must be able to reach it, and to log in there"
    try:
        is_shared = read == code and probe.read(node["NodeID"]) is not None
    except StorageError as error:
        problem = str(error)
        is_shared = False
    if is_shared:
        return None
    why = "" if problem is None else f" ({problem})"
    return f"{name} does not share {probe.place.shown}{why}; choose a folder on a shared filesystem with --results"


def name_of(node: dict[str, Any]) -> str:
    """A node's host name and address, for messages."""
    return f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def _what_stands_before(node: str) -> str | None:
    """The file of another package called `search`, `spaces` or `trainers` that a node imports instead of ours.

    Ray's workers import from the folder where the user's code called `ray.init()`, which may have such a package.
    Returns None if the node imports our packages, or cannot be asked. `node` is Ray's id of the node.
    """

    def find() -> str | None:  # an inner function is sent with its code; the node may not find our packages
        from importlib.util import find_spec
        from pathlib import Path

        for package, file in (("search", "api.py"), ("spaces", "spec.py"), ("trainers", "pipeline.py")):
            found = find_spec(package)
            if found is not None and found.origin is not None and not Path(found.origin).with_name(file).exists():
                return found.origin
        return None

    try:
        place = NodeAffinitySchedulingStrategy(node, soft=False)
        asked = ray.remote(num_cpus=0)(find).options(scheduling_strategy=place).remote()
        found: str | None = ray.get(asked, timeout=NODE_PATIENCE)
    except ray.exceptions.RayError:
        return None
    return found


@ray.remote(num_cpus=0)
def _look_from_node(probe: Probe) -> tuple[str, str | None, str | None]:
    """On a node: the hash of its code, the content of the driver's file, and the error if a file cannot be used.

    The content is None if the node does not see the file; the error is None if there is none. This task also imports
    what a trial needs. So a missing package is found now, not by one attempt after another, and the first trial finds a
    worker that has done the imports.
    """
    importlib.import_module(WHAT_A_TRIAL_NEEDS)
    for field, part in probe.parts:
        load_part(field, part)
    try:
        read = probe.read("code")
        if read is not None:
            probe.write(ray.get_runtime_context().get_node_id(), "here")
    except OSError as error:
        return code_hash(), None, str(error)
    return code_hash(), read, None
