"""What must hold before the first trial starts: each failure one line with its mend."""

import os
import shutil
from pathlib import Path

import ray

from search.cluster.node_check import check_nodes, shared_place
from search.cluster.slots import Node, live_nodes, workers_on
from search.engine.plan import Plan
from search.storage.provenance import code_hash
from spaces.sections import ResourcesConfig
from spaces.spec import SearchSpec
from trainers.errors import EnvironmentProblem


def check_cluster(spec: SearchSpec, root: Path, address: str | None) -> list[str] | None:
    """Check the Ray that is connected.

    Args:
        spec: of the search, whose trials are to run.
        root: the results folder.
        address: of a running cluster; None where Ray is our own, with this very code on this very disk.

    Returns:
        The ids of the cluster's nodes that may take trials; None where Ray is our own.

    Raises:
        EnvironmentProblem: no trial fits, or a node cannot take part.
    """
    check_resources(spec.resources, live_nodes(ray.nodes()))
    return None if address is None else check_nodes(shared_place(spec, root), code_hash())


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


def check_folder(root: Path, plan: Plan, *, stored: bool) -> None:
    """Raise EnvironmentProblem when the results folder cannot be written to, or its disk is too full.

    stored: a store has the checkpoints.
    """
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise EnvironmentProblem(f"results: cannot write to {existing}; choose another folder with --results")
    free = shutil.disk_usage(existing).free
    needed = (0 if stored else plan.disk_bytes) + 50_000_000  # and some for logs, journal and MLflow
    if free < needed:
        raise EnvironmentProblem(
            f"results: the search may need {needed / 1e6:.0f} MB, but {existing} has {free / 1e6:.0f} MB free; "
            f"free some or choose another folder with --results"
        )
