"""The search as an Optuna study on disk: a view, never in the way."""

import errno
import os

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from searches import TINY

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.journal.history import read_history
from search.journal.log import Journal
from search.tracking.optuna_study import OptunaView
from spaces.spec import load_spec


def _full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.slow
def test_the_optuna_view_has_stopped_trials_pruned_with_all_their_values(finished):
    storage = JournalStorage(JournalFileBackend(str(finished.folder.optuna_view)))
    study = optuna.load_study(study_name=finished.folder.name, storage=storage)
    seen = {trial.user_attrs["number"]: trial for trial in study.trials}
    stopped = finished.history.in_state("stopped")
    assert stopped
    for trial in stopped:
        assert seen[trial.number].state == TrialState.PRUNED
        assert list(seen[trial.number].intermediate_values) == sorted(trial.epochs)


def test_the_optuna_view_is_there_while_a_search_runs_and_never_in_its_way(tmp_path, monkeypatch):
    spec = load_spec("digits", TINY)
    history = read_history(tmp_path / "journal")
    view = OptunaView(tmp_path / "optuna.log", spec, history)
    journal = Journal(tmp_path / "journal")
    conductor = Conductor(spec, history, journal, SearchAgenda(spec, 1), listeners=[view.on_event])
    conductor.open()
    first, second, third = (conductor.next_trial().number for _ in range(3))
    conductor.fail(first, "crashed")

    def shown() -> list[int]:
        storage = JournalStorage(JournalFileBackend(str(tmp_path / "optuna.log")))
        return [one.user_attrs["number"] for one in optuna.load_study(study_name=spec.name, storage=storage).trials]

    # the baselines lie inside of this space, the CL's η and γ being zero
    assert shown() == [first]
    with monkeypatch.context() as patch:
        patch.setattr(JournalFileBackend, "append_logs", _full)
        conductor.fail(second, "crashed")
    conductor.fail(third, "crashed")
    assert shown() == [first]
    OptunaView(tmp_path / "optuna.log", spec, read_history(tmp_path / "journal"))
    assert shown() == [first, second, third]
    journal.close()
