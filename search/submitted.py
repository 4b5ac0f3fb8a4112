"""The functions behind `submit` and `status`, for a cluster that this machine is not part of.

`search.stop` and `search.logs` also accept the address of such a cluster.
"""

from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING

from search.api import Spec, checked_spec, store_for

if TYPE_CHECKING:
    from search.cluster.submit import JobStatus, Submitted


def submit(
    spec: Spec,
    overrides: Sequence[str] = (),
    *,
    address: str | None = None,
    results: PurePath | str | None = None,
    name: str | None = None,
    trials: int | None = None,
    data: PurePath | str | None = None,
    tracking_uri: str | None = None,
    storage: str | None = None,
    installed: bool = False,
    anyway: bool = False,
) -> "Submitted":
    """Have a cluster run a search, or go on with it, and return at once.

    A second call with the same spec starts no second search.

    Args:
        spec: a path, the name of a ready search, the values that a YAML file would hold, or a SearchSpec.
        overrides: PATH=VALUE texts that change the spec, as `--set` does.
        address: the cluster's dashboard, http://HEAD:8265; by default RAY_API_SERVER_ADDRESS.
        results: a folder on the cluster that all of its nodes share. With `storage` it is not needed.
        name: the search's name, in place of the spec's.
        trials: how many trials the sampler proposes, in place of the spec's number.
        data: the folder of data sets and caches on the cluster.
        tracking_uri: the MLflow server's address, in place of the spec's.
        storage: the address of a store that keeps the search even if the cluster is lost, in place of the spec's. The
            default is AFCL_STORAGE; for a SearchSpec it is the spec's own store.
        installed: True if the cluster's nodes have this code installed. Then no code is sent.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search began.

    Raises:
        InputError: the spec is wrong, the cluster's nodes do not share `results` or a store, or another search of that
            name runs there.
        EnvironmentProblem: no cluster answers at the address, or it refuses our token.
    """
    from search.cluster import submit as submitting

    store = store_for(spec, storage)
    return submitting.submit(
        checked_spec(spec, overrides, name=name, trials=trials, tracking_uri=tracking_uri, storage=store),
        address=address,
        results=PurePosixPath(results) if results else None,
        data=PurePosixPath(data) if data else None,
        installed=installed,
        anyway=anyway,
    )


def status(name: str | None = None, *, address: str | None = None) -> "list[JobStatus]":
    """The state of submitted searches.

    Args:
        name: a search's name. None returns all searches that were submitted since the cluster's head started.
        address: the cluster's dashboard, http://HEAD:8265; by default RAY_API_SERVER_ADDRESS.

    Raises:
        InputError: no search of that name was submitted.
        EnvironmentProblem: no cluster answers at the address, or it refuses our token.
    """
    from search.cluster import submit as submitting

    return submitting.status(address, name)
