from functools import partial

import pandas as pd
import pytest
from told_trials import trial_of

from search.display import tables
from search.journal.frames import CLASS_COLUMNS, CONFUSION_COLUMNS, frames
from search.journal.history import History
from search.storage.search_folder import SearchFolder


@pytest.fixture
def folder(told) -> SearchFolder:
    return SearchFolder(told / "told")


def test_the_tables_hold_what_the_journal_tells(folder):
    history, found = folder.history(), folder.frames()
    assert list(found.trials["trial"]) == list(history.trials)
    assert len(found.epochs) == sum(len(trial.epochs) for trial in history.trials.values())
    assert len(found.decisions) == len(history.decisions) > 3
    for number, trial in history.trials.items():
        row = found.trials.set_index("trial").loc[number]
        assert (row["family"], row["state"], row["epoch"]) == (trial.family, trial.state, trial.epoch)
        assert row["loss.temperature"] == trial.config["loss"]["temperature"]
        assert pd.isna(row["score"]) if trial.score is None else row["score"] == trial.score
        assert row["asked_at"].timestamp() * 1000 == pytest.approx(trial.asked_at)


def test_the_tables_join_by_trial(folder):
    found = folder.frames()
    last = found.epochs.merge(found.trials[["trial", "state", "score"]], on="trial").groupby("trial").tail(1)
    finished = last[last["state"] == "finished"]
    assert len(finished) >= 3
    assert (finished["val_balanced_accuracy"] == finished["score"]).all()


AS_WRITTEN = partial(pd.read_csv, dtype=str)  # pandas 3.0 may lose a number's last digit


@pytest.mark.parametrize(("kind", "read"), [("csv", AS_WRITTEN), ("parquet", pd.read_parquet)])
def test_exported_tables_are_read_back_alike(folder, typed, told, kind, read):
    done = typed("export", "told", "--tables", kind, results=told)
    assert done.returncode == 0, done.stderr
    paths = done.stdout.split()
    tables = ("trials", "epochs", "decisions", "classes", "confusions")
    assert [path.rsplit("/", 1)[1] for path in paths] == [f"{name}.{kind}" for name in tables]
    again = read(paths[1])
    assert list(map(float, again["val_balanced_accuracy"])) == list(folder.frames().epochs["val_balanced_accuracy"])
    assert list(read(paths[2])["action"]) == list(folder.frames().decisions["action"])


def test_a_search_that_has_not_begun_has_empty_tables_with_their_columns():
    found = frames(History())
    assert found.trials.empty
    assert {"trial", "family", "state", "score"} <= set(found.trials.columns)
    assert {"rung", "cutoff", "action"} <= set(found.decisions.columns)


MEASURED = {
    "val_recall/a/b": 0.5,
    "val_specificity/a/b": 0.75,
    "val_precision/c": 1.0,
    "val_expected_calibration_error": 0.1,
    "test_recall/c": 0.25,
    "test_accuracy": 0.5,
}


def test_a_row_of_classes_is_a_class_on_a_split_and_what_is_not_defined_is_empty():
    told, stopped = trial_of(0), trial_of(1, state="stopped")
    for trial in (told, stopped):
        trial.epochs[trial.epoch] |= MEASURED
        trial.config = {"loss": {"eta": 0.0, "gamma": 2.0, "temperature": 0.07}}
    found = frames(History({0: told, 1: stopped}))
    assert list(found.classes.columns) == CLASS_COLUMNS
    rows = found.classes.astype(object).where(found.classes.notna(), None).values.tolist()
    assert rows == [
        [0, "validation", "a/b", 0.5, 0.75, None, None, None],
        [0, "validation", "c", None, None, 1.0, None, None],
        [0, "test", "c", 0.25, None, None, None, None],
    ]
    last = found.epochs.query("trial == 0").iloc[-1]
    assert last["val_recall/a/b"] == 0.5, "which every epoch has"
    assert (last["val_expected_calibration_error"], last["test_accuracy"]) == (0.1, 0.5)
    assert not {"val_specificity/a/b", "val_precision/c", "test_recall/c"} & set(found.epochs.columns)


def test_a_row_of_confusions_is_a_cell_of_a_matrix_that_a_trial_left(folder):
    result = {"class_names": ["a", "b"], "confusion": [[3, 1], [0, 2]], "test": {"confusion": [[5, 0], [4, 1]]}}
    folder.trial(0).write_result(result)
    found = folder.frames().confusions
    assert list(found.columns) == CONFUSION_COLUMNS
    assert found.to_dict("split")["data"] == [
        [0, "validation", "a", "a", 3],
        [0, "validation", "a", "b", 1],
        [0, "validation", "b", "a", 0],
        [0, "validation", "b", "b", 2],
        [0, "test", "a", "a", 5],
        [0, "test", "a", "b", 0],
        [0, "test", "b", "a", 4],
        [0, "test", "b", "b", 1],
    ]


def test_a_search_whose_trials_left_nothing_has_no_confusions(folder):
    assert folder.frames().confusions.empty


def test_a_stopped_trials_reason_names_the_rung_by_its_epoch_in_tables_and_as_json(folder):
    history = folder.history()
    (stopped, *_) = history.in_state("stopped")
    said = f"at the rung of epoch {stopped.decisions[-1].epoch}, below the cutoff"
    assert said in folder.frames().trials.set_index("trial").loc[stopped.number]["reason"]
    assert said in tables.as_json(folder, history)["trials"][stopped.number]["reason"]
