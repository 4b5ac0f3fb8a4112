"""A store that refuses something gets the rest, once, and the user a remark. Real servers, real databases.

Of search.tracking.refusals, through the words that deliver and serve.
"""

import hashlib
import itertools
import json
import random
import shutil
import sqlite3

import outages
import pytest
from lazy import Lazy
from refusing import EPOCHS, measured, proxy

from search.live_page import serving
from search.storage.search_folder import SearchFolder
from search.tracking import outbox
from search.tracking.client import tracking_uri
from search.tracking.run_format import shown_parameter
from trainers.errors import EnvironmentProblem

pytestmark = pytest.mark.slow
mlflow, entities = Lazy("mlflow"), Lazy("mlflow.entities")

MANY = [f"class {k}" for k in range(20)]
REFUSED = {"error_code": "INVALID_PARAMETER_VALUE", "message": "not this one"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An MLflow server whose artifacts have no place: a file is in the way."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "artifacts").write_text("in the way")
    running = outages.Server(folder, locked=False)
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """A busy machine's server is slow."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")


def in_mlflow(uri: str, folder: SearchFolder, view="ACTIVE_ONLY"):
    """The runs of a search by trial, the search's own under "search"; none twice."""
    client = mlflow.MlflowClient(uri)
    experiments = [one.experiment_id for one in client.search_experiments()]
    ours = f"tags.`afcl.search_id` = '{folder.about()['id']}'"
    runs = client.search_runs(experiments, ours, getattr(entities.ViewType, view), max_results=1000)
    by_trial = {run.data.tags["afcl.trial"]: run for run in runs}
    assert len(by_trial) == len(runs), "a run for each, and no run twice"
    return client, by_trial


def values_of(client, run) -> dict[tuple[str, int], list[float]]:
    """Every value that a run has, by metric and step."""
    found: dict[tuple[str, int], list[float]] = {}
    for key in run.data.metrics:
        for point in client.get_metric_history(run.info.run_id, key):
            found.setdefault((key, point.step), []).append(point.value)
    return found


def values_told(folder: SearchFolder, number: int) -> int:
    """How many values a finished trial has: those of its epochs, and its score."""
    return sum(map(len, folder.history().trials[number].epochs.values())) + 1


def one_in_ten(key: str, step: int) -> bool:
    return "score" not in key and hashlib.sha256(f"{key} {step}".encode()).digest()[0] % 10 == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, json.dumps(REFUSED).encode()), (500, b"oops"), (403, b"<html>forbidden</html>"), (413, b"too large")],
)
def test_a_server_that_refuses_one_value_in_ten_and_every_artifact_gets_all_else_once(
    server, tmp_path, monkeypatch, typed, status, body
):
    def refuse(path, said):
        if "log-batch" in path and any(one_in_ten(one["key"], one["step"]) for one in said.get("metrics", [])):
            return status, body
        return None

    folder = measured(tmp_path, f"refused-{status}", MANY, f"tracking.experiment=of {status}")

    def sync(uri):
        return typed("sync", folder.name, results=tmp_path, MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_TIMEOUT="60")

    with proxy(server.uri, refuse) as uri:
        told = sync(uri)
        assert told.returncode == 0, told.stderr
        if status == 400:  # deleted and restored on the way, once: what is there stays, and comes no second time
            client, runs = in_mlflow(server.uri, folder)
            client.delete_experiment(runs["search"].info.experiment_id)
            deleted = sync(uri)
            assert deleted.returncode == 3
            assert "mlflow experiments restore" in deleted.stderr
            client.restore_experiment(runs["search"].info.experiment_id)
            assert sync(uri).returncode == 0
    client, runs = in_mlflow(server.uri, folder)
    wanted = {
        (name, epoch): value
        for epoch, metrics in folder.history().trials[0].epochs.items()
        for name, value in metrics.items()
    }
    refused = {at for at in wanted if one_in_ten(*at)}
    assert len(refused) > 3
    for number, trial in folder.history().trials.items():
        run = runs[str(number)]
        there = values_of(client, run)
        assert there.keys() - {("score", 0)} == wanted.keys() - refused
        assert all(len(values) == 1 for values in there.values())
        assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "finished")
        assert run.data.params["loss.eta"] == shown_parameter(trial.config["loss"]["eta"])
    assert runs["search"].info.status == "FINISHED"
    lines = told.stdout.splitlines()
    (of_values,) = [line for line in lines if " values, among them " in line]
    assert f"did not take {3 * len(refused)} values" in of_values
    (_,) = [line for line in lines if "the artifact spec.yaml" in line]
    assert not [line for line in lines if "every trial and every epoch" in line]
    # mended: the next sync brings what was refused, and nothing twice
    told = sync(server.uri)
    assert told.returncode == 0, told.stderr
    client, runs = in_mlflow(server.uri, folder)
    there = values_of(client, runs["0"])
    assert {at: values for at, values in there.items() if at[0] != "score"} == {at: [one] for at, one in wanted.items()}
    assert not [line for line in told.stdout.splitlines() if " values" in line]


