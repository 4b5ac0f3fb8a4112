"""How a search's events get to MLflow. See search.tracking.delivery."""

import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from search.storage.search_folder import SearchFolder
from search.tracking import outbox, runs
from search.tracking.client import connect, tracking_uri
from search.tracking.outbox import Tracker
from search.tracking.run_format import TAG


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "words"), [(401, "it answers 401, name or password are wrong"), (500, "it answers 500")]
)
def test_a_server_that_refuses_is_told_in_few_words(finished, status, words, tmp_path):
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    folder = SearchFolder(tmp_path / "copy")
    shutil.copytree(finished.folder.path, folder.path, ignore=shutil.ignore_patterns("ray", "trials"))
    tracker = Tracker(folder, f"http://127.0.0.1:{server.server_port}")
    tracker.start()
    tracker.close(30)
    server.shutdown()
    server.server_close()
    assert tracker.problem == words


def runs_of(folder):
    """A client, and the runs of a search by trial, the search's own under "search"."""
    client = connect(tracking_uri(None, folder.path.parent))
    found = client.search_runs([one.experiment_id for one in client.search_experiments()], max_results=1000)
    return client, {run.data.tags["afcl.trial"]: run for run in found}


@pytest.mark.slow
def test_a_search_that_an_older_version_began_to_deliver_is_gone_on_with_in_that_versions_format(told, monkeypatch):
    folder = SearchFolder(told / "told")
    whole = folder.journal.read_bytes()
    folder.journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:9]))
    with monkeypatch.context() as patch:
        patch.setattr(runs, "FORMAT", 1)  # the older version's, which had no tag for it
        outbox.sync(folder)
    folder.journal.write_bytes(whole)
    said = []
    assert outbox.sync(folder, said.append).different == []
    assert ["keep its ways" in line for line in said] == [True]
    client, there = runs_of(folder)
    assert not [run for run in there.values() if TAG in run.data.tags]
    trials = folder.history().trials
    assert {number: there[str(number)].info.status for number in trials} == {
        number: {"finished": "FINISHED", "stopped": "KILLED"}[trial.state] for number, trial in trials.items()
    }
    for trial in folder.history().in_state("finished"):
        run = there[str(trial.number)].info.run_id
        assert [(one.step, one.value) for one in client.get_metric_history(run, "score")] == [
            (trial.epoch, trial.score)
        ]
    client.delete_run(there["search"].info.run_id)  # its trials' runs stay, and so does their format
    assert outbox.sync(folder).different == []
    assert TAG not in runs_of(folder)[1]["search"].data.tags


@pytest.mark.slow
def test_the_search_is_listed_under_views_from_its_first_event_on(told):
    folder = SearchFolder(told / "begun")
    outbox.sync(folder)
    client, there = runs_of(folder)
    tags = client.get_experiment(there["search"].info.experiment_id).tags
    assert folder.about()["id"] in tags[f"mlflow.sharedViewState.afcl-{folder.about()['id']}"]
    assert "loss.eta" not in there["search"].data.params
