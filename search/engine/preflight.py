"""Checks before the first trial starts. An error is one line that says how to mend it."""

import os
import shutil
from pathlib import Path

import ray

from search.cluster.connection import is_own
from search.cluster.node_check import check_nodes, shared_place
from search.cluster.slots import Node, live_nodes, workers_on
from search.engine.plan import Plan
from search.storage.provenance import code_hash
from spaces.own_parts import parts_of_trials
from spaces.sections import ResourcesConfig
from spaces.spec import SearchSpec
from trainers.errors import EnvironmentProblem
from trainers.os_errors import free_inodes, nearest_existing

LEAST_DISK = 50_000_000  # bytes for logs, journal and MLflow
LEAST_FILES, FILES_OF_A_TRIAL = 100, 15


def check_cluster(spec: SearchSpec, root: Path) -> list[str] | None:
    """Check the Ray that this process is connected to.

    Args:
        spec: the search's spec.
        root: the results folder.

    Returns:
        The ids of the cluster's nodes that may take trials. None if we started Ray ourselves, as it then has the same
        code and disk as this process. A Ray that a user's `ray.init` joined or started is checked like a cluster.

    Raises:
        EnvironmentProblem: no trial fits, or a node cannot take part.
    """
    check_resources(spec.resources, live_nodes(ray.nodes()))
    return None if is_own() else check_nodes(shared_place(spec, root), code_hash(), parts_of_trials(spec))


def check_resources(resources: ResourcesConfig, nodes: list[Node]) -> None:
    """Raise EnvironmentProblem if the nodes cannot hold all workers of a trial, as Ray would then wait for ever."""
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
        f"resources: no node has {resources.cpus:g} cpus and {resources.gpus:g} gpus; "
        "lower resources.cpus or resources.gpus"
    )


def check_folder(root: Path, plan: Plan, *, stored: bool) -> None:
    """Raise EnvironmentProblem if the results folder cannot be written to, or its disk is too full.

    `stored` is True if checkpoints go to a store, so that they need no space in the folder.
    """
    needed = (0 if stored else plan.disk_bytes) + LEAST_DISK
    if (lack := lack_of_folder(root, needed, LEAST_FILES + FILES_OF_A_TRIAL * plan.trials)) is not None:
        raise EnvironmentProblem(f"results: {lack}, or choose another folder with --results")


def lack_of_folder(root: Path, needed: int = LEAST_DISK, files: int = LEAST_FILES) -> str | None:
    """Why a search could not write its results to the folder `root`, and how to mend that; None if it could.

    The search needs `needed` bytes and makes `files` files.
    """
    existing = nearest_existing(root)
    if not existing.is_dir():
        return f"cannot write to {existing}, which is no folder; move it away"
    if os.statvfs(existing).f_flag & os.ST_RDONLY:
        return f"cannot write to {existing}, which is on a read-only disk; have it mounted for writing"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"cannot write to {existing}; allow it with chmod or chown"
    try:
        str(root).encode()
    except UnicodeEncodeError:
        return f"{root} is no text (UTF-8), which MLflow and Ray want; rename it"
    free, left = shutil.disk_usage(existing).free, free_inodes(existing)
    if free < needed:
        return f"the search may need {needed / 1e6:.0f} MB, but {existing} has {free / 1e6:.0f} MB free; free some"
    if left is not None and left < files:
        return (
            f"the search may make {files} files, but the disk of {existing} takes {left} more (inodes); remove some "
            "files there"
        )
    return None
