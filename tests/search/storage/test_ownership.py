"""Folder and store, when a driver takes a search: which of them counts, and what goes."""

import json

import pytest
from stores import hold, look_elsewhere, played

from search import api
from search.storage import ownership
from search.storage.fetch import bring
from search.storage.ownership import taken
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import open_once, openings
from search.storage.trial_folder import trial_path
from trainers.errors import InputError


def test_a_folder_that_is_behind_is_brought_up_to_the_store(kept, uri, tmp_path):
    with hold(kept):
        pass
    behind = bring(tmp_path / "behind", kept.name, uri)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        conductor.close("interrupted")
    with hold(behind):
        assert behind.journal.read_bytes() == kept.journal.read_bytes()


def test_where_two_hosts_went_on_apart_the_store_counts_and_the_rest_is_put_aside(kept, uri, tmp_path):
    with hold(kept):
        pass
    other = bring(tmp_path / "other", kept.name, uri)
    with kept.journal.open("ab") as file:  # what a killed driver had not sent
        file.write(b'{"event":"launched","time":1,"up":1,"trial":0}\n')
    tail = kept.journal.read_bytes()
    with hold(other) as held:
        played(other, held.mirror).close("interrupted")
    told = []
    with taken(kept, told.append):
        assert kept.journal.read_bytes() == other.journal.read_bytes()
    aside = next(kept.path.glob("journal.*.jsonl"))
    assert aside.read_bytes() == tail
    assert aside.name in told[0]


def test_another_search_of_the_same_name_is_not_overwritten(kept, told, uri):
    with hold(kept):
        pass
    about = kept.about() | {"id": "another"}
    (kept.path / "search.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="name: another search 'begun' is kept in file://"), hold(kept):
        pass
    with pytest.raises(InputError, match=r"exists in file://.*; go on with `afcl resume begun --storage file://"):
        api.run(kept.spec(), results=told.parent / "new")


def test_what_the_lost_end_of_a_journal_told_of_is_removed(kept):
    """Trial 0 stands at epoch 1 in the journal: its checkpoint of epoch 2 is in flight, that of 3 is ahead."""
    place, name = kept.storage, "checkpoints/epoch-{:05d}-0123456789abcdef.pt"
    for number, epoch in ((0, 1), (0, 2), (0, 3), (1, 1)):
        place.put(f"{trial_path(number)}/{name.format(epoch)}", b"")
    place.put(f"{trial_path(1)}/node.txt", b"")
    place.put(f"{trial_path(0)}/node.txt", b"")
    with hold(kept):
        left = place.names("trials")
    assert left == [f"{trial_path(0)}/{name.format(epoch)}" for epoch in (1, 2)] + [f"{trial_path(0)}/node.txt"]


def test_looks_at_the_test_split_are_known_on_every_host(kept, uri, tmp_path):
    with hold(kept):
        pass
    look_elsewhere(kept, uri, tmp_path / "other", "train best-1.yaml")
    open_once(kept.test_openings, "confirm-1", again=False)
    with hold(kept):
        pass
    assert [one.by for one in openings(kept.test_openings)] == ["train best-1.yaml", "confirm-1"]
    assert bring(tmp_path / "third", kept.name, uri).test_openings.read_bytes() == kept.test_openings.read_bytes()


def test_a_look_at_the_test_split_that_the_store_did_not_hear_of_is_told_when_the_confirmation_is_taken(kept, told):
    with hold(kept):
        pass
    open_once(kept.test_openings, "confirm-1", again=False)
    spec = kept.spec().model_copy(update={"name": "confirm-1"})
    with hold(create_folder(kept.path, spec, kept.about()["provenance"], noted={"confirms": {}})):
        pass
    assert kept.storage.get("test-split.jsonl") == kept.test_openings.read_bytes()


def test_a_trial_in_a_folder_may_not_be_ahead_of_its_journal_either(told):
    """The disk was full when epoch 2 was to be journaled, and no more when the trial saved epoch 3."""
    folder = SearchFolder(told / "begun")
    checkpoints = folder.trial(0).checkpoints
    checkpoints.mkdir(parents=True)
    for epoch in (1, 2, 3):
        (checkpoints / f"epoch-{epoch:05d}-0123456789abcdef.pt").touch()
    with hold(folder):
        assert sorted(path.name[:11] for path in checkpoints.iterdir()) == ["epoch-00001", "epoch-00002"]


def test_a_kill_while_a_journal_is_put_aside_leaves_nothing_of_the_other_past(kept, uri, tmp_path, monkeypatch):
    with hold(kept):
        pass
    other = bring(tmp_path / "other", kept.name, uri)
    with kept.journal.open("ab") as file:
        file.write(b'{"event":"launched","time":1,"up":1,"trial":0}\n')
    with hold(other) as held:
        played(other, held.mirror).close("interrupted")
    (kept.path / "trials" / "0007").mkdir(parents=True)
    kept.delivered.write_text("{}")

    class Killed(BaseException):
        pass

    def killed(*_args, **_options):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ownership.shutil, "rmtree", killed)
        with pytest.raises(Killed), hold(kept):
            pass
    with hold(kept):
        assert kept.journal.read_bytes() == other.journal.read_bytes()
    assert not (kept.path / "trials" / "0007").exists()
    assert not kept.delivered.exists()
