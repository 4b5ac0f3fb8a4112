"""The pieces of a journal in a store, and what they make together."""

from search.storage.journal_segments import joined, segment, segments


def pieces(*told):
    """Pieces (start, lease, content), and what gets their content."""
    made = {segment(content, start, number): content for start, number, content in told}
    by_name = {piece.name: content for piece, content in made.items()}
    assert set(segments([*by_name, "driver.json", "trials/0000/result.json"])) == set(made)
    return made, by_name.get


def test_pieces_make_the_journal_again_whatever_was_merged():
    parts = [(0, 1, b"a\n"), (2, 1, b"bb\n"), (5, 1, b"c\n"), (0, 1, b"a\nbb\n"), (2, 2, b"bb\nc\n"), (7, 2, b"d\n")]
    assert joined(*pieces(*parts)) == b"a\nbb\nc\nd\n"
    assert joined(*pieces()) == b""


def test_what_comes_behind_a_gap_is_passed_over_like_a_torn_line():
    assert joined(*pieces((0, 1, b"a\n"), (5, 1, b"c\n"))) == b"a\n"
    assert joined(*pieces((0, 1, b"a\nb"), (5, 1, b"c\n"))) == b"a\n"
    made, get = pieces((0, 1, b"a\n"), (2, 1, b"b\n"), (4, 1, b"c\n"))
    damaged = segment(b"b\n", 2, 1).name
    assert joined(made, lambda name: b"x\n" if name == damaged else get(name)) == b"a\n"
    assert joined(made, lambda name: None if name == damaged else get(name)) == b"a\n"


def test_what_a_driver_wrote_after_it_had_lost_the_search_is_passed_over():
    assert joined(*pieces((0, 1, b"a\n"), (2, 1, b"late\n"), (2, 2, b"b\n"), (7, 1, b"later\n"))) == b"a\nb\n"
    # it even merged its pieces
    assert joined(*pieces((0, 1, b"a\nlate\n"), (2, 2, b"b\n"), (4, 2, b"c\n"))) == b"a\nb\nc\n"
