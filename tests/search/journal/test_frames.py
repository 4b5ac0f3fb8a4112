from functools import partial

import pandas as pd
import pytest

from search.journal.frames import frames
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
    assert [path.rsplit("/", 1)[1] for path in paths] == [
        f"{name}.{kind}" for name in ("trials", "epochs", "decisions")
    ]
    again = read(paths[1])
    assert list(map(float, again["val_balanced_accuracy"])) == list(folder.frames().epochs["val_balanced_accuracy"])
    assert list(read(paths[2])["action"]) == list(folder.frames().decisions["action"])


def test_a_search_that_has_not_begun_has_empty_tables_with_their_columns():
    found = frames(History())
    assert found.trials.empty
    assert {"trial", "family", "state", "score"} <= set(found.trials.columns)
    assert {"rung", "cutoff", "action"} <= set(found.decisions.columns)
