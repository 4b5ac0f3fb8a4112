"""What a host without the folder gets from the store."""

import pytest
from stores import hold, played
from told_trials import told_value

from search.storage.fetch import bring, bring_inner, bring_results, bring_scores, opened
from search.storage.lease import holder_of
from search.storage.results_folder import create_folder
from spaces.spec import load_spec
from trainers.errors import InputError


def test_a_host_without_the_folder_gets_it_from_the_store(kept, uri, tmp_path):
    with hold(kept):
        pass
    with pytest.raises(
        InputError,
        match=r"no search 'begun' in .*elsewhere, which has none yet; start one with ",
    ):
        opened(tmp_path / "elsewhere", "begun", None)
    there = opened(tmp_path / "elsewhere", "begun", uri)
    assert there.journal.read_bytes() == kept.journal.read_bytes()
    assert there.about() == kept.about()
    assert there.spec() == kept.spec()
    with pytest.raises(InputError, match=r"no search 'beg' in .*, and none in file://"):
        opened(tmp_path / "elsewhere", "beg", uri)


def test_the_variable_names_the_store_as_the_flag_does(kept, uri, told, tmp_path, monkeypatch):
    with hold(kept):
        pass
    with pytest.raises(InputError, match="--storage: search told was begun without a storage"):
        opened(told, "told", uri)
    with pytest.raises(InputError, match="--storage: search begun is kept in file://"):
        opened(told, "begun", uri + "/other")
    monkeypatch.setenv("AFCL_STORAGE", uri)
    assert opened(told, "told", None).name == "told", "which is in no store, and was not meant"
    assert opened(tmp_path / "new", "begun", None).journal.exists()


def test_what_trials_left_is_brought_once_and_only_what_was_asked_for(kept, uri, tmp_path):
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        trial = conductor.next_trial() or conductor.history.trials[0]
        for epoch in range(1, kept.spec().base.last_epoch + 1):
            conductor.result(trial.number, epoch, told_value(conductor, 0.5))
        conductor.close("interrupted")
        for name in ("result.json", "scores.npz"):
            held.storage.put(f"trials/{trial.number:04d}/{name}", name.encode())
    there = bring(tmp_path / "other", kept.name, uri)
    files = there.trial(trial.number)
    bring_results(there)
    assert files.result.read_text() == "result.json"
    assert not files.scores.exists()
    bring_scores(there, [trial.number, 99])
    assert files.scores.read_text() == "scores.npz"
    files.scores.write_text("here already")
    bring_scores(there, [trial.number])
    assert files.scores.read_text() == "here already"


def test_a_confirmation_that_another_host_began_is_gone_on_with_here(kept, uri, tmp_path):
    with hold(kept):
        pass
    other = bring(tmp_path / "other", kept.name, uri)
    spec = load_spec(str(kept.path / "spec.yaml"), name="confirm-1")
    confirmation = create_folder(kept.path, spec, kept.about()["provenance"])
    with hold(confirmation) as held:
        played(confirmation, held.mirror).close("interrupted")
        assert held.storage.uri.endswith("/begun/confirm-1")
    assert other.confirmations() == []
    bring_inner(other)
    assert [one.journal.read_bytes() for one in other.confirmations()] == [confirmation.journal.read_bytes()]
    assert not list(other.path.glob(".*.partial"))
    with hold(other.confirmations()[0]):
        assert holder_of(other.storage).number == 3, "the lease is the search's"
