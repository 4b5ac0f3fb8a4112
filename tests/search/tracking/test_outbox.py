"""What MLflow has of a search whose driver or server died at a bad moment. Searches told by hand, a real store."""

import json
import shutil
import threading

import pytest
from lazy import Lazy
from stores import hold, played, wait_until

from search.storage.addresses import sqlite_uri
from search.storage.fetch import bring
from search.storage.search_folder import SearchFolder
from search.tracking import outbox
from search.tracking.client import tracking_uri
from search.tracking.run_format import shown_parameter
from search.tracking.runs import VERDICT
from trainers.errors import EnvironmentProblem, InputError

mlflow = Lazy("mlflow")

pytestmark = pytest.mark.slow


@pytest.fixture
def delivered(told):
    """The client, the parent run and the trials' runs of a search, by number."""

    def look(folder: SearchFolder):
        client = mlflow.MlflowClient(tracking_uri(None, folder.path.parent))
        experiments = [one.experiment_id for one in client.search_experiments()]
        runs = client.search_runs(experiments, f"tags.`afcl.search` = '{folder.name}'", max_results=1000)
        by_trial = {run.data.tags["afcl.trial"]: run for run in runs}
        assert len(by_trial) == len(runs), "a run for each, and no run twice"
        return client, by_trial.pop("search"), {int(number): run for number, run in by_trial.items()}

    return look


def kill_before_its_end(folder: SearchFolder) -> None:
    """Leave the folder as a driver does that is killed while a trial runs: the session has no last line."""
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(b"".join(lines[:-1]))


def test_a_killed_searchs_runs_are_closed_by_sync_and_wait_for_the_resume(told, delivered):
    folder = SearchFolder(told / "begun")
    kill_before_its_end(folder)
    assert {trial.state for trial in folder.history().trials.values()} == {"pending"}
    assert outbox.sync(folder)[1] == []
    _, parent, children = delivered(folder)
    assert (parent.info.status, parent.data.tags["state"]) == ("KILLED", "interrupted")
    assert parent.info.end_time == folder.history().time
    assert [(run.info.status, run.data.tags["state"]) for run in children.values()] == [("SCHEDULED", "pending")]


def test_a_search_that_runs_delivers_by_itself(told, delivered):
    """Two that look for a run at once would both make it."""
    folder = SearchFolder(told / "begun")
    kill_before_its_end(folder)
    with folder.lock(), pytest.raises(InputError, match=r"begun is run by process .* delivers as it goes"):
        outbox.sync(folder)


