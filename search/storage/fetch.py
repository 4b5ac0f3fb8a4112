"""Copy a search, and the files that its trials left, from the store to a host that lacks them."""

import json
import os
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from search.storage.journal_segments import joined, segments
from search.storage.object_store import Storage, at_once, storage_at
from search.storage.results_folder import open_folder
from search.storage.search_folder import ABOUT, JOURNAL, SPEC, TEST_OPENINGS, SearchFolder
from search.storage.test_split_log import note_looks
from search.storage.trial_folder import CHECKPOINTS, LOG_OF_ATTEMPT, RESULT, SCORES, checkpoints_of, trial_path
from spaces.spec import NAME, load_spec
from spaces.storage_uri import check_uri
from trainers.errors import InputError
from trainers.files import write_atomically


def opened(root: Path, name: str, uri: str | None) -> SearchFolder:
    """The folder of an existing search. If this host has no such folder, it is copied from the store at `uri` first.

    Without `uri`, AFCL_STORAGE names the store. Raises InputError if there is no such search, or if the search is on
    this host but is not kept in the store at `uri`.
    """
    known = uri or os.environ.get("AFCL_STORAGE")
    if known is not None:
        check_uri(known)
    if known is None or not NAME.fullmatch(name) or (root / name).exists():
        folder = open_folder(root, name)
        if uri is not None and (kept := folder.spec().storage.uri) != uri:
            where = f"is kept in {kept}" if kept else f"was begun without a storage, in {root} alone"
            raise InputError(f"--storage: search {name} {where}")
        return folder
    return bring(root, name, known)


