"""A folder on a disk and one in a store are the same to who writes there."""

import pytest

from search.storage.object_store import storage_at
from search.storage.places import DiskPlace, PatientPlace


@pytest.fixture(params=["disk", "store", "store, asked once"])
def place(request, tmp_path):
    storage = storage_at((tmp_path / "there").as_uri())
    return {"disk": DiskPlace(tmp_path / "there"), "store": PatientPlace(storage)}.get(request.param, storage)


def test_a_file_is_found_as_it_was_put_last(place):
    place.put("a/b.txt", b"first")
    place.put("a/b.txt", b"second")
    assert place.find("a/b.txt") == b"second"


def test_a_file_that_is_not_there_is_none_and_can_be_deleted(place):
    assert place.find("a/b.txt") is None
    place.delete("a/b.txt")
    place.put("a/b.txt", b"x")
    place.delete("a/b.txt")
    assert place.find("a/b.txt") is None


def test_files_are_named_from_the_place_and_one_that_is_being_written_is_not_there_yet(place, tmp_path):
    assert place.names("a") == []
    for name in ("a/2.txt", "a/1.txt", "b.txt"):
        place.put(name, b"x")
    (tmp_path / "there" / "a" / ".3.txt.7-7.partial").write_bytes(b"x")
    assert place.names("a") == ["a/1.txt", "a/2.txt"]


def test_a_folder_on_a_full_disk_says_so_in_its_own_words(tmp_path, monkeypatch):
    """A worker tells a full disk from a store that does not answer."""
    import errno

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("search.storage.places.write_atomically", full)
    with pytest.raises(OSError, match="No space left") as raised:
        DiskPlace(tmp_path).put("a.txt", b"x")
    assert type(raised.value) is OSError