def test_two_syncs_at_once_deliver_once(told, delivered):
    folder = SearchFolder(told / "told")
    outbox.sync(SearchFolder(told / "begun"))  # makes the store
    threads = [threading.Thread(target=outbox.sync, args=[folder]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, _, children = delivered(folder)
    assert children.keys() == folder.history().trials.keys()
    assert outbox.sync(folder) == (0, [], [])


@pytest.mark.parametrize("lost", ["log_batch", "log_inputs", "set_terminated", "update_run"])
def test_a_server_that_dies_after_any_kind_of_call_leaves_nothing_out_and_nothing_doubled(
    told, delivered, lost, monkeypatch
):
    """Each call of one kind fails once, after the server took it or before: what came before it must not be lost."""
    folder, original, seen = SearchFolder(told / "told"), getattr(mlflow.MlflowClient, lost), set()
    look, is_away = mlflow.MlflowClient.search_experiments, []

    def dies_once(client, run_id, *given, **more):
        key = (run_id, repr(given), repr(sorted(more.items())))
        if key not in seen:
            seen.add(key)
            if len(seen) % 2:
                original(client, run_id, *given, **more)
            is_away.append(True)
            raise mlflow.exceptions.MlflowException("the server went away")
        return original(client, run_id, *given, **more)

    def looked_for(client, *given, **more):
        if is_away:
            is_away.clear()
            raise mlflow.exceptions.MlflowException("the server went away")
        return look(client, *given, **more)

    monkeypatch.setattr(mlflow.MlflowClient, lost, dies_once)
    monkeypatch.setattr(mlflow.MlflowClient, "search_experiments", looked_for)
    tries = 0
    while True:
        tries += 1
        assert tries < 500
        try:
            different = outbox.sync(folder)[1]
        except EnvironmentProblem:
            continue
        break
    assert tries > 3
    assert different == []
    client, parent, children = delivered(folder)
    history = folder.history()
    assert children.keys() == history.trials.keys()
    assert parent.data.params["data.dataset"] == "digits"
    for number, run in children.items():
        trial = history.trials[number]
        assert run.data.params["loss.temperature"] == shown_parameter(trial.config["loss"]["temperature"])
        assert len(run.inputs.dataset_inputs) == 1
        points = client.get_metric_history(run.info.run_id, "val_balanced_accuracy")
        assert sorted((m.step, m.value) for m in points) == [
            (epoch, metrics["val_balanced_accuracy"]) for epoch, metrics in sorted(trial.epochs.items())
        ]
        assert run.info.status == "FINISHED"
        assert run.data.tags["state"] == trial.state


def runs_and_points(client, parent, children):
    """What a store has of a search, whatever its runs are called there."""
    points = {
        (number, key): [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)]
        for number, run in {"search": parent, **children}.items()
        for key in run.data.metrics
    }
    states = {number: (run.info.status, run.info.end_time, run.data.tags["state"]) for number, run in children.items()}
    nested = {run.data.tags["mlflow.parentRunId"] == parent.info.run_id for run in children.values()}
    return points, states, (parent.info.status, parent.info.end_time, parent.data.tags["mlflow.note.content"]), nested


def delete_all(client, parent, children):
    for run in (parent, *children.values()):
        client.delete_run(run.info.run_id)


def test_a_store_that_was_emptied_gets_the_search_again_once(told, delivered, as_json):
    """In processes of their own: in this one MLflow would go on with the file that is gone."""
    folder = SearchFolder(told / "told")
    everything = {"told": {"delivered": len(folder.journal.read_bytes().splitlines()), "different": [], "refused": []}}
    assert as_json("sync", "told", results=told) == everything
    (told / "mlflow.db").unlink()
    assert as_json("sync", "told", results=told) == everything
    again = runs_and_points(*delivered(folder))
    assert as_json("sync", "told", results=told) == {"told": {"delivered": 0, "different": [], "refused": []}}
    assert runs_and_points(*delivered(folder)) == again


@pytest.mark.parametrize("gone", ["search", "0"])
def test_a_run_that_was_deleted_is_delivered_again_under_one_parent(told, delivered, gone):
    folder = SearchFolder(told / "told")
    outbox.sync(folder)
    client, parent, children = delivered(folder)
    note = parent.data.tags["mlflow.note.content"]
    client.set_tag(parent.info.run_id, "mlflow.note.content", f"{note}\n\n{VERDICT}\n\nCL is best")
    before = runs_and_points(*delivered(folder))
    client.delete_run((parent if gone == "search" else children[0]).info.run_id)
    delivered_again, different, _ = outbox.sync(folder)
    assert delivered_again > 0
    assert different == []
    after = runs_and_points(*delivered(folder))
    if gone == "search":  # with it its verdict is gone, until it is confirmed again
        before = (*before[:2], (*before[2][:2], note), before[3])
    assert after == before
    assert outbox.sync(folder) == (0, [], [])


def test_a_confirmation_stands_under_the_run_that_was_made_again(told, delivered):
    folder = SearchFolder(told / "told")
    shutil.copytree(told / "begun", folder.path / "confirm-1")
    confirmation = SearchFolder(folder.path / "confirm-1")
    outbox.sync(folder)
    outbox.sync(confirmation)
    client, parent, _ = delivered(folder)
    client.delete_run(parent.info.run_id)
    outbox.sync(folder)
    outbox.sync(confirmation)
    _, parent, _ = delivered(folder)
    # other tests confirm too, with the same store
    ours = f"tags.`afcl.search_id` = '{confirmation.about()['id']}' and tags.`afcl.kind` = 'confirmation'"
    found = client.search_runs([parent.info.experiment_id], ours)
    (above,) = [run for run in found if run.data.tags["afcl.trial"] == "search"]
    assert above.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_store_that_does_not_answer_is_no_empty_one(told, delivered, monkeypatch):
    folder = SearchFolder(told / "told")
    outbox.sync(folder)
    before = folder.delivered.read_bytes()
    for lost in ("get_run", "search_runs"):
        with monkeypatch.context() as patch:
            patch.setattr(mlflow.MlflowClient, lost, went_away)
            with pytest.raises(EnvironmentProblem, match="the server went away"):
                outbox.sync(folder)
        assert folder.delivered.read_bytes() == before
    assert outbox.sync(folder) == (0, [], [])


def went_away(client, *given, **more):
    raise mlflow.exceptions.MlflowException("the server went away")


def die(patch):
    """The server goes away in a call, for good."""
    patch.setattr(mlflow.MlflowClient, "search_experiments", went_away)
    went_away(None)


def test_a_store_that_goes_away_while_it_is_filled_again_lacks_nothing_in_the_end(told, delivered, monkeypatch):
    folder = SearchFolder(told / "told")
    outbox.sync(folder)
    before = runs_and_points(*delivered(folder))
    delete_all(*delivered(folder))
    for lost in ("create_run", "log_batch", "set_terminated"):
        with monkeypatch.context() as patch:
            patch.setattr(mlflow.MlflowClient, lost, lambda *given, **more: die(patch))
            with pytest.raises(EnvironmentProblem):
                outbox.sync(folder)
    assert outbox.sync(folder)[1] == []
    assert runs_and_points(*delivered(folder)) == before


def test_what_is_deleted_while_the_search_runs_is_not_made_again_and_holds_up_nothing(told, delivered):
    folder = SearchFolder(told / "told")
    whole = folder.journal.read_bytes()
    folder.journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:6]))
    remarks = []
    tracker = outbox.Tracker(folder, tracking_uri(None, told), tell=remarks.append)
    tracker.start()
    wait_until(lambda: tracker.parent is not None)
    client, _, children = delivered(folder)
    client.delete_run(children[0].info.run_id)
    folder.journal.write_bytes(whole)
    tracker.on_event({}, None)
    assert tracker.close(60) == 0
    _, _, children = delivered(folder)
    assert children.keys() == folder.history().trials.keys() - {0}
    (remark,) = remarks
    assert remark.startswith(
        "MLflow did not take the items of trial 0 (its run was deleted in MLflow); it has the rest"
    )
    assert outbox.sync(folder)[1] == []
    _, _, children = delivered(folder)
    assert 0 in children


