"""The search as an Optuna study on disk, for optuna-dashboard and optuna.visualization.

A trial is added when it ends, in the form in which the sampler was told of it. The search never reads the file, and
writes it anew when a session begins, so damage to the file does no harm.
"""

import warnings
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.algorithms.optuna_trials import as_optuna_trial
from search.journal.history import ENDED, History, Trial
from search.journal.log import Event
from spaces.spec import SearchSpec


class OptunaView:
    """An Optuna journal file with the ended trials. `optuna-dashboard PATH` shows it, even while the search runs.

    Trials with values outside the search's space, as a baseline may have, are left out.
    """

    def __init__(self, path: Path, spec: SearchSpec, history: History) -> None:
        self._spec, self._is_broken = spec, False
        path.unlink(missing_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = JournalStorage(JournalFileBackend(str(path)))
        self._study = optuna.create_study(storage=storage, study_name=spec.name, direction="maximize")
        for trial in history.in_state(*ENDED):
            self._add(trial)

    def on_event(self, event: Event, history: History) -> None:
        """Add a trial if the event is the end of that trial."""
        if event["event"] != "end" or self._is_broken:
            return
        try:
            self._add(history.trials[event["trial"]])
        except OSError:  # for example a full disk: lines after a torn one would be lost, so this session writes no more
            self._is_broken = True

    def _add(self, trial: Trial) -> None:
        told = as_optuna_trial(self._spec.space, trial, self._spec.deciding_key)
        if told is not None:
            self._study.add_trial(told)
