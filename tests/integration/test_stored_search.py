"""Real searches in a store whose host is lost. tests/cluster has an S3 server, and drivers that are killed."""

import json
import shutil

import pytest
from searches import SMALL

import search
from search import api
from search.display.on_console import ConsoleDisplay
from search.engine.confirmation import confirm
from search.engine.confirmation_plan import Wanted
from search.exports import export
from search.storage import ownership
from search.storage.object_store import storage_at
from search.storage.test_split_log import openings
from spaces.spec import load_spec
from trainers.errors import EnvironmentProblem


@pytest.fixture(scope="module")
def in_a_store(shared_ray, tmp_path_factory):
    """A search in one slot like `finished`, whose host was lost half way with its folder, and its store."""
    root = tmp_path_factory.mktemp("stored")
    uri = (root / "store").as_uri()
    spec = load_spec("digits", [*SMALL, f"storage.uri={json.dumps(uri)}"], name="kept")
    original = ownership.Hold.taken_over

    def after_a_while(self):
        return "the test took it away" if self.mirror._end > 12_000 else original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ownership.Hold, "taken_over", after_a_while)
        with pytest.raises(EnvironmentProblem, match="the test took it away"):
            api.run(spec, results=root / "lost")
    shutil.rmtree(root / "lost")
    return api.resume("kept", results=root / "found", storage=uri), uri


@pytest.mark.slow
def test_a_search_whose_host_was_lost_comes_to_the_same(finished, in_a_store):
    found, _ = in_a_store
    assert found.reason == "done"
    assert found.different == []
    assert {n: (t.values, t.state, t.score, sorted(t.epochs)) for n, t in found.history.trials.items()} == {
        n: (t.values, t.state, t.score, sorted(t.epochs)) for n, t in finished.history.trials.items()
    }
    assert found.history.decisions == finished.history.decisions
    assert len(found.history.sessions) == 2
    best = search.export("kept", results=found.folder.root)[0]
    assert export.read_export(best).expected is not None
    assert "Embeddings" in found.folder.report.read_text()


@pytest.mark.slow
def test_a_confirmation_outlives_its_host_too(in_a_store, shared_ray, tmp_path):
    found, uri = in_a_store
    one = confirm("kept", Wanted(seeds=2), results=found.folder.root, display=ConsoleDisplay())
    again = confirm("kept", results=tmp_path / "third", storage=uri, display=ConsoleDisplay())
    assert again.session is None, "nothing is left to run"
    assert again.folder.journal.read_bytes() == one.folder.journal.read_bytes()
    finished_ = again.folder.history().in_state("finished")
    assert all(again.folder.trial(trial.number).read_result() for trial in finished_)
    assert [look.by for look in openings(again.folder.searched.test_openings)] == ["confirm-1"]


@pytest.mark.slow
def test_every_node_is_asked_whether_it_reaches_the_store(shared_ray, tmp_path):
    from search.cluster.node_check import check_nodes
    from search.storage.provenance import code_hash

    place = storage_at((tmp_path / "store").as_uri())
    assert len(check_nodes(place, code_hash())) == 1
    assert place.names() == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match=r"storage: a request to file:.* failed"):
        check_nodes(storage_at((tmp_path / "file" / "x").as_uri()), code_hash())
