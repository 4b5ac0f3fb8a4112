"""Searches on a real Ray, with real digits and a real MLflow store.

Modules: search.engine.runner, search.engine.ray_tune
"""

import json
import os
import signal
import threading
import time
from collections import defaultdict

import numpy as np
import pytest
from lazy import Lazy
from PIL import Image
from searches import SMALL

import search
from search import api
from search.exports import export, retrain
from search.journal.history import History
from search.journal.labels import by_epoch
from search.tracking import outbox
from search.tracking.client import tracking_uri
from spaces.spec import load_spec
from trainers.errors import EnvironmentProblem, InputError

mlflow = Lazy("mlflow")

pytestmark = pytest.mark.slow


def told(history: History) -> list:
    """What was proposed, decided and reached, without clocks."""
    return [
        (t.number, t.values, t.state, t.score, [(d.rung, d.value, d.cutoff, d.action) for d in t.decisions])
        for t in history.trials.values()
    ]


def test_a_search_finishes_with_baselines_stops_and_a_winner(finished):
    history = finished.history
    assert finished.reason == "done"
    assert [trial.family for trial in list(history.trials.values())[:3]] == ["CL", "FCL", "ACL"]
    assert history.in_state("stopped")
    assert all(trial.state in ("finished", "stopped") for trial in history.trials.values())
    assert len(history.trials) == 10
    best = history.ranked()[0]
    assert best.decided == max(trial.decided for trial in history.in_state("finished"))


def test_a_second_run_with_the_same_seed_proposes_and_stops_the_same(finished, shared_ray, tmp_path):
    again = api.run(load_spec("digits", SMALL), results=tmp_path)
    assert told(again.history) == told(finished.history)


def test_workers_are_used_again_and_leak_nothing(finished, shared_ray):
    logs = [finished.folder.trial(number).log.read_text() for number in finished.history.trials]
    assert all("threads" in log and "Traceback" not in log for log in logs)


def test_nothing_of_rays_reaches_the_user(finished, capfd, shared_ray, tmp_path):
    api.run(load_spec("digits", [*SMALL, "search.trials=1", "search.baselines=[CL]"]), results=tmp_path)
    printed = capfd.readouterr()
    for word in ("tune", "Trainable", "ray", "Traceback", "WARNING", "INFO"):
        assert word not in printed.out.replace("Ray", "") + printed.err, word


def test_mlflow_has_one_parent_and_one_child_a_trial_with_every_epoch(finished, root):
    client = mlflow.MlflowClient(tracking_uri(None, root))
    experiment, parent = finished.parent_run
    assert finished.undelivered == 0
    trials = f"tags.`mlflow.parentRunId` = '{parent}' and tags.`afcl.trial` != 'search'"  # nor its confirmations
    children = client.search_runs([experiment], trials, max_results=1000)
    assert len(children) == len(finished.history.trials)
    for run in children:
        trial = finished.history.trials[int(run.data.tags["afcl.trial"])]
        told = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "val_balanced_accuracy")}
        assert told == {epoch: metrics["val_balanced_accuracy"] for epoch, metrics in trial.epochs.items()}
        assert run.data.tags["state"] == trial.state
        assert run.data.tags["family"] == trial.family
        assert run.info.status == "FINISHED"
        assert run.data.params["loss.eta"] == f"{trial.config['loss']['eta']:.4g}"
        assert ("score" in run.data.metrics) == (trial.state == "finished")
        if trial.state == "stopped":
            assert run.data.tags["reason"] == by_epoch(trial.reason)
            assert run.data.tags["rung"] == f"epoch {trial.epoch}"
        assert (
            run.inputs.dataset_inputs[0].dataset.digest
            == finished.folder.about()["provenance"]["data"]["fingerprint"][:36]
        )
    run = client.get_run(parent)
    assert run.info.status == "FINISHED"
    assert "| 1 |" in run.data.tags["mlflow.note.content"]
    tags = client.get_experiment(experiment).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"


def test_delivering_everything_again_changes_nothing(finished, root):
    client = mlflow.MlflowClient(tracking_uri(None, root))
    experiment, _ = finished.parent_run

    def everything():
        runs = client.search_runs([experiment], max_results=1000)
        points = defaultdict(list)
        for run in runs:
            for key in run.data.metrics:
                points[run.info.run_id, key] = [
                    (m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)
                ]
        return points

    before = everything()
    finished.folder.delivered.unlink()
    delivered, different, _ = outbox.sync(finished.folder)
    assert delivered == len(finished.folder.journal.read_text().splitlines())
    assert different == []
    assert everything() == before


def test_the_journal_has_every_epoch_once(finished):
    seen = [
        (event["trial"], event["epoch"])
        for line in finished.folder.journal.read_text().splitlines()
        if (event := json.loads(line))["event"] == "result"
    ]
    assert len(seen) == len(set(seen))


def test_fractional_and_logical_gpus_are_granted(shared_ray, tmp_path):
    """Ray's bookkeeping of GPUs is real here, the GPUs are not: trials fall back to the CPU."""
    spec = load_spec(
        "digits", [*SMALL, "search.trials=2", "resources.gpus=0.5", "resources.cpus=0.5", "search.max_concurrent=null"]
    )
    found = api.run(spec, results=tmp_path)
    assert json.loads(found.folder.journal.read_text().splitlines()[0])["slots"] == 4
    assert found.reason == "done"


