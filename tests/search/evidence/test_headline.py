"""A verdict in one sentence. See search.evidence.headline."""

import shutil

import pytest

from search.evidence.headline import headline, last_headline
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

STUDY = "fmnist-98-2"


def test_it_is_that_of_the_last_confirmation(study, told):
    assert last_headline(SearchFolder(told / "told")) is None
    said = last_headline(SearchFolder(study / STUDY))
    assert said.startswith("On 20 fresh seeds and the test split: CL comes first with a mean of 0.7556")


def test_one_seed_is_told_in_the_singular():
    assert headline(1, "CL comes first.") == "On 1 fresh seed and the test split: CL comes first."


def test_a_damaged_verdict_is_named(study, tmp_path):
    folder = SearchFolder(shutil.copytree(study / STUDY, tmp_path / STUDY))
    folder.confirmations()[-1].verdict.write_text("{}")
    with pytest.raises(InputError, match=r"verdict\.json is damaged: KeyError"):
        last_headline(folder)
