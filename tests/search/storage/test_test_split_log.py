"""The looks at the test split, and who hears of them."""

from datetime import datetime
from pathlib import Path

import pytest
from confirmations import begin_confirmation, tell_runs
from stores import hold, look_elsewhere

from search.engine import confirmation
from search.evidence.candidates import candidates, read_plan
from search.exports import export
from search.journal.log import read_events
from search.storage.fetch import bring, know_every_opening
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import first_score, note_looks, open_once, openings, refuse_second, watch
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


def test_a_log_of_an_older_version_still_counts(tmp_path):
    record = tmp_path / "test-split.jsonl"
    record.write_text('{"at": "2026-11-24T22:38:23+00:00", "by": "confirm-1", "again": false}\n')
    assert [(one.by, one.scored) for one in openings(record)] == [("confirm-1", False)]
    with pytest.raises(InputError, match="opened by confirm-1 on 2026-11-24"):
        refuse_second(record, again=False)
    open_once(record, "train best-1.yaml", again=True)
    assert [(one.by, one.again, one.scored) for one in openings(record)][1:] == [("train best-1.yaml", True, True)]


@pytest.fixture
def begun(told) -> SearchFolder:
    """A confirmation that was begun, and has run nothing."""
    searched = SearchFolder(told / "told")
    return begin_confirmation(searched, candidates(searched.history(), 1), [1, 2])


def run(folder: SearchFolder, runs: int | None) -> None:
    chosen, seeds = read_plan(folder)
    tell_runs(folder, chosen, seeds, lambda place, k: 0.7, runs)


def test_a_confirmation_that_was_begun_and_has_no_test_score_has_not_looked(begun):
    note_looks(begun.searched)
    assert openings(begun.searched.test_openings) == []
    confirmation._refuse_second_look(begun, again=False)


def test_a_confirmation_has_looked_when_its_first_test_score_was_computed(begun):
    run(begun, 1)
    ended = begun.history().trials[0].ended_at
    note_looks(begun.searched)
    run(begun, None)
    note_looks(begun.searched)
    (look,) = openings(begun.searched.test_openings)
    assert (look.by, look.again, look.scored) == ("confirm-1", False, True)
    assert abs(datetime.fromisoformat(look.at).timestamp() - ended / 1000) <= 1
    confirmation._refuse_second_look(begun, again=False)  # to go on is no second look
    with pytest.raises(InputError, match="opened by confirm-1"):
        confirmation._refuse_second_look(begun.searched.next_confirmation(), again=False)


def test_a_score_that_the_killed_driver_never_heard_of_is_a_look_too(begun):
    trial = begun.trial(0)
    trial.write_result({"metrics": {}})
    assert first_score(begun) is None
    trial.write_result({"metrics": {}, "test": {"metrics": {}}})
    know_every_opening(begun.searched)
    assert [one.by for one in openings(begun.searched.test_openings)] == ["confirm-1"]


def test_what_a_worker_left_of_each_image_is_a_look_too(begun):
    begun.trial(0).path.mkdir(parents=True)
    begun.trial(0).scores.touch()
    know_every_opening(begun.searched)
    assert [one.by for one in openings(begun.searched.test_openings)] == ["confirm-1"]


def test_a_look_is_written_down_while_the_session_runs(begun):
    told = []
    listener = watch(begun, lambda: told.append(openings(begun.searched.test_openings)))
    run(begun, 1)
    history = begun.history()
    epochs = [event for event, _ in read_events(begun.journal) if event["event"] == "result"]
    for event in epochs[:-1]:
        listener(event, history)
    assert told == []
    for _ in range(2):
        listener(epochs[-1], history)
    assert [[one.by for one in looks] for looks in told] == [["confirm-1"]]


def test_what_looked_between_begin_and_first_score_makes_a_second_look_of_it(begun):
    open_once(begun.searched.test_openings, "train best-1.yaml", again=False)
    with pytest.raises(InputError, match=r"opened by train best-1.yaml .*--again"):
        confirmation._refuse_second_look(begun, again=False)
    confirmation._refuse_second_look(begun, again=True)


def test_a_second_look_that_was_allowed_when_it_was_begun_stays_allowed(told):
    searched = SearchFolder(told / "told")
    open_once(searched.test_openings, "train best-1.yaml", again=False)
    folder = begin_confirmation(searched, candidates(searched.history(), 1), [1], again=True)
    confirmation._refuse_second_look(folder, again=False)


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_train_does_not_look_before_a_confirmation_that_is_begun(begun, typed):
    """It found no look when it began, and tells of none: its own is to be the first."""
    searched = begun.searched
    refused = typed("train", str(exported(searched)), "--test", results=searched.root)
    assert refused.returncode == 2
    assert "told confirm-1 has begun and will open the test split: let it end first, or say --again" in refused.stderr
    assert openings(searched.test_openings) == []
    allowed = typed("train", str(exported(searched)), "--test", "--again", results=searched.root)
    assert allowed.returncode == 0, allowed.stderr
    assert [one.by for one in openings(searched.test_openings)] == ["train best-1.yaml"]


def test_train_looks_again_beside_a_confirmation_that_has_ended_only_when_it_is_told_to(begun, typed):
    run(begun, None)
    refused = typed("train", str(exported(begun.searched)), "--test", results=begun.searched.root)
    assert refused.returncode == 2
    assert "--again" in refused.stderr
