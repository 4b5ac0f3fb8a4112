"""Text that is packed into a page."""

import random

import pytest

from search.reporting.packing import pack, unpack


@pytest.mark.parametrize("text", ["", "a", "η" * 7, "<script>" * 50, "".join(map(chr, range(32, 700)))])
def test_what_is_packed_comes_back_and_has_no_letter_that_ends_a_script(text):
    assert unpack(pack(text)) == text
    assert not set(pack(text)) & set("<\\ \n")


def test_every_length_comes_back():
    for length in range(60):
        text = "".join(random.Random(length).choices("abcdefgh", k=length))
        assert unpack(pack(text)) == text
