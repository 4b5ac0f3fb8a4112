"""What a folder says of itself: a damaged search.json is one line that names what is lacking."""

import json

import pytest

from search.storage.search_folder import SearchFolder
from search.storage.search_json import PROVENANCE, read_about
from trainers.errors import InputError


@pytest.fixture
def path(told):
    return SearchFolder(told / "told").path / "search.json"


def test_a_whole_one_is_read(path):
    assert read_about(path) == json.loads(path.read_text())


@pytest.mark.parametrize("key", PROVENANCE)
def test_what_its_provenance_lacks_is_named(path, key):
    about = json.loads(path.read_text())
    del about["provenance"][key]
    path.write_text(json.dumps(about))
    with pytest.raises(InputError, match=f"search.json is damaged: it lacks {key}"):
        read_about(path)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "{"])
def test_what_is_no_json_object_is_told(path, text):
    path.write_text(text)
    with pytest.raises(InputError, match=r"search\.json is damaged: not a JSON object"):
        read_about(path)


@pytest.mark.parametrize("older", [1, 2, 3, 4, 5])
def test_a_folder_of_an_older_format_is_read(older, path):
    about = json.loads(path.read_text())
    assert about["format"] == 6
    path.write_text(json.dumps(about | {"format": older}))
    assert read_about(path)["format"] == older


def test_another_format_is_told_with_both_numbers(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 7}))
    with pytest.raises(InputError, match=r"told is of format 7, but this afcl reads formats 1 to 6"):
        read_about(path)
