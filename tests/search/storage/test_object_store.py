"""Files in a store: a folder, by its address. tests/cluster has an S3 server."""

import pickle

import pytest

from search.storage.object_store import Storage, StorageError, storage_at


def test_a_server_that_stands_in_for_amazons_is_known_to_all_nodes(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "here")
    place = storage_at("s3://bucket/x") / "name"
    assert place.uri == "s3://bucket/x/name?endpoint_override=127.0.0.1%3A9000&scheme=http&region=here"
    assert place.shown == "s3://bucket/x/name"
    given = "s3://bucket/x?endpoint_override=elsewhere"
    assert storage_at(given).uri == given


def test_a_store_goes_to_other_processes_as_its_address_alone(tmp_path):
    place = storage_at(tmp_path.as_uri())
    place.put("x", b"")
    there = pickle.loads(pickle.dumps(place))
    assert vars(there) == {"uri": place.uri}


@pytest.mark.parametrize(
    "address", ["file://{}/store", "file://{}/a store", "memory://{}/store", "{}/a store of 50%?#"]
)
def test_a_store_of_pyarrow_or_fsspec_has_files(address, tmp_path):
    place = storage_at(address.format(tmp_path)) / "search"
    assert place.names() == []
    place.put("a/b.txt", b"one")
    place.put("a/b.txt", b"another")
    place.put("c.txt", b"")
    assert place.get("a/b.txt") == b"another"
    assert place.names() == ["a/b.txt", "c.txt"]
    assert place.names("a") == ["a/b.txt"]
    place.delete("c.txt")
    place.delete("c.txt")
    assert place.find("c.txt") is None
    place.delete_all()
    place.delete_all()
    assert place.names() == []


def test_what_an_s3_client_says_becomes_a_few_words():
    said = (
        "When listing objects under key 'x' in bucket 'b': AWS Error NETWORK_CONNECTION during ListObjectsV2 operation"
    )
    assert str(StorageError(OSError(said))) == "no server answers"
    assert str(StorageError(OSError("a\nb"))) == "a"
    with pytest.raises(StorageError, match="the address has an unknown option regoin"):
        Storage("s3://bucket/x?regoin=here").names()


def test_a_store_that_does_not_answer_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as raised:
        Storage(str(tmp_path / "file" / "x")).put("a", b"")
    assert "\n" not in str(raised.value)
    with pytest.raises(StorageError, match="nosuch"):
        Storage("nosuch://x").names()