def bring(root: Path, name: str, uri: str) -> SearchFolder:
    """Copy a search's folder from the store at `uri`, completely or not at all. The files of trials are not copied.

    Returns the folder. Raises InputError if the store has no such search, and EnvironmentProblem if it does not answer.
    """
    storage = storage_at(uri) / name
    names = _names(storage)
    if ABOUT not in names:
        raise InputError(f"no search {name!r} in {root}, and none in {uri}")
    partial = root / f".{name}.{os.getpid()}.partial"
    try:
        for about in (one for one in names if one == ABOUT or one.endswith(f"/{ABOUT}")):
            _bring_one(partial, storage, about.removesuffix(ABOUT), names, uri)
        partial.rename(root / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_folder(root, name)


def bring_inner(folder: SearchFolder) -> None:
    """Copy from the store the last steps and confirmations that this host lacks, because another host has begun them.

    Does nothing if the search has no store.
    """
    if (storage := folder.storage) is None:
        return
    names, uri = _names(storage), str(folder.spec().storage.uri)
    for about in (one for one in names if one.endswith(f"/{ABOUT}")):
        inside = about.removesuffix(f"/{ABOUT}")
        if not (folder.path / inside).exists():
            partial = folder.path / f".{inside}.{os.getpid()}.partial"
            try:
                _bring_one(partial, storage, f"{inside}/", names, uri)
                (partial / inside).rename(folder.path / inside)
            finally:
                shutil.rmtree(partial, ignore_errors=True)


def _bring_one(partial: Path, storage: Storage, inside: str, names: Iterable[str], uri: str) -> None:
    """Copy search.json, spec, journal and the record of test-split looks from the store into `partial`.

    inside: "" for the search's own files; "confirm-1/" for those of a confirmation, which go to `partial`/confirm-1.
    """
    here = partial / inside
    here.mkdir(parents=True, exist_ok=True)

    def find(name: str) -> bytes | None:
        return _find(storage, inside + name)

    for name in (ABOUT, SPEC, TEST_OPENINGS):
        content = find(name)
        if content is not None:
            (here / name).write_bytes(content)
    # the spec names another store if somebody has copied the search to this store
    moved = load_spec(str(here / SPEC), [f"storage.uri={json.dumps(uri)}"], kept=True)
    (here / SPEC).write_text(moved.dump_yaml(), encoding="utf-8")
    pieces = segments(name.removeprefix(inside) for name in names if name.startswith(inside))
    (here / JOURNAL).write_bytes(joined(pieces, find))


def bring_results(folder: SearchFolder) -> None:
    """Copy result.json of each finished trial from the store, if this host lacks the file.

    Does nothing if the search has no store. Raises EnvironmentProblem when the store does not answer.
    """
    if folder.storage is not None:
        _bring_one_file(folder, (trial.number for trial in folder.history().in_state("finished")), RESULT)


def bring_scores(folder: SearchFolder, numbers: Iterable[int]) -> None:
    """Copy the logits (scores.npz) of a confirmation's runs `numbers` from the store, if this host lacks them.

    Does nothing if the search has no store. Raises EnvironmentProblem when the store does not answer.
    """
    _bring_one_file(folder, numbers, SCORES)


def _bring_one_file(folder: SearchFolder, numbers: Iterable[int], name: str) -> None:
    """Copy the file `name` of each of the trials `numbers`, if the file is in the store and not here."""
    if (storage := folder.storage) is None:
        return
    for number in numbers:
        here = folder.trial(number).path
        if not (here / name).exists():
            content = _find(storage, f"{trial_path(number)}/{name}")
            if content is not None:
                here.mkdir(parents=True, exist_ok=True)
                write_atomically(here / name, content)


def bring_checkpoints(folder: SearchFolder, numbers: Iterable[int]) -> None:
    """Copy the newest intact checkpoint of each of the trials `numbers` that has no intact checkpoint on this host.

    Does nothing if the search has no store. Raises EnvironmentProblem when the store does not answer.
    """
    if (storage := folder.storage) is None:
        return
    from trainers.checkpoint import is_whole, newest_checkpoint_path  # imported only here: torch takes seconds

    for number in numbers:
        here = folder.trial(number).checkpoints
        if newest_checkpoint_path(here) is not None:
            continue
        names = _names(storage, f"{trial_path(number)}/{CHECKPOINTS}")
        for name in checkpoints_of(names).get(number, []):
            content = _find(storage, name)
            file = name.rpartition("/")[2]
            if content is not None and is_whole(file, content):
                here.mkdir(parents=True, exist_ok=True)
                write_atomically(here / file, content)
                break


def bring_log(folder: SearchFolder, number: int) -> None:
    """Copy the `stored_log` of trial `number` over the log on this host; does nothing if the store has no log."""
    if printed := stored_log(folder, number):
        folder.trial(number).path.mkdir(parents=True, exist_ok=True)
        write_atomically(folder.trial(number).log, printed)


def stored_log(folder: SearchFolder, number: int) -> bytes | None:
    """The log of trial `number` in the search's store: the logs of all attempts, joined in their order.

    None if the store has no log of the trial, or if the search has no store. Raises EnvironmentProblem if the store
    does not answer.
    """
    if (storage := folder.storage) is None:
        return None
    under = trial_path(number)
    names = [name for name in _names(storage, under) if name.startswith(f"{under}/{LOG_OF_ATTEMPT}")]
    return b"".join(_find(storage, name) or b"" for name in names) if names else None


def know_every_opening(folder: SearchFolder | None) -> None:
    """Bring the record of looks at the test split up to date, in the search's folder and in its store.

    Does nothing if `folder` is None. Raises EnvironmentProblem when the store does not answer.
    """
    if folder is None:
        return
    note_looks(folder)
    if (storage := folder.storage) is not None:
        at_once(partial(agree_on_openings, folder, storage), storage)


def agree_on_openings(folder: SearchFolder, storage: Storage) -> None:
    """Merge the looks at the test split that folder and store have recorded, and write all of them to both."""
    here = folder.test_openings.read_bytes() if folder.test_openings.exists() else b""
    there = storage.find(TEST_OPENINGS) or b""
    every = list(dict.fromkeys(there.splitlines(keepends=True) + here.splitlines(keepends=True)))
    both = b"".join(sorted(every, key=lambda line: str(json.loads(bytes(line))["at"])))
    if both != there:
        storage.put(TEST_OPENINGS, both)
    if both != here:
        write_atomically(folder.test_openings, both)


def _find(storage: Storage, name: str) -> bytes | None:
    return at_once(partial(storage.find, name), storage)


def _names(storage: Storage, under: str = "") -> list[str]:
    return at_once(partial(storage.names, under), storage)