def test_workers_that_the_nodes_do_not_hold_are_refused_and_nothing_is_left(shared_ray, tmp_path):
    asked = ["resources={gpus: 1, cpus: 0.5, workers: 3}"]
    with pytest.raises(EnvironmentProblem, match=r"asks for 3 of 0.5 cpus and 1 gpus each, but the nodes hold 2; set"):
        api.run(load_spec("digits", asked), results=tmp_path)
    assert not list(tmp_path.iterdir())


def test_more_workers_than_the_training_set_has_rows_are_refused_and_nothing_is_left(tmp_path):
    data = "data={dataset: digits, classes: ['3', '8'], train_size: 20, val_per_class: 25}"
    asked = [data, "representation.batch_size=256", "resources.workers=41"]
    with pytest.raises(InputError, match=r"^resources\.workers: .*got 41 workers for 40 rows \(20 training images\)$"):
        api.run(load_spec("digits", asked), results=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_existing_name_is_refused(finished, root):
    with pytest.raises(InputError, match=r"exists in .*afcl resume Finished\.1"):
        api.run(load_spec("digits", SMALL, name="Finished.1"), results=root)


def test_a_diverging_trial_fails_with_its_reason_and_the_search_goes_on(shared_ray, tmp_path):
    spec = load_spec(
        "digits",
        [
            *SMALL,
            "search.trials=0",
            "space={}",
            "search.baselines=[CL, ACL]",
            "search.max_failed_share=1",
            "representation.optimizer=sgd",
            "representation.lr=1.0e+38",
        ],
    )
    found = api.run(spec, results=tmp_path)
    assert [trial.state for trial in found.history.trials.values()] == ["failed", "failed"]
    assert all("diverged" in trial.reason for trial in found.history.trials.values())


def test_a_killed_worker_goes_on_from_its_checkpoint(shared_ray, tmp_path):
    spec = load_spec(
        "digits", [*SMALL, "search.trials=0", "space={}", "search.baselines=[CL]", "representation.epochs=40"]
    )
    killed = []

    def kill_the_worker():
        log = tmp_path / spec.name / "trials" / "0000" / "log.txt"
        journal = tmp_path / spec.name / "journal.jsonl"
        while not (journal.exists() and journal.read_text().count('"result"') > 5):
            time.sleep(0.02)
        pid = int(log.read_text().split("pid ")[1].split()[0])
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    thread = threading.Thread(target=kill_the_worker)
    thread.start()
    found = api.run(spec, results=tmp_path)
    thread.join()
    assert killed
    assert found.history.trials[0].state == "finished"
    assert "goes on from its checkpoint" in found.folder.trial(0).log.read_text()
    assert sorted(found.history.trials[0].epochs) == list(range(1, spec.base.last_epoch + 1))
    undisturbed = api.run(spec.model_copy(update={"name": "undisturbed"}), results=tmp_path)
    assert undisturbed.history.trials[0].score == found.history.trials[0].score


def test_a_stopped_search_goes_on_where_it_was(shared_ray, tmp_path, finished):
    spec = load_spec("digits", SMALL)
    folder = tmp_path / spec.name

    def ask_to_stop():
        while not ((folder / "journal.jsonl").exists() and (folder / "journal.jsonl").read_text().count('"end"') >= 4):
            time.sleep(0.02)
        (folder / "stop").touch()

    thread = threading.Thread(target=ask_to_stop)
    thread.start()
    paused = api.run(spec, results=tmp_path)
    thread.join()
    assert paused.reason == "stopped"
    assert len(paused.history.in_state("finished", "stopped")) < 10
    resumed = api.resume(spec.name, results=tmp_path)
    assert resumed.reason == "done"
    assert told(resumed.history) == told(finished.history)


def test_a_tracking_server_that_is_down_costs_no_time_and_loses_nothing(shared_ray, tmp_path, finished):
    spec = load_spec("digits", [*SMALL, "tracking.uri=http://127.0.0.1:9"])
    found = api.run(spec, results=tmp_path)
    assert found.reason == "done"
    assert told(found.history) == told(finished.history)
    assert found.undelivered > 0
    assert found.tracking_problem
    with pytest.raises(EnvironmentProblem, match="nothing is lost"):
        outbox.sync(found.folder)


def test_a_dead_address_is_told_in_seconds(tmp_path, afcl):
    started = time.monotonic()
    done = afcl("search", "digits", "--address", "127.0.0.1:9", results=tmp_path)
    assert done.returncode == 3
    assert "--address 127.0.0.1:9" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert time.monotonic() - started < 60
    assert not list(tmp_path.iterdir())


def test_a_search_of_ones_own_images_goes_on_from_any_folder(shared_ray, tmp_path, monkeypatch):
    for label, colour in (("dark", 40), ("light", 200)):
        (tmp_path / "mine" / label).mkdir(parents=True)
        for k in range(12):
            pixels = np.full((8, 8), colour + 3 * k, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "mine" / label / f"{k}.png")
    changes = [
        "data={dataset: folder, path: mine}",
        "representation.epochs=2",
        "search.scheduler.name=none",
        "search.trials=1",
        "search.baselines=[]",
    ]
    monkeypatch.chdir(tmp_path)
    found = api.run(load_spec("digits", changes, name="own"), results=tmp_path / "results")
    monkeypatch.chdir("/")
    assert api.resume("own", results=tmp_path / "results").reason == "done"
    exported = export.read_export(search.export("own", results=tmp_path / "results")[0])
    trained = retrain.train(exported, lambda step, metrics: None)
    assert retrain.compare(exported, trained.result).same
    assert found.folder.spec().data.path == str(tmp_path / "mine")
    assert found.folder.spec().data.val_per_class == 2, "the number that auto came to is kept"
