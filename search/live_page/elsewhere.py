"""Where the page's searches are: on this machine, in a store, or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from search.live_page.copies import Source
from search.live_page.stored_searches import StoredSearches
from search.storage.results_folder import all_folders
from trainers.errors import EnvironmentProblem, InputError
from trainers.wording import did_you_mean


@contextmanager
def brought(name: str | None, address: str | None, storage: str | None) -> Iterator[Source | None]:
    """Within the block, what brings the searches that are elsewhere, after it has brought them once; None for none.

    The copies are in a temporary folder that only this user can read, and are removed afterwards.

    Args:
        name: a search's name, or None; it must be there.
        address: the dashboard of a cluster, or None.
        storage: a store's address, or None.

    Raises:
        InputError: both are given, or there is no such search.
        EnvironmentProblem: the cluster or the store does not answer.
    """
    if address is not None and storage is not None:
        raise InputError("--address: give it or --storage, not both; a cluster's searches in a store are there")
    if address is None and storage is None:
        yield None
        return
    with TemporaryDirectory(prefix="afcl-ui-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        source = StoredSearches(str(storage), root, only=None if name is None else name.partition("/")[0])
        if (problem := source.bring()) is not None:
            raise EnvironmentProblem(problem.partition("; what is shown")[0])
        if name is not None and not (root / name.partition("/")[0]).exists():
            damaged = next((one.problem for one in source.others() if one.name == name), None)
            known = [one.name for one in all_folders(root)]
            raise InputError(damaged or f"no search {name!r} in {storage}{did_you_mean(name, known)}")
        yield source
