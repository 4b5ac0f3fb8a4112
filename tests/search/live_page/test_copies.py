"""search.live_page.copies: a copy's journal and its lock are those of the search that is elsewhere."""

from search.live_page.copies import Held, write_journal
from search.storage.search_folder import SearchFolder


def test_a_journal_is_added_to_in_place_and_replaced_where_it_differs(tmp_path):
    journal = tmp_path / "journal.jsonl"
    write_journal(journal, b"one\n")
    first = journal.stat().st_ino
    write_journal(journal, b"one\ntwo\n")
    assert (journal.read_bytes(), journal.stat().st_ino) == (b"one\ntwo\n", first)
    held = journal.open("rb")  # so that the file system cannot give the same number again
    write_journal(journal, b"one\nother\n")
    assert journal.read_bytes() == b"one\nother\n"
    assert journal.stat().st_ino != first
    held.close()


def test_a_copy_is_locked_while_its_search_is_driven(told):
    folder, held = SearchFolder(told / "told"), Held()
    held.set(folder, None)
    assert folder.holder() is None
    held.set(folder, {"host": "far", "pid": 7})
    held.set(folder, {"host": "far", "pid": 7})
    assert folder.holder().startswith("process 7 on far")
    held.set(folder, None)
    assert folder.holder() is None
    held.set(folder, {"host": "far", "pid": 7})
    held.release_below(told)
    assert folder.holder() is None
