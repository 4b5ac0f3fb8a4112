"""The words about a cluster that this machine is no part of. `search.stop` and `search.logs` take its address too."""

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
    """Have a cluster run a search, or go on with it. The same again is not a second search.

    Args:
        spec: a path, the name of a ready search, the values that a YAML file would hold, or a SearchSpec.
        overrides: PATH=VALUE texts that change the spec, as `--set` does.
        address: the cluster's dashboard, http://HEAD:8265; by default RAY_API_SERVER_ADDRESS.
        results: a folder on the cluster that all of its nodes share; not needed where there is a storage.
        name: the search's name, in place of the spec's.
        trials: how many the sampler proposes, in place of the spec's.
        data: where data sets are on the cluster.
        tracking_uri: MLflow's server, in place of the spec's.
        storage: a store that outlives the cluster, in place of the spec's; by default AFCL_STORAGE.
        installed: the cluster's nodes have this code, so that none is sent.
        anyway: go on also with a search that other scoring code began.

    Raises:
        InputError: the spec is wrong, a place is none that the cluster's nodes share, or another search of that name
            runs there.
        EnvironmentProblem: nobody, or nobody who takes our token, answers at the address.
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
    """Say how submitted searches stand.

    Args:
        name: of a search; None looks at all that were submitted since the cluster's head started.
        address: the cluster's dashboard, http://HEAD:8265; by default RAY_API_SERVER_ADDRESS.

    Raises:
        InputError: no search of that name was submitted.
        EnvironmentProblem: nobody, or nobody who takes our token, answers at the address.
    """
    from search.cluster import submit as submitting

    return submitting.status(address, name)