def test_what_belongs_to_other_things_than_values_is_refused_alone_and_brought_by_the_next_sync(server, tmp_path):
    refused = {"runs/set-tag": "rung", "runs/create": "001", "log-inputs": "", "runs/log-batch": "loss.eta"}

    def refuse(path, said):
        wanted = next((text for end, text in refused.items() if path.endswith(end)), None)
        return (400, json.dumps(REFUSED).encode()) if wanted is not None and wanted in json.dumps(said) else None

    folder = measured(tmp_path, "tags", MANY[:2], "search.scheduler={name: asha, grace: 1, reduction: 2}")
    with proxy(server.uri, refuse) as uri, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        synced = outbox.sync(folder)
        assert synced.different == []
        assert {word for line in synced.refused for word in ("run", "dataset", "parameter", "artifact") if word in line}
        client, runs = in_mlflow(server.uri, folder)
        assert runs.keys() == {"search", "0", "2"}
        assert "loss.eta" not in runs["0"].data.params
        assert "loss.gamma" in runs["0"].data.params
        refused.clear()
        synced = outbox.sync(folder)
    assert synced.different == []
    assert len(synced.refused) == 1, "the artifact alone"
    client, runs = in_mlflow(server.uri, folder)
    assert runs.keys() == {"search", "0", "1", "2"}
    for number in folder.history().trials:
        run = runs[str(number)]
        assert "loss.eta" in run.data.params
        assert len(run.inputs.dataset_inputs) == 1
        assert len(values_of(client, run)) == values_told(folder, number)
        assert run.info.status == "FINISHED"


def test_a_server_that_answers_wrongly_for_once_refuses_nothing(server, tmp_path, monkeypatch):
    chance = random.Random(0)

    def refuse(path, said):
        return (500, b"for once") if "/runs/" in path and chance.random() < 0.2 else None

    folder = measured(tmp_path, "for-once", MANY[:3])
    with proxy(server.uri, refuse) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        for _ in range(40):
            try:
                synced = outbox.sync(folder)
            except EnvironmentProblem:
                continue
            break
    assert synced.different == []
    assert [line for line in synced.refused if "spec.yaml" not in line] == []
    client, runs = in_mlflow(server.uri, folder)
    assert all(
        len(values_of(client, runs[str(number)])) == values_told(folder, number) for number in folder.history().trials
    )


def test_a_connection_that_the_server_closed_in_a_pause_is_opened_again(server, tmp_path, monkeypatch):
    asked = itertools.count()

    def refuse(path, said):
        if next(asked) == 0:
            raise ConnectionAbortedError

    folder = measured(tmp_path, "closed", MANY[:2], trials=1)
    with proxy(server.uri, refuse) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert outbox.sync(folder).different == []


