"""Train a search's winners again on fresh seeds, beside the best of each loss, and open the test split: once.

A seed sets the split, the order of the data and the initialisation, and every configuration gets the same seeds, so
that scores are compared in pairs. A validation split that the user gives stays, whatever the seed. Nothing is stopped
early. A confirmation runs like a search, in a folder of its own inside the search's (confirm-1), with a journal of its
own: what was interrupted goes on where it was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from search.engine.compatibility import refuse_other_code, refuse_other_data
from search.engine.display import Display
from search.engine.forecast import forecast
from search.engine.interrupts import told_how_to_go_on
from search.engine.leak_guard import refuse_faults
from search.engine.paired_runs import GIVEN_SPLIT, PairedAgenda, folder_maker, paired_task
from search.engine.prepare import prepared
from search.engine.runner import SearchResult, drive
from search.evidence.candidates import CONFIRMS, Candidate, as_plan, candidates, fresh_seeds, has_ended, read_plan
from search.evidence.ranking import last_step
from search.journal.history import ENDED, History, Trial
from search.storage.fetch import bring_inner, bring_results, know_every_opening, opened
from search.storage.ownership import taken
from search.storage.search_folder import SearchFolder, results_root
from search.storage.test_split_log import is_opened_by, refuse_second, watch
from trainers.data import load, load_test, split_fingerprint
from trainers.data.arrays import Split
from trainers.errors import EnvironmentProblem, InputError


@dataclass(frozen=True)
class Confirmed:
    """A confirmation, as far as it has come."""

    folder: SearchFolder
    session: SearchResult | None  # None: it was complete before
    test: Split

    @property
    def ended(self) -> str:
        """How the session ended; done where none was needed."""
        return self.session.reason if self.session else "done"


def confirm(
    name: str,
    *,
    top: int | None = None,
    seeds: int | None = None,
    smallest: float | None = None,
    again: bool = False,
    anyway: bool = False,
    allow_copies: bool = False,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    display: Display,
) -> Confirmed:
    """Confirm a search, or go on with its confirmation that was interrupted.

    Before anything is opened it says what it costs and what it can tell.

    top: so many of the best trials of all, besides the best of each family (1). seeds: how many fresh ones (10); by
    default a confirmation that was begun goes on with its own. smallest: the smallest difference that matters (.01).
    again: open the test split once more, on other seeds.
    anyway: also with other scoring code than the search's, or than the confirmation began with.
    allow_copies: also on a test split that repeats training images; it is written down.
    storage: the store that has the search, where its folder is not here.
    Raises InputError where there is nothing to confirm, where the test split was opened before (unless `again`), or
    where the data has none; EnvironmentProblem as a search does.
    """
    if smallest is not None and not 0 < smallest < 1:
        raise InputError(f"--smallest: a difference of balanced accuracy lies between 0 and 1, but this is {smallest}")
    searched = opened(results_root(results), name, storage)
    if (holder := searched.holder()) is not None:
        raise InputError(f"search {name} is run by {holder}; confirm it when it has ended")
    if searched.storage is not None:  # another host may have gone on with it
        with taken(searched, display.say):
            bring_inner(searched)
    spec, history, folder = searched.spec(), searched.history(), _current(searched, again)
    best = last_step(searched, history).trials
    if folder.is_begun():
        chosen, drawn = read_plan(folder)
        _refuse_another_size(folder, chosen, drawn, history, best, top, seeds)
    else:
        chosen, drawn = candidates(history, top or 1, best), fresh_seeds(spec, folder.name, seeds or 10)
    test = load_test(spec.data, data)
    newer = _new_candidates(folder, chosen, candidates(history, top or _top_of(folder), best))
    if has_ended(folder):
        display.say(f"already confirmed on {_last_end(folder):%Y-%m-%d} ({folder.name}): nothing was run{newer}")
        bring_results(folder)
        return Confirmed(folder, None, test)
    _refuse_second_look(folder, again=again)
    ended_before = len(folder.history().in_state(*ENDED)) if folder.is_begun() else 0
    for line in forecast(searched, history, chosen, len(drawn), ended=ended_before, smallest=smallest):
        display.say(line)
    if newer:
        display.say(f"{folder.name} goes on with what it was begun with{newer}")
    agenda = PairedAgenda(history.trials, chosen, drawn)
    original = load(spec.data, data)
    refuse_other_data(searched, original)
    allowed = [] if folder.is_begun() else refuse_faults(spec.data, data, allow=allow_copies, say=display.say)
    begun = [folder] if folder.is_begun() else []
    refuse_other_code(searched, *begun, anyway=anyway, say=display.say)
    labels = ", ".join(candidate.label for candidate in chosen)
    display.say(f"{name}: {labels} on {len(drawn)} fresh seeds, scored on {len(test)} test images")
    if original.has_given_validation:
        display.say(GIVEN_SPLIT)
    arrays = {seed: load(spec.data.model_copy(update={"seed": seed}), data) for seed in drawn}
    task = replace(
        paired_task(folder, agenda, arrays, test), listeners=(watch(folder, partial(know_every_opening, searched)),)
    )
    noted = {"top": top or 1, "again": again, "test": split_fingerprint(test), "allowed": allowed}
    planned = as_plan(chosen, drawn) | noted
    if folder.is_begun():
        _refuse_other_test(folder, test)
    begin = folder_maker(task, CONFIRMS, planned)
    with (
        told_how_to_go_on(folder, display),
        _looks_written(searched),
        taken(folder, display.say) if folder.is_begun() else nullcontext() as hold,
        prepared(task, address=address, display=display, hold=hold, begin=begin) as session,
    ):
        ended = drive(session)
    bring_results(folder)
    return Confirmed(folder, ended, test)


def _refuse_second_look(folder: SearchFolder, *, again: bool) -> None:
    """Raise InputError where something else than this confirmation looked at the test split before, unless `again`."""
    searched, was_allowed = folder.searched, folder.is_begun() and folder.about()[CONFIRMS].get("again", False)
    know_every_opening(searched)  # another host may have looked
    if not is_opened_by(searched.test_openings, folder.name):
        refuse_second(searched.test_openings, again=again or was_allowed)


@contextmanager
def _looks_written(searched: SearchFolder) -> Iterator[None]:
    """See to it that a look that happened inside is written down, also where the disk or the store did not take it."""
    try:
        yield
    except BaseException:
        with suppress(EnvironmentProblem, OSError):
            know_every_opening(searched)
        raise
    know_every_opening(searched)


def _refuse_other_test(folder: SearchFolder, test: Split) -> None:
    """Raise InputError when a confirmation began with other test images than those that are here."""
    if folder.about()[CONFIRMS]["test"] != split_fingerprint(test):
        raise InputError(f"{folder.title} was begun with other test images than those that are here now")


def _current(searched: SearchFolder, again: bool) -> SearchFolder:
    """The confirmation that is meant: the last one, or a new one."""
    begun = searched.confirmations()
    if begun and not (again and has_ended(begun[-1])):
        return begun[-1]
    return searched.next_confirmation()


def _top_of(folder: SearchFolder) -> int:
    """With how many of the best of all a confirmation was begun; older ones did not note it."""
    return int(folder.about()[CONFIRMS].get("top", 1)) if folder.is_begun() else 1


def _new_candidates(folder: SearchFolder, chosen: Sequence[Candidate], now: Sequence[Candidate]) -> str:
    """What follows where the search, extended say, has other winners now than the confirmation began with."""
    known = {one.trial for one in chosen}
    new = [f"trial {one.trial} ({one.label})" for one in now if one.trial not in known]
    if not new:
        return ""
    mend = f"`{folder.searched.hint('confirm', again=True)}`, which opens the test split once more"
    return f"; new among the best since then: {', '.join(new)}; to confirm them too: {mend}"


def _last_end(folder: SearchFolder) -> datetime:
    """When the last of a confirmation's runs ended."""
    ended = max(trial.ended_at or 0 for trial in folder.history().trials.values())
    return datetime.fromtimestamp(ended / 1000, UTC)


def _refuse_another_size(
    folder: SearchFolder,
    chosen: Sequence[Candidate],
    drawn: Sequence[int],
    history: History,
    best: Sequence[Trial],
    top: int | None,
    seeds: int | None,
) -> None:
    same_top = top is None or {one.trial for one in chosen} == {one.trial for one in candidates(history, top, best)}
    if same_top and seeds in (None, len(drawn)):
        return
    what = f"{len(chosen)} configurations on {len(drawn)} seeds"
    if has_ended(folder):
        raise InputError(f"{folder.searched.name} was confirmed with {what}; say --again for another confirmation")
    raise InputError(f"{folder.name} was begun with {what}; go on with it without --top and --seeds")
