"""Searches and trials as tables, in a terminal of any width and in a pipe."""

import json
import re
import shlex
from datetime import datetime

from consoles import screen
from pages import confirm
from told_trials import trial_of
from words import done

from search.display import tables
from search.journal.history import History
from search.journal.labels import in_short, values_of
from search.storage.results_folder import all_folders
from search.storage.search_folder import SearchFolder


def rows_of_all_trials(printed: str) -> list[str]:
    """The rows of `show`'s last table."""
    return printed.split("all trials")[1].split("\n\n")[0].splitlines()[2:]


def test_show_has_every_trial_in_a_row_of_its_own_even_in_a_narrow_terminal(told):
    folder, screen_ = SearchFolder(told / "told"), screen(80)
    history = folder.history()
    for part in tables.overview(folder, history, screen_.width):
        screen_.print(part, markup=False, highlight=False, no_wrap=isinstance(part, str))
    printed = re.sub(r"\x1b\[[0-9;]*m", "", screen_.file.getvalue())
    rows = rows_of_all_trials(printed)
    assert [int(row.split()[0]) for row in rows] == list(history.trials)
    for trial, row in zip(history.trials.values(), rows, strict=True):
        assert trial.state in row
        assert values_of(trial) in row, "the reason gives way to the values"
    assert "reasons: `afcl explain told TRIAL --results" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_pipe_is_given_tables_whole(afcl, told):
    trials = SearchFolder(told / "told").history().trials.values()
    for trial, row in zip(trials, rows_of_all_trials(done(afcl("show", "told", results=told))), strict=True):
        assert row.rstrip().endswith(in_short(trial) or values_of(trial))


def test_list_says_data_that_all_searches_share_once(typed, told):
    assert done(typed("list", results=told)).count("Digits") == 1
    narrow = screen(80)
    for part in tables.searches(tables.listing(all_folders(told))):
        narrow.print(part)
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", narrow.file.getvalue()).splitlines())) <= 80
    about = told / "begun" / "search.json"
    about.write_text(about.read_text().replace("Digits 3, 8, 9", "Digits 3, 8, 7"))
    assert done(typed("list", results=told)).count("Digits") == 2


def test_of_many_trials_the_newest_are_shown_and_the_hint_shows_them_all(typed, told, monkeypatch):
    monkeypatch.setattr(tables, "NEWEST", 2)
    printed = done(typed("show", "told", results=told))
    assert "the newest 2 trials and those that run" in printed
    (hint,) = re.findall(r"\d more: `afcl (show told [^`]*)`", printed)
    every = done(typed(*shlex.split(hint), results=told))
    assert [int(row.split()[0]) for row in rows_of_all_trials(every)] == list(range(7))


def test_of_many_trials_an_old_one_that_runs_stays():
    history = History({n: trial_of(n, state="running" if n == 1 else "stopped") for n in range(200)})
    assert [trial.number for trial in tables.shown_trials(history, every=False)] == [1, *range(100, 200)]
    assert len(tables.shown_trials(history, every=True)) == 200


def test_list_says_when_a_search_began_how_long_it_took_and_what_it_waits_for(typed, told):
    rows = {row["name"]: row for row in json.loads(done(typed("list", "--json", results=told)))}
    history = SearchFolder(told / "told").history()
    began = datetime.fromisoformat(rows["told"]["begun"])
    assert int(began.timestamp()) == history.sessions[0]["time"] // 1000
    assert rows["told"]["seconds"] == round(history.driven, 1)
    assert {name: row["waits"] for name, row in rows.items()} == {
        "told": ["confirm", "sync"],
        "begun": ["resume", "sync"],
    }
    (line,) = (line for line in done(typed("list", results=told)).splitlines() if line.startswith("told "))
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d +\d+ s +confirm, sync$", line.rstrip())
    confirm(SearchFolder(told / "told"), ())
    (row,) = (one for one in json.loads(done(typed("list", "--json", results=told))) if one["name"] == "told")
    assert row["waits"] == ["export", "sync"]


def test_of_runs_on_fresh_seeds_the_seed_is_shown_and_none_is_called_the_best(told):
    folder = SearchFolder(told / "told")
    history = folder.history()
    for trial in history.trials.values():
        trial.note = f"trial 3, seed {80 + trial.number}"
    wide = screen(160)
    for part in tables.overview(folder, history, wide.width):
        wide.print(part)
    printed = wide.file.getvalue()
    assert "trial 3, seed 81" in printed
    assert "best (" not in printed
    assert "of the best" not in printed
