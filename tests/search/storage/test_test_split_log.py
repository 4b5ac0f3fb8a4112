"""The looks at the test split, and who hears of them."""

from pathlib import Path

import pytest
from stores import hold, look_elsewhere

from search.engine import confirmation
from search.exports import export
from search.storage.fetch import bring
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import open_once, openings
from spaces.yaml_file import dump_yaml
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


def test_a_confirmation_that_was_killed_before_it_could_look_has_not_looked(told):
    searched = SearchFolder(told / "told")
    folder = SearchFolder(searched.path / "confirm-1")
    for _ in range(2):  # killed before the folder was there, and said again
        confirmation._open_test(folder, again=False)
    assert [(one.by, one.again) for one in openings(searched.test_openings)] == [("confirm-1", False)]
    with pytest.raises(InputError, match="opened by confirm-1"):
        confirmation._open_test(SearchFolder(searched.path / "confirm-2"), again=False)


def exported(folder: SearchFolder) -> Path:
    """A file as `export` writes it, of a trial that was only told of."""
    trial, about = folder.history().trials[0], folder.about()
    expected = {
        "metric": "val_balanced_accuracy",
        "value": 0.5,
        "epoch": 3,
        "data_fingerprint": about["provenance"]["data"]["fingerprint"],
        "data": "digits",
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "cpu": "any",
        "versions": {},
    }
    document = {"config": trial.config, "expected": expected, "origin": {"search_id": about["id"]}}
    path = folder.path / "best-1.yaml"
    path.write_text(dump_yaml(document))
    return path


def test_train_hears_of_a_look_that_another_host_took(kept, uri, tmp_path, typed):
    with hold(kept):
        pass
    look_elsewhere(kept, uri, tmp_path / "other", "confirm-1")
    refused = typed("train", str(exported(kept)), "--test", results=kept.root)
    assert refused.returncode == 2
    assert "the test split was opened by confirm-1" in refused.stderr


def test_what_train_looked_at_is_known_to_the_store(kept, uri, tmp_path, typed):
    with hold(kept):
        pass
    done = typed("train", str(exported(kept)), "--test", results=kept.root)
    assert done.returncode == 0, done.stderr
    other = bring(tmp_path / "other", kept.name, uri)
    assert [one.by for one in openings(other.test_openings)] == ["train best-1.yaml"]


def test_a_neighbour_that_cannot_be_read_is_no_matter_of_train(told):
    folder = SearchFolder(told / "told")
    (told / "begun" / "search.json").write_text("spoilt")
    path = exported(folder)
    assert export.search_of(path, export.read_export(path), told) == folder
