"""Where a long line ends on a terminal: between words, and never inside what is to be pasted."""

import pytest

from search.display.folding import folded

LONG = "error       a balanced accuracy near .8 has a standard error of 0.037 from 120 validation images and more"
HINT = "afcl resume base --results '/tmp/School Stuff & more'"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_lines_end_between_words_and_go_on_under_the_first_one(width):
    lines = folded(LONG, width).splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(folded(LONG, width).split()) == " ".join(LONG.split())
    assert all(line.startswith(" " * min(12, width // 3)) for line in lines[1:])


@pytest.mark.parametrize(
    "line",
    [
        f"there is one; go on with `{HINT}`, or another",
        f"go on    {HINT}",
        f"deliver with: {HINT}",
        f"a    {HINT}   (b)",
    ],
)
def test_a_command_line_is_never_broken(line):
    assert any(HINT in one for one in folded(line, 30).splitlines())


def test_a_word_that_is_wider_than_the_terminal_stays_whole():
    assert folded("see /a/very/long/path/to/something here", 10) == "see\n/a/very/long/path/to/something\nhere"


def test_what_fits_is_left_alone():
    assert folded("  two  spaces \n\nstay", 80) == "  two  spaces \n\nstay"


def test_wide_letters_count_twice():
    assert folded("日本 日本 日本", 9) == "日本 日本\n日本"
