"""Remove a search: its folder, and its copy in a store."""

import json
import shutil
from collections.abc import Callable
from functools import partial

from search.storage.lease import live_holder
from search.storage.object_store import Storage, at_once
from search.storage.search_folder import ABOUT, FINAL, SearchFolder
from trainers.errors import InputError


def stored_of(folder: SearchFolder, tell: Callable[[str], None]) -> Storage | None:
    """Where the store keeps the search, so that it can be removed there too; None if only the folder is to be removed.

    None is returned if the search has no store, or if the store now has another search of that name, as `tell` is told.

    Raises:
        InputError: the search runs, here or on another host, or `folder` is a confirmation or a last step.
        EnvironmentProblem: the store does not answer.
    """
    if folder.searched is not folder:
        if folder.name.startswith(FINAL):
            raise InputError(f"{folder.title} is the search's last step, which stays as long as its search")
        raise InputError(
            f"{folder.title} is a confirmation, which stays as long as its search: it has opened the test split"
        )
    if (driven := folder.driven()) is not None:
        raise InputError(
            f"search {folder.name} is run by {driven.holder()}; stop it first with `{folder.hint('stop')}`"
        )
    storage = folder.storage
    if storage is not None:
        there = at_once(partial(storage.find, ABOUT), storage)
        if there is not None and json.loads(there)["id"] != folder.about()["id"]:
            tell(f"{storage.shown} has another search of that name, which stays")
            storage = None
    place = storage or Storage(str(folder.path))
    if (holder := at_once(lambda: live_holder(place, tell), place)) is not None:
        raise InputError(f"search {folder.name} is run by {holder}, says {place.shown}; stop it there first")
    return storage


def remove(folder: SearchFolder, storage: Storage | None) -> None:
    """Remove a search from `storage` (see `stored_of`), then its folder, which is last because it names the store."""
    if storage is not None:
        at_once(storage.delete_all, storage)
    shutil.rmtree(folder.path)
