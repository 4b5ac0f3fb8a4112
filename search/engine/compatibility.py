"""Check that old and new scores can be compared: within a search that goes on, and between two searches."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from search.algorithms.optuna_trials import as_optuna_trial
from search.journal.history import ENDED, Trial
from search.journal.log import Event
from search.storage.provenance import code_hash, git_commit
from search.storage.published import need_journal
from search.storage.results_folder import open_folder
from search.storage.scoring_code import scoring_code_hash
from search.storage.search_folder import SearchFolder
from spaces.checks import value_at
from spaces.fields import fields
from spaces.spec import SearchSpec
from trainers.data.arrays import TrialData
from trainers.errors import InputError
from trainers.loss_config import is_ignored
from trainers.wording import shown as shown_value


def refuse_other_data(folder: SearchFolder, arrays: TrialData) -> None:
    """Raise InputError if the data differ from those that the search in the folder began with."""
    began = folder.about()["provenance"]
    if began["data"]["fingerprint"] != arrays.fingerprint:
        raise InputError(
            f"{folder.title} began on other data ({began['data']['description']}) than this one "
            f"({arrays.description}), and scores on both cannot be compared; begin another search"
        )


def refuse_other_code(*folders: SearchFolder, anyway: bool, say: Callable[[str], None]) -> None:
    """Refuse to mix scores and decisions of different code in one search.

    Only code that affects scores or decisions is compared, so that a changed report stops nobody.

    Args:
        folders: A search, and its last step or confirmation if one was begun.
        anyway: Skip the comparison.
        say: Is called with one line if a folder cannot be compared, because an older version did not record its scoring
            code.

    Raises:
        InputError: A folder began with other code.
    """
    if anyway:
        return
    here, everything = scoring_code_hash(), code_hash()
    unknown: list[SearchFolder] = []
    for folder in folders:
        began = folder.about()["provenance"]
        if "scoring_code" not in began:
            unknown += [folder] if began["code"] != everything else []
        elif began["scoring_code"] != here:
            raise InputError(
                f"{folder.title} began with other code ({_commit(began['git_commit'])}) than this one "
                f"({_commit(git_commit())}), and scores may differ; add --anyway to go on all the same"
            )
    if unknown:
        say(
            f"{unknown[0].title} was begun by a version that did not note its scoring code, so it cannot be compared "
            "with that of now"
        )


def _commit(commit: str | None) -> str:
    return "of no commit" if commit is None else f"commit {commit}"


def older_search(root: Path, name: str, spec: SearchSpec, arrays: TrialData) -> SearchFolder:
    """The folder of the older search `name`, from whose trials the sampler of a new search may learn.

    Raises InputError if the scores of the two searches cannot be compared, if the new search has `per_family`, or if no
    ended trial of the older search lies in the space of the new search.
    """
    folder = open_folder(root, name)
    need_journal(folder, "search --from")
    data = folder.about()["provenance"]["data"]
    if data["fingerprint"] != arrays.fingerprint:
        raise InputError(f"--from: {name} ran on other data ({data['description']}): its scores mean nothing here")
    before = folder.spec()
    if before.search.metric != spec.search.metric:
        raise InputError(f"--from: {name} has another metric ({before.search.metric}): its scores mean nothing here")
    if before.deciding_key != spec.deciding_key:
        raise InputError(
            f"--from: {name} ranked trials by {before.deciding_key}: add --set "
            f"search.decide_by={before.decided_by} to do the same"
        )
    # the fingerprints are equal, so another folder or other rules gave the same images and split
    free = {*before.space, *spec.space, "data.path", "data.split_rules"}
    losses = {*before.losses, *spec.losses}
    for path in fields():
        there, here = value_at(before, path), value_at(spec, path)
        if path not in free and there != here and not all(is_ignored(path, loss) for loss in losses):
            raise InputError(f"--from: {name} has {path} {shown_value(there)}, not {shown_value(here)}: other scores")
    if spec.search.per_family:
        raise InputError("--from: with per_family it would give some families a start over the others")
    if not any(as_optuna_trial(spec.space, trial, spec.deciding_key) for trial in _ended(folder)):
        raise InputError(f"--from: no trial of {name} lies in the space of this search")
    return folder


def known_event(older: SearchFolder) -> Event:
    """The first event of a new search's journal: the ended trials of an older search, for the new search's sampler."""
    told = [asdict(trial) for trial in _ended(older)]
    return {"event": "known", "time": time.time_ns() // 1_000_000, "up": 0.0, "search": older.name, "trials": told}


def _ended(folder: SearchFolder) -> list[Trial]:
    """The search's trials that have finished, were stopped or have failed."""
    return folder.history().in_state(*ENDED)