def test_a_session_begins_with_what_was_deleted_before(told, delivered):
    folder = SearchFolder(told / "told")
    outbox.sync(folder)
    delete_all(*delivered(folder))
    tracker = outbox.Tracker(folder, tracking_uri(None, told))
    tracker.start()
    assert tracker.close(60) == 0
    assert tracker.different == []
    assert delivered(folder)[2].keys() == folder.history().trials.keys()


def test_mlflow_is_told_nothing_that_can_still_be_lost(kept, tmp_path):
    """Another host would tell it again, with another time: twice."""
    sent = kept.journal.read_bytes().index(b'"event":"launched"')
    sent = kept.journal.read_bytes().rindex(b"\n", 0, sent) + 1
    tracker = outbox.Tracker(kept, sqlite_uri(tmp_path / "mlflow.db"), lambda: sent)
    tracker.start()
    wait_until(lambda: kept.delivered.exists() and json.loads(kept.delivered.read_text())["offset"] == sent)
    assert tracker.close(30) > 0
    assert json.loads(kept.delivered.read_text())["offset"] == sent


def test_sync_tells_what_becomes_of_a_journal_that_another_host_went_on_with(kept, uri, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri(tmp_path / "mlflow.db"))  # none that has another spec of it
    with hold(kept) as held:
        played(kept, held.mirror).close("interrupted")
    other = bring(tmp_path / "other", kept.name, uri)
    for folder in (other, kept):
        with folder.journal.open("ab") as file:
            file.write(json.dumps({"event": "start", "time": 0, "of": str(folder.root)}).encode() + b"\n")
    with hold(other):
        pass
    told = []
    delivered, different, _ = outbox.sync(kept, told.append)
    assert "another host went on with begun" in told[0]
    assert (delivered > 0, different) == (True, [])
