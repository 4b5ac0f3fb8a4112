"""Searches and trials as tables, in a terminal of any width and in a pipe."""

from consoles import paper
from words import done

from search.display import tables
from search.journal.labels import values_of
from search.storage.search_folder import SearchFolder


def rows_of_all_trials(printed: str) -> list[str]:
    """The rows of `show`'s last table."""
    return printed.split("all trials")[1].split("\n\n")[0].splitlines()[2:]


def without_space(text: str) -> str:
    return "".join(text.split())


def test_show_has_every_trial_in_a_row_of_its_own_even_in_a_narrow_terminal(told):
    folder, console = SearchFolder(told / "told"), paper(80)
    history = folder.history()
    console.print(tables.overview(folder, history))
    printed = console.file.getvalue()
    rows = rows_of_all_trials(printed)
    assert [int(row.split()[0]) for row in rows] == list(history.trials)
    for trial, row in zip(history.trials.values(), rows, strict=True):
        assert trial.state in row
        assert values_of(trial) in row, "the reason gives way to the values"
    reasons = f"reasons: afcl explain --results {told} told TRIAL, or a wider terminal"
    assert without_space(reasons) in without_space(printed), "a long path is broken wherever a line ends"
    assert max(map(len, printed.splitlines())) <= 80


def test_a_pipe_is_given_tables_whole(afcl, told):
    trials = SearchFolder(told / "told").history().trials.values()
    for trial, row in zip(trials, rows_of_all_trials(done(afcl("show", "told", results=told))), strict=True):
        assert row.rstrip().endswith(trial.reason or values_of(trial))


def test_list_says_data_that_all_searches_share_once(typed, told):
    printed = done(typed("list", results=told))
    assert printed.count("Digits") == 1
    assert max(map(len, printed.splitlines())) <= 80
    about = told / "begun" / "search.json"
    about.write_text(about.read_text().replace("Digits 3, 8, 9", "Digits 3, 8, 7"))
    assert done(typed("list", results=told)).count("Digits") == 2