@pytest.mark.parametrize("status", [429, 403, 507])
def test_a_server_that_takes_nothing_is_one_line_with_what_mends_it(server, tmp_path, typed, monkeypatch, status):
    monkeypatch.setattr("search.tracking.taking.PAUSES", ())
    folder = measured(tmp_path, f"nothing-{status}", MANY[:2])
    with proxy(server.uri, lambda path, said: (status, b"no") if "runs/create" in path else None) as uri:
        told = typed("sync", folder.name, results=tmp_path, MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_TIMEOUT="60")
    assert told.returncode == 3
    (line,) = told.stderr.splitlines()
    assert f"it answers {status}, " in line
    assert {429: "wait", 403: "MLFLOW_TRACKING_USERNAME", 507: "free some"}[status] in line


def test_an_experiment_that_was_deleted_is_named_with_the_command_that_restores_it(server, tmp_path, typed):
    folder = measured(tmp_path, "deleted", MANY[:2], "tracking.experiment=to be deleted")

    def sync():
        return typed(
            "sync", folder.name, results=tmp_path, MLFLOW_TRACKING_URI=server.uri, MLFLOW_HTTP_REQUEST_TIMEOUT="60"
        )

    assert sync().returncode == 0
    client, before = in_mlflow(server.uri, folder)
    experiment = before["search"].info.experiment_id
    client.delete_experiment(experiment)
    told = sync()
    assert told.returncode == 3
    command = f"`MLFLOW_TRACKING_URI={server.uri} mlflow experiments restore --experiment-id {experiment}`"
    assert told.stderr.endswith(
        f"its experiment to be deleted was deleted; restore it with {command}, then "
        f"`afcl sync {folder.name}`; nothing is lost\n"
    )
    client.restore_experiment(experiment)
    assert sync().returncode == 0
    client, after = in_mlflow(server.uri, folder, "ALL")
    assert {number: run.info.run_id for number, run in after.items()} == {
        number: run.info.run_id for number, run in before.items()
    }
    assert {number: values_of(client, run) for number, run in after.items()} == {
        number: values_of(client, run) for number, run in before.items()
    }


def test_an_experiment_that_is_deleted_and_restored_while_a_search_runs_gets_everything_once(tmp_path):
    from stores import wait_until

    folder = measured(tmp_path, "restored", MANY[:2])
    whole = folder.journal.read_bytes()
    folder.journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:5]))
    uri, remarks = tracking_uri(None, tmp_path), []
    tracker = outbox.Tracker(folder, uri, tell=remarks.append)
    tracker.start()
    wait_until(lambda: tracker.parent is not None)
    client, runs = in_mlflow(uri, folder)
    experiment = runs["search"].info.experiment_id
    client.delete_experiment(experiment)
    folder.journal.write_bytes(whole)
    tracker.on_event({}, None)
    wait_until(lambda: tracker.problem is not None)
    assert f"mlflow experiments restore --experiment-id {experiment}" in tracker.problem
    client.restore_experiment(experiment)
    wait_until(lambda: tracker.problem is None)
    assert tracker.close(60) == 0
    assert (tracker.different, remarks) == ([], [])
    client, runs = in_mlflow(uri, folder, "ALL")
    assert all(
        len(values_of(client, runs[str(number)])) == values_told(folder, number) for number in folder.history().trials
    )


def test_classes_of_any_name_have_a_recall_each(tmp_path):
    classes = ["benign//nevus", "n/a /", "mole (1)", "mole [1]", "..", "x" * 300, "Naevus", "naevus"]
    folder = measured(tmp_path, "names", classes)
    synced = outbox.sync(folder)
    assert (synced.different, synced.refused) == ([], [])
    _, runs = in_mlflow(tracking_uri(None, tmp_path), folder)
    recalls = {key: value for key, value in runs["0"].data.metrics.items() if key.startswith("val_recall/")}
    last = folder.history().trials[0].epochs[EPOCHS]
    assert sorted(recalls.values()) == sorted(last[f"val_recall/{name}"] for name in classes)


