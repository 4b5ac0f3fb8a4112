"""Train a search's best trials and the best trial of each loss again on fresh seeds, and open the test split once.

A seed sets the split, the order of the data and the initialisation. Every configuration gets the same seeds, so that
scores are compared in pairs. A validation split that the user gives stays the same for all seeds. No run is stopped
early.

A confirmation runs like a search, in a folder inside the search's folder (confirm-1) and with its own journal, so it
can be interrupted and resumed. With `until_decided`, seeds run in rounds, and each round is a session.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from search.engine.compatibility import refuse_other_code, refuse_other_data
from search.engine.confirmation_plan import ConfirmationPlan, Wanted, new_candidates, plan_for
from search.engine.copy_check import refuse_faults
from search.engine.display import Display
from search.engine.first_parts import tried
from search.engine.forecast import forecast, refuse_undecidable, round_in_words
from search.engine.interrupts import connected_quietly, told_how_to_go_on
from search.engine.paired_runs import GIVEN_SPLIT, PairedAgenda, folder_maker, paired_task
from search.engine.prepare import prepared
from search.engine.runner import SessionEnd, drive
from search.evidence.candidates import CONFIRMS, has_ended
from search.evidence.ranking import last_step
from search.journal.history import ENDED, History
from search.storage.fetch import bring_inner, bring_results, know_every_opening, opened
from search.storage.ownership import taken
from search.storage.published import need_journal
from search.storage.search_folder import SearchFolder, results_root
from search.storage.test_split_log import is_opened_by, refuse_second, watch
from trainers.data import load, load_test, split_fingerprint
from trainers.data.arrays import Split
from trainers.errors import EnvironmentProblem, InputError


@dataclass(frozen=True)
class Confirmed:
    """The state of a confirmation after `confirm`."""

    folder: SearchFolder
    session: SessionEnd | None  # how the last session ended; None if the confirmation was complete before it
    test: Split  # the test split

    @property
    def ended(self) -> str:
        """How the last session ended; "done" if no session was needed."""
        return self.session.reason if self.session else "done"


def confirm(
    name: str,
    wanted: Wanted | None = None,
    *,
    again: bool = False,
    anyway: bool = False,
    allow_copies: bool = False,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    display: Display,
) -> Confirmed:
    """Confirm a search, or go on with a confirmation that was interrupted.

    Before the test split is opened, the display says what the confirmation costs and which differences it can show.

    Args:
        name: the search's name.
        wanted: what to run. None goes on with the plan of a confirmation that was begun, or else takes the defaults.
        again: open the test split once more, on other seeds.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search or this confirmation began.
        allow_copies: accept faults of the test split, such as copies of training images. This is recorded.
        results: the results folder; see `search.confirm`.
        data: the folder of data sets and caches; see `search.confirm`.
        address: "auto" or HOST:PORT of a running Ray cluster; see `search.run`.
        storage: the store that has the search; needed if its folder is not on this machine.
        display: shows the progress.

    Raises:
        InputError: there is nothing to confirm; the data have no test split; the split was opened before, or another
            plan was begun (both unless `again`); or the seeds can hardly decide the wanted difference.
        EnvironmentProblem: this machine or the cluster lacks something.
    """
    wanted = wanted or Wanted()
    wanted.check()
    searched = opened(results_root(results), name, storage)
    if (holder := searched.holder()) is not None:
        raise InputError(f"search {name} is run by {holder}; confirm it when it has ended")
    if searched.storage is None:
        need_journal(searched, "confirm")
    else:  # another host may have run a part of the confirmation
        with taken(searched, display.say):
            bring_inner(searched)
    spec, history = searched.spec(), searched.history()
    best = last_step(searched, history).trials
    plan = plan_for(searched, wanted, history, best, again=again)
    folder, newer = plan.folder, new_candidates(plan, wanted, history, best)
    test = load_test(spec.data, data)
    if has_ended(folder):
        display.say(f"already confirmed on {_last_end(folder):%Y-%m-%d} ({folder.name}): nothing was run{newer}")
        bring_results(folder)
        return Confirmed(folder, None, test)
    _refuse_second_look(folder, again=again)
    if plan.rule is not None and not folder.is_begun():
        refuse_undecidable(searched, history, len(plan.chosen), plan.rule)
    ended_before = len(folder.history().in_state(*ENDED)) if folder.is_begun() else 0
    for line in forecast(
        searched,
        history,
        plan.chosen,
        len(plan.seeds),
        ended=ended_before,
        smallest=wanted.smallest,
        rule=plan.rule,
        steps=plan.steps,
    ):
        display.say(line)
    if plan.ablation is not None:
        display.say(f"path     {plan.ablation.in_words()}")
    if newer:
        display.say(f"{folder.name} goes on with what it was begun with{newer}")
    original = load(spec.data, data)
    refuse_other_data(searched, original)
    tried(spec, original.train.images.shape[1:], proposes=False)
    allowed = [] if folder.is_begun() else refuse_faults(spec.data, data, allow=allow_copies, say=display.say)
    begun = [folder] if folder.is_begun() else []
    refuse_other_code(searched, *begun, anyway=anyway, say=display.say)
    if folder.is_begun():
        _refuse_other_test(folder, test)
    labels = ", ".join(candidate.label for candidate in plan.chosen)
    how_many = f"{len(plan.seeds)} fresh seeds" if plan.rule is None else f"at most {len(plan.seeds)} fresh seeds"
    display.say(f"{name}: {labels} on {how_many}, scored on {len(test)} test images")
    if original.has_given_validation:
        display.say(GIVEN_SPLIT)
    noted = {"top": wanted.top or 1, "again": again, "test": split_fingerprint(test), "allowed": allowed}
    with told_how_to_go_on(folder, display), _looks_written(searched), connected_quietly(address, display):
        while True:
            ended = _run_round(plan, noted, history, test, data=data, address=address, display=display)
            if ended is None or ended.reason != "done" or has_ended(folder):
                break
    bring_results(folder)
    return Confirmed(folder, ended, test)


def _run_round(
    plan: ConfirmationPlan,
    noted: dict[str, Any],
    searched_history: History,
    test: Split,
    *,
    data: Path | None,
    address: str | None,
    display: Display,
) -> SessionEnd | None:
    """Run the next session: all runs of a fixed plan, or the runs of one round if seeds run until pairs are decided.

    Args:
        plan: the confirmation's plan.
        noted: what the folder of a new confirmation records besides its plan.
        searched_history: the search's history.
        test: the test split.
        data: the folder of data sets and caches.
        address: "auto" or HOST:PORT of a running Ray cluster; see `search.run`.
        display: shows the progress.

    Returns:
        How the session ended; None if there was nothing to run, as another host has completed the confirmation.
    """
    folder, spec = plan.folder, plan.folder.searched.spec()
    with ExitStack() as stack:
        # the confirmation is held first, as another host may have gone on with it
        hold = stack.enter_context(taken(folder, display.say)) if folder.is_begun() else None
        runs = plan.runs(None if hold is None else hold.history)
        through = set() if hold is None else {trial.number for trial in hold.history.in_state(*ENDED)}
        places = sorted({k for number, (_, k) in enumerate(runs) if number not in through})
        if not places:
            return None
        if plan.rule is not None:
            display.say(round_in_words(folder, plan.rule))
        arrays = {plan.seeds[k]: load(spec.data.model_copy(update={"seed": plan.seeds[k]}), data) for k in places}
        agenda = PairedAgenda(searched_history.trials, plan.chosen, plan.seeds, runs, plan.ablation)
        watcher = watch(folder, partial(know_every_opening, folder.searched))
        task = replace(paired_task(folder, agenda, arrays, test), listeners=(watcher,))
        begin = folder_maker(task, CONFIRMS, plan.noted(**noted))
        with prepared(task, address=address, display=display, hold=hold, begin=begin) as session:
            return drive(session)


def _refuse_second_look(folder: SearchFolder, *, again: bool) -> None:
    """Raise InputError if the test split was opened before, but not by this confirmation.

    Nothing is raised if `again` is set, or was set when the confirmation began.
    """
    searched, was_allowed = folder.searched, folder.is_begun() and folder.about()[CONFIRMS].get("again", False)
    know_every_opening(searched)  # another host may have opened it
    if not is_opened_by(searched.test_openings, folder.name):
        refuse_second(searched.test_openings, again=again or was_allowed)


@contextmanager
def _looks_written(searched: SearchFolder) -> Iterator[None]:
    """At the end of the block, record every opening of the test split that is not recorded yet.

    Within the block, a failing disk or store may have prevented that.
    """
    try:
        yield
    except BaseException:
        with suppress(EnvironmentProblem, OSError):
            know_every_opening(searched)
        raise
    know_every_opening(searched)


def _refuse_other_test(folder: SearchFolder, test: Split) -> None:
    """Raise InputError if a confirmation was begun with other test images than those on this machine."""
    if folder.about()[CONFIRMS]["test"] != split_fingerprint(test):
        raise InputError(f"{folder.title} was begun with other test images than those that are here now")


def _last_end(folder: SearchFolder) -> datetime:
    """When the last run of a confirmation ended, in UTC."""
    ended = max(trial.ended_at or 0 for trial in folder.history().trials.values())
    return datetime.fromtimestamp(ended / 1000, UTC)
