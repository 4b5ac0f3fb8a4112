"""search.journal.tables_read: what the tables of a search tell is what its journal told."""

import shutil
from dataclasses import replace

import pytest

import search
from search.journal.labels import by_epoch
from search.journal.tables_read import leaderboard_order, read_tables
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError


def test_nothing_that_a_table_has_is_lost_on_the_way(told_once, published):
    whole = SearchFolder(told_once / "told").history()
    folder = SearchFolder(published / "told")
    read = folder.history()
    assert leaderboard_order(folder.leaderboard) == [trial.number for trial in whole.ranked()]
    for number, trial in whole.trials.items():
        reason = trial.reason and by_epoch(trial.reason)  # tables name a rung by its epoch
        assert replace(trial, reason=reason) == replace(read.trials[number], config=trial.config, values=trial.values)
        assert trial.values.items() <= read.trials[number].values.items()
    assert read.decisions == whole.decisions


def test_without_tables_the_leaderboard_alone_tells_states_scores_and_last_values(published):
    folder = SearchFolder(published / "told")
    shutil.rmtree(folder.tables)
    history = folder.history()
    assert history.decisions == []
    assert all(trial.latest("val_balanced_accuracy") is not None for trial in history.trials.values())


@pytest.mark.parametrize("file", ["leaderboard.csv", "tables/epochs.csv", "tables/decisions.csv"])
def test_a_damaged_table_is_named_and_the_search_is_listed_as_damaged(published, file):
    folder = SearchFolder(published / "told")
    (folder.path / file).write_text("trial,epoch\nx,y\n")
    with pytest.raises(InputError, match=f"{file} is damaged"):
        read_tables(folder.leaderboard, folder.tables)
    listed = {one.name: one for one in search.list(results=published)}["told"]
    assert (listed.state, file in listed.data) == ("damaged", True)
