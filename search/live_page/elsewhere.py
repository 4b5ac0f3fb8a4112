"""Bring the page's searches to this machine if they are in a store or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from search.live_page.copies import Source
from search.live_page.stored_searches import StoredSearches
from search.storage.redact import shown_uri
from search.storage.results_folder import all_folders
from trainers.errors import EnvironmentProblem, InputError
from trainers.wording import did_you_mean


@contextmanager
def brought(name: str | None, address: str | None, storage: str | None) -> Iterator[Source | None]:
    """Copy the searches of a cluster or a store, and yield the source that keeps the copies up to date in the block.

    Yields None if neither `address` nor `storage` is given: the searches are then on this machine. The copies are in a
    temporary folder that only this user can read, and are removed after the block.

    Args:
        name: a search that must be there, as NAME, or as NAME/final-1 for its last step. None: no search must be there.
        address: the address of a cluster's dashboard, or None.
        storage: a store's address, or None.

    Raises:
        InputError: both addresses are given, or there is no such search, or it cannot be copied.
        EnvironmentProblem: the cluster or the store does not answer.
    """
    if address is not None and storage is not None:
        raise InputError("--address: give it or --storage, not both; a cluster's searches in a store are there")
    if address is None and storage is None:
        yield None
        return
    with TemporaryDirectory(prefix="afcl-ui-", ignore_cleanup_errors=True) as folder:
        root, search = Path(folder), None if name is None else name.partition("/")[0]
        source: Source = (
            StoredSearches(str(storage), root, only=search) if address is None else _on_the_cluster(address, root)
        )
        if (problem := source.bring()) is not None:
            raise EnvironmentProblem(problem.partition("; what is shown")[0])
        if search is not None and not (root / search).exists():
            known = {one.name: one.problem for one in source.others()} | {one.name: "" for one in all_folders(root)}
            if search not in known or known[search]:
                why = (
                    f"no search {search!r} in {shown_uri(str(storage or address))}{did_you_mean(search, sorted(known))}"
                )
                raise InputError(known.get(search) or why)
        yield source


def _on_the_cluster(address: str, root: Path) -> Source:
    from search.live_page.submitted_searches import SubmittedSearches

    return SubmittedSearches(address, root)
