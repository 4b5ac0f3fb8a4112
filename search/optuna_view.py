"""The search as an Optuna study on disk, for optuna-dashboard and optuna.visualization: a view, made anew when asked.

What the sampler was told, trial by trial; nothing is read back from it.
"""

import os
import warnings
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.history import History
from search.sampler import as_optuna_trial
from spaces.spec import SearchSpec


def write_view(path: Path, spec: SearchSpec, history: History) -> None:
    """Write the study into an Optuna journal file: `optuna-dashboard PATH` shows it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = JournalStorage(JournalFileBackend(str(partial)))
        study = optuna.create_study(storage=storage, study_name=spec.name, direction="maximize")
        trials = (as_optuna_trial(spec.space, trial, spec.search.metric_key) for trial in history.trials.values())
        study.add_trials([trial for trial in trials if trial is not None])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
