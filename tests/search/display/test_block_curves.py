"""Curves of block characters."""

from search.display.block_curves import BLOCKS, WIDTH, block_curves
from trainers.console import nearest


def test_the_lowest_of_all_is_the_lowest_block_and_the_highest_the_highest():
    assert block_curves([[0.0, 0.25, 0.5], [None, 0.0, 1.0]]) == ["▁▃▅", " ▁█"]


def test_equal_values_are_drawn_as_the_highest():
    assert block_curves([[0.5, 0.5]]) == ["██"]


def test_a_long_curve_is_drawn_in_the_width_and_ends_with_its_last_value():
    whole = [step / 999 for step in range(1000)]
    drawn, half = block_curves([whole, whole[:500]])
    assert (len(drawn), len(half)) == (WIDTH, WIDTH // 2)
    assert list(drawn) == sorted(drawn, key=BLOCKS.index)
    assert (drawn[0], drawn[-1]) == (BLOCKS[0], BLOCKS[-1])


def test_without_a_value_nothing_is_drawn():
    assert block_curves([[], [None]]) == ["", ""]


def test_an_encoding_without_blocks_shows_their_heights_as_digits():
    drawn = "▁▂▃▄▅▆▇"
    assert nearest(UnicodeEncodeError("ascii", drawn, 0, len(drawn), "no such letter"))[0] == "1234567"