def test_a_value_that_is_not_in_mlflow_is_found_missing_and_given_again(tmp_path):
    """As when an older version let two classes share a key: the count of epochs says that all is well."""
    folder = measured(tmp_path, "lacks", MANY[:2])
    outbox.sync(folder)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        gone = database.execute("delete from metrics where key = 'val_recall/class 1' and step = 2").rowcount
        database.execute("delete from latest_metrics where key = 'val_recall/class 1'")
    database.close()
    assert gone == 3
    assert outbox.sync(folder).different == []
    client, runs = in_mlflow(tracking_uri(None, tmp_path), folder)
    assert all(values_of(client, runs[str(number)])["val_recall/class 1", 2] for number in folder.history().trials)


def test_a_value_that_the_journal_does_not_have_is_told(tmp_path):
    folder = measured(tmp_path, "more", MANY[:2])
    outbox.sync(folder)
    client, runs = in_mlflow(tracking_uri(None, tmp_path), folder)
    client.log_metric(runs["1"].info.run_id, "loss", 7.0, step=2)
    assert outbox.sync(folder).different == ["trial 1: MLflow has 1 values that the journal does not have (loss at 2)"]


@pytest.mark.parametrize("there", ["artifacts of another host", "s3"])
def test_an_artifact_is_brought_when_its_place_takes_it(tmp_path, there, monkeypatch):
    folder = measured(tmp_path, "artifact", MANY[:2])
    way = tmp_path / "mlartifacts"
    if there == "s3":

        def lacking(*given):
            raise ModuleNotFoundError("No module named 'boto3'", name="boto3")

        monkeypatch.setattr(mlflow.MlflowClient, "log_dict", lacking)
        why = "the package boto3 is not installed here; pip install boto3"
    else:
        way.write_text("in the way")
        why = f"Not a directory: {way}"
    synced = outbox.sync(folder)
    (line,) = synced.refused
    assert line.startswith(f"MLflow did not take the artifact spec.yaml ({why}")
    client, runs = in_mlflow(tracking_uri(None, tmp_path), folder)
    assert len(values_of(client, runs["0"])) == values_told(folder, 0)
    monkeypatch.undo()
    way.unlink(missing_ok=True)
    assert outbox.sync(folder) == (0, [], [])
    assert [one.path for one in client.list_artifacts(runs["search"].info.run_id)] == ["spec.yaml"]


def test_a_database_of_an_older_mlflow_is_named_with_the_command_that_upgrades_it(tmp_path, typed, monkeypatch):
    monkeypatch.setattr(serving, "wait_for_the_end", lambda say: None)
    folder = measured(tmp_path, "older", MANY[:2])
    outbox.sync(folder)
    for revision, words in (("cc1f77228345", "of an older MLflow"), ("0fa1eaf0c0de", "of a newer MLflow than the")):
        with sqlite3.connect(tmp_path / "mlflow.db") as database:
            database.execute("update alembic_version set version_num = ?", [revision])
        database.close()
        shutil.copytree(tmp_path / "older", tmp_path / revision / "older")
        shutil.copy(tmp_path / "mlflow.db", tmp_path / revision)
        told = typed("sync", "older", results=tmp_path / revision)  # MLflow keeps a database open that it knows
        assert told.returncode == 3
        (line,) = told.stderr.splitlines()
        assert f"takes nothing: its database is {words}" in line
        assert (
            f"`mlflow db upgrade sqlite:///{tmp_path / revision / 'mlflow.db'}`" in line
            or words != "of an older MLflow"
        )
        ports = ["--port", str(outages.free_port()), "--page-port", str(outages.free_port())]
        shown = typed("ui", *ports, results=tmp_path / revision)
        assert f"does not show its runs (its database is {words}" in shown.stdout
        assert "the page is served without MLflow" in shown.stdout
