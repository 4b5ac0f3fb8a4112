"""Create, open and list the searches of a results folder."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from search.journal.log import Event, Journal
from search.storage.search_folder import ABOUT, JOURNAL, SPEC, SearchFolder, results_root
from search.storage.search_json import FORMAT, read_about
from spaces.spec import NAME, SearchSpec
from trainers.commands import command_line
from trainers.errors import InputError
from trainers.wording import did_you_mean


def create_folder(
    root: Path,
    spec: SearchSpec,
    provenance: dict[str, Any],
    *,
    begun: Iterable[Event] = (),
    noted: Mapping[str, Any] | None = None,
) -> SearchFolder:
    """Create a new search's folder, completely or not at all.

    Args:
        root: the results folder.
        spec: the search's spec.
        provenance: versions, code, data and machine.
        begun: the events that the journal begins with.
        noted: further entries of search.json.

    Raises:
        InputError: the name is in use.
    """
    path = root / spec.name
    refuse_existing(root, spec.name)
    root.mkdir(parents=True, exist_ok=True)
    partial = root / f".{spec.name}.{os.getpid()}.partial"
    try:
        partial.mkdir()
        about = {"format": FORMAT, "id": uuid.uuid4().hex, "provenance": provenance, **(noted or {})}
        (partial / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        (partial / SPEC).write_text(spec.dump_yaml(), encoding="utf-8")
        with closing(Journal(partial / JOURNAL)) as journal:
            for event in begun:
                journal.append(event)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return SearchFolder(path)


def refuse_existing(root: Path, name: str) -> None:
    """Raise InputError if the results folder has a search, or any other file or folder, of that name."""
    path = root / name
    if path.exists():
        folder = SearchFolder(path)
        if folder.is_published():
            raise InputError(f"name: a published search {name!r} is in {root}; choose another --name or --results")
        raise InputError(
            f"name: a search {name!r} exists in {root}; go on with `{folder.hint('resume')}`, choose another --name, "
            f"or remove it with `{folder.hint('rm')}`"
        )


def open_folder(root: Path, name: str) -> SearchFolder:
    """The folder of an existing search. Raises InputError if there is no such search, or `read_about` refuses it."""
    path = root / name
    if not NAME.fullmatch(name) or not (path / ABOUT).is_file():
        if NAME.fullmatch(name) and path.exists():
            raise InputError(f"{path} is not a search's folder: it has no {ABOUT}")
        raise InputError(f"no search {name!r} in {root}{_instead(root, name)}")
    read_about(path / ABOUT)
    return SearchFolder(path)


def folder_named(root: Path, name: str) -> SearchFolder:
    """The folder of a search, or of its confirmation or last step (NAME/confirm-1). Raises as `open_folder` does."""
    search, slash, inside = name.partition("/")
    folder = open_folder(root, search)
    return open_folder(folder.path, inside) if slash else folder


def _instead(root: Path, name: str) -> str:
    """The end of a message about a name that no search has: similar or known names, or how to start a first search."""
    known = [folder.name for folder in all_folders(root)]
    if known or (root / ABOUT).exists():  # the latter: `root` is a search's folder, and a confirmation was looked for
        return did_you_mean(name, known)
    return f", which has none yet; {how_to_begin(root)}"


def how_to_begin(root: Path) -> str:
    """A half sentence: what to type if the results folder `root` has no search."""
    where = None if root == results_root() else root
    first = command_line("search", "demo", **({"results": where} if where else {}))
    return f"start one with `{first}`, or name the folder that has your searches with --results"


def what_to_type(root: Path) -> str:
    """A line for a user who typed `afcl` alone: the commands that show the searches in `root`, or that start one."""
    known = [folder.name for folder in all_folders(root)]
    if not known:
        return f"no search in {root} yet: {how_to_begin(root)}"
    shows = SearchFolder(root / known[-1]).hint("show")
    return f"searches in {root}: {len(known)}; `{command_line('list')}` lists them, `{shows}` shows one"


def all_folders(root: Path) -> list[SearchFolder]:
    """The folders of all searches in a results folder, sorted by name.

    Folders that a killed process left incomplete are left out. Folders that this user may not read are listed. Raises
    OSError if the results folder itself may not be read.
    """
    inside = sorted(root.iterdir()) if root.exists() else []
    return [SearchFolder(path) for path in inside if NAME.fullmatch(path.name) and _may_be_search(path)]


def _may_be_search(path: Path) -> bool:
    try:
        return (path / ABOUT).exists()
    except PermissionError:
        return True
