"""What must hold before the first trial starts: each failure one line with its mend."""

import os
import shutil
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.plan import Plan
from search.provenance import code_hash
from search.slots import Node, workers_on
from spaces.spec import ResourcesConfig
from trainers.errors import EnvironmentProblem

NODE_PATIENCE = 60.0  # seconds in which a node must answer


def check_resources(resources: ResourcesConfig, nodes: list[Node]) -> None:
    """Raise EnvironmentProblem when the nodes cannot hold all workers of a trial: Ray would wait for ever."""
    wanted = {"CPU": resources.cpus, "GPU": resources.gpus}
    if (workers := workers_on(resources, nodes)) >= resources.workers:
        return
    if workers > 0:
        raise EnvironmentProblem(
            f"resources.workers: a trial asks for {resources.workers} of {resources.cpus:g} cpus and "
            f"{resources.gpus:g} gpus each, but the nodes hold {workers}; "
            f"set resources.workers={workers} or join a node"
        )
    words = {"CPU": "cpus", "GPU": "gpus"}
    for kind, amount in wanted.items():
        most = max((node.get(kind, 0.0) for node in nodes), default=0.0)
        if most < amount:
            raise EnvironmentProblem(
                f"resources.{words[kind]}: a trial asks for {amount:g}, but no node has more than {most:g}; "
                f"set resources.{words[kind]}={most:g} or join a node that has them"
            )
    raise EnvironmentProblem(
        f"resources: no node has {resources.cpus:g} cpus and {resources.gpus:g} gpus together; ask for less"
    )


def check_folder(root: Path, plan: Plan) -> None:
    """Raise EnvironmentProblem when the results folder cannot be written to, or its disk is too full."""
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise EnvironmentProblem(f"results: cannot write to {existing}; choose another folder with --results")
    free = shutil.disk_usage(existing).free
    needed = plan.disk_bytes + 50_000_000  # and some for logs, journal and MLflow
    if free < needed:
        raise EnvironmentProblem(
            f"results: the search may need {needed / 1e6:.0f} MB, but {existing} has {free / 1e6:.0f} MB free; "
            f"free some or choose another folder with --results"
        )


def check_nodes(root: Path, code: str) -> list[str]:
    """Ray's ids of the live nodes, all of which can take part.

    Raises EnvironmentProblem when one has other code, or does not share the results folder. The data needs no check:
    the driver sends it to the nodes itself.
    """
    root.mkdir(parents=True, exist_ok=True)
    probe = root / f".preflight-{os.getpid()}"
    nodes = [node for node in ray.nodes() if node["Alive"]]
    try:
        probe.write_text(code)
        asked = [ask(node["NodeID"], probe) for node in nodes]
        for node, answer in zip(nodes, asked, strict=True):
            complaint = complaint_about(node, answer, probe, code)
            if complaint is not None:
                raise EnvironmentProblem(complaint)
    finally:
        remove_probe(probe)
    return [node["NodeID"] for node in nodes]


def ask(node: str, probe: Path) -> Any:
    """Ray's promise of what the node of that id has for code, and reads of the driver's file."""
    place = NodeAffinitySchedulingStrategy(node, soft=False)
    return _look_from_node.options(scheduling_strategy=place).remote(str(probe))


def complaint_about(node: dict[str, Any], asked: Any, probe: Path, code: str) -> str | None:
    """Why the node cannot take part, by what it answers; None where it can."""
    name = name_of(node)
    try:
        there, read = ray.get(asked, timeout=NODE_PATIENCE)
    except ray.exceptions.GetTimeoutError:
        return f"{name} does not answer; free a CPU of it, or take it out of the cluster"
    except ray.exceptions.RayError as error:  # what a node without this package raises, for one
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        return f"{name} cannot run afcl ({reason}); install the same version on it"
    if there != code:
        return f"{name} has other code of afcl than this driver; install the same on all nodes"
    if read != code or not probe.with_name(f"{probe.name}-{node['NodeID']}").exists():
        return f"{name} does not share {probe.parent}; choose a folder on a shared filesystem with --results"
    return None


def name_of(node: dict[str, Any]) -> str:
    """A node as the user knows it."""
    return f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def remove_probe(probe: Path) -> None:
    """Remove the file by which nodes are tried, and those that they wrote beside it."""
    for left in probe.parent.glob(f"{probe.name}*"):
        left.unlink(missing_ok=True)


@ray.remote(num_cpus=0)
def _look_from_node(probe: str) -> tuple[str, str | None]:
    """The hash of the code there, and what it reads of the driver's file, beside which it writes one of its own."""
    path = Path(probe)
    try:
        read = path.read_text()
        path.with_name(f"{path.name}-{ray.get_runtime_context().get_node_id()}").touch()
    except OSError:
        read = None
    return code_hash(), read


def live_nodes(nodes: list[dict[str, Any]]) -> list[Node]:
    """The resources of the nodes that `ray.nodes()` says are alive."""
    return [node["Resources"] for node in nodes if node["Alive"]]
