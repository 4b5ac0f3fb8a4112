import pytest

from search.held_out import open_once, openings
from trainers.errors import InputError


def test_the_first_look_is_written_down_and_the_second_needs_a_word(tmp_path):
    record = tmp_path / "test-split.jsonl"
    assert openings(record) == []
    open_once(record, "confirm-1", again=False)
    with pytest.raises(InputError, match=r"opened by confirm-1 on \d{4}-\d\d-\d\d.*--again"):
        open_once(record, "train best-1.yaml", again=False)
    assert [(one.by, one.again) for one in openings(record)] == [("confirm-1", False)]
    open_once(record, "train best-1.yaml", again=True)
    assert [(one.by, one.again) for one in openings(record)] == [("confirm-1", False), ("train best-1.yaml", True)]


def test_a_first_look_is_none_again_even_if_it_was_allowed_to_be(tmp_path):
    open_once(tmp_path / "record", "confirm-1", again=True)
    assert not openings(tmp_path / "record")[0].again
