"""The address of a store, as a spec may hold it."""

import json

import pytest

from spaces.spec import load_spec, parse_spec
from trainers.errors import InputError


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("s3://AKIA:hush@bucket/x", "must not hold a name with a password or a key"),
        ("s3://AKIAHUSH@bucket/x", "must not hold a name with a password or a key"),
        ("sftp://me:hush@host/x", "must not hold a name with a password"),
        ("s3://bucket/x?access_key=hush&secret_key=hush", r"must not hold a secret, but has access_key=…"),
        ("abfs://box@account/x?sas_token=hush", r"must not hold a secret, but has sas_token=…"),
        ("file:///mnt/what?", r"a \? in the path of a file: address is written %3F; or give the path itself"),
        ("bucket/x", "must be an address like s3://bucket/folder, or a whole path, but got bucket/x"),
        ("me:hush@bucket", "must be an address like s3://bucket/folder, or a whole path$"),
        ("", "must not be empty"),
    ],
)
def test_an_address_that_holds_a_secret_or_is_none_is_refused_without_being_repeated(uri, complaint):
    with pytest.raises(InputError, match=f"storage.uri: {complaint}") as refused:
        load_spec("digits", [f"storage.uri={json.dumps(uri)}"])
    assert "hush" not in str(refused.value).lower()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "uri", ["s3://bucket", "s3://bucket/a/b?region=x", "gs://b/x", "/mnt/x", "/mnt/#1?", "sftp://me@host/x"]
)
def test_an_address_of_any_store_is_taken(uri):
    assert load_spec("digits", [f"storage.uri={json.dumps(uri)}"]).storage.uri == uri


def test_a_spec_with_a_store_is_read_back_as_it_is():
    spec = load_spec("digits", ["storage.uri=s3://bucket/x"])
    assert parse_spec(spec.dump()) == spec
    assert load_spec("digits").storage.uri is None
