"""search.live_page.following: what was read bit by bit is what a whole reading gives."""

import pytest

from search.journal.log import read_events
from search.live_page.following import Followed, stamp_of, stamp_of_results
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError
from trainers.locking import lock_at


@pytest.fixture
def folder(told) -> SearchFolder:
    return SearchFolder(told / "told")


def test_a_journal_that_grows_is_read_on_and_gives_what_the_whole_one_gives(folder):
    whole = folder.journal.read_bytes()
    ends = [end for _, end in read_events(folder.journal)]
    followed = Followed(folder)
    for end in (ends[2], ends[2] + 5, ends[7], ends[-1]):  # the second ends within a line
        folder.journal.write_bytes(whole[:end])
        followed.catch_up()
    assert followed.history == folder.history()
    assert followed._offset == len(whole)


def test_a_journal_that_was_replaced_is_read_from_its_beginning(folder, told):
    followed = Followed(folder)
    followed.catch_up()
    other = told / "other.jsonl"
    other.write_bytes((told / "begun" / "journal.jsonl").read_bytes())
    other.replace(folder.journal)
    followed.catch_up()
    assert followed.history == folder.history()


def test_a_damaged_line_is_told_with_its_number_and_mended_once_it_is_gone(folder):
    whole = folder.journal.read_bytes()
    followed = Followed(folder)
    folder.journal.write_bytes(whole + b"nonsense\n")
    with pytest.raises(InputError, match=f"line {whole.count(10) + 1} is damaged"):
        followed.catch_up()
    folder.journal.write_bytes(whole)
    followed.catch_up()
    assert followed.history == folder.history()


def test_the_stamp_changes_with_the_journal_the_driver_and_the_delivery_and_the_reports_not_with_the_last(folder):
    seen = {(stamp_of(folder), stamp_of_results(folder))}
    with folder.journal.open("ab") as file:
        file.write(b"\n")
    seen.add((stamp_of(folder), stamp_of_results(folder)))
    with lock_at(folder.path / "driver.lock"):
        seen.add((stamp_of(folder), stamp_of_results(folder)))
    assert len({one for one, _ in seen}) == len({one for _, one in seen}) == 3
    before = stamp_of_results(folder)
    folder.delivered.write_text("{}")
    assert stamp_of(folder) not in {one for one, _ in seen}
    assert stamp_of_results(folder) == before


def test_a_folder_that_is_gone_has_a_stamp_too(folder, told):
    assert stamp_of(SearchFolder(told / "none")) != stamp_of(folder)


def test_no_time_is_left_to_tell_before_some_epochs_have_been_timed(folder):
    """These trials were told in one moment."""
    followed = Followed(folder)
    followed.catch_up()
    assert followed.seconds_left() is None


def test_the_time_left_is_the_terminals_estimate_at_the_last_event(folder):
    followed = Followed(folder)
    followed.catch_up()
    followed._timed_from = followed.history.time - 60_000
    assert followed.seconds_left() == 0.0, "all trials have ended"
    begun = Followed(SearchFolder(folder.root / "begun"))
    begun.catch_up()
    begun._timed_from, begun._epochs_before = begun.history.time - 60_000, (-5, 0)
    assert begun.seconds_left() > 60
