"""Confirmations that were told by hand: no run of theirs ran."""

from collections.abc import Callable, Mapping
from typing import Any

from search.engine.controller import Conductor
from search.engine.paired_runs import PairedAgenda, paired_spec
from search.evidence.candidates import CONFIRMS, Candidate, as_plan, runs_of
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from trainers.config import TrialConfig

Score = Callable[[int, int], float | None]  # of the places of candidate and seed; None: the run failed


def begin_confirmation(searched: SearchFolder, chosen: list[Candidate], seeds: list[int], **more: Any) -> SearchFolder:
    """The folder of a confirmation that was planned and has run nothing."""
    folder, about = searched.next_confirmation(), searched.about()
    planned = as_plan(chosen, seeds) | more
    create_folder(
        searched.path, paired_spec(searched.spec(), folder.name), about["provenance"], noted={CONFIRMS: planned}
    )
    return folder


def tell_runs(
    folder: SearchFolder,
    chosen: list[Candidate],
    seeds: list[int],
    score: Score,
    runs: int | None = None,
    ablation=None,
):
    """Run as many of a confirmation's runs as are known to follow now, or `runs`, all with these test scores."""
    spec, history = folder.spec(), folder.history()
    known = runs_of(folder, history)
    agenda = PairedAgenda(folder.searched.history().trials, chosen, seeds, known, ablation)
    conductor = Conductor(spec, history, folder.open_journal(), agenda)
    conductor.open(slots=1)
    while (runs is None or runs > 0) and (trial := conductor.next_trial()):
        runs = None if runs is None else runs - 1
        told = score(*known[trial.number])
        conductor.launched(trial.number)
        if told is None:
            conductor.fail(trial.number, "diverged: as the test wants it", by_values=True)
            continue
        last = TrialConfig.model_validate(trial.config).last_epoch  # a trial of one stage has its own
        for epoch in range(1, last + 1):
            metrics: Mapping[str, float] = {conductor.metric: told, conductor.deciding: told}
            if epoch == last:
                metrics = metrics | {"test_balanced_accuracy": told, "test_accuracy": told}
            conductor.result(trial.number, epoch, dict(metrics))
    conductor.close("done")
