"""Tables in narrow terminals: no number is cut, no word broken, and text is no markup."""

import re

import pytest
from consoles import screen

from search.display.fitted import Column, FittedTable

COLUMNS = (
    Column("trial", right=True),
    Column("score"),
    Column("data", gives_way="wrapped"),
    Column("values", gives_way="cut"),
)
ROWS = [("1", "0.5432", "Digits 3 and 8 and 9", "eta 1, gamma 2, temperature 3"), ("22", "0.9999", "[old] :ok:", "x")]


def drawn(table: FittedTable, width: int) -> list[str]:
    console = screen(width)
    console.print(table)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 70, 80, 200])
def test_scores_and_words_are_whole_at_every_width(width):
    lines = drawn(FittedTable(COLUMNS, ROWS), width)
    assert max(map(len, lines)) <= width
    words = {word for line in lines for word in line.split()}
    assert {"0.5432", "0.9999", "Digits", "[old]", ":ok:", "trial"} <= words


def test_what_may_be_cut_gives_way_first():
    lines = drawn(FittedTable(COLUMNS, ROWS), 55)
    assert "Digits 3 and 8 and 9" in lines[1]
    assert lines[1].endswith("…")


def test_where_nothing_else_helps_each_row_is_a_list():
    rows = [("1", "0.5432", "a" * 25, "x"), ("2", "0.5", "b", "y")]
    assert drawn(FittedTable(COLUMNS, rows), 34) == [
        "trial   1",
        "score   0.5432",
        f"data    {'a' * 25}",
        "values  x",
        "",
        "trial   2",
        "score   0.5",
        "data    b",
        "values  y",
    ]


def test_without_rows_there_is_the_head_alone():
    assert drawn(FittedTable(COLUMNS, []), 80) == ["trial score data values"]
