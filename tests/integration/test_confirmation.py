"""Winners trained again on fresh seeds: a real Ray, real digits, a real MLflow store.

Modules: search.confirming, search.engine.confirmation, search.tracking.model_registry
"""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from lazy import Lazy
from rich.console import Console
from searches import interrupted_after
from sklearn.metrics import balanced_accuracy_score

from search.display.on_console import ConsoleDisplay
from search.engine import compatibility
from search.engine.confirmation import confirm
from search.engine.confirmation_plan import Wanted
from search.evidence import evidence as weighing
from search.evidence.candidates import fresh_seeds, has_ended, read_plan
from search.evidence.verdict import judge
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import openings
from search.tracking import model_registry
from search.tracking.client import default_store, tracking_uri
from trainers.data import load_test
from trainers.errors import InputError

mlflow = Lazy("mlflow")

QUIET = Console(quiet=True)
SEEDS = 2


@pytest.fixture(scope="module")
def confirmed(finished, shared_ray, root):
    """The finished search, confirmed on two seeds, with an interruption in the middle."""
    folder = finished.folder

    with interrupted_after(folder.path / "confirm-1" / "journal.jsonl", ends=2):
        first = confirm(folder.name, Wanted(seeds=SEEDS), results=root, display=ConsoleDisplay(QUIET))
    assert first.ended == "interrupted"
    assert not has_ended(first.folder)
    whole = confirm(folder.name, results=root, display=ConsoleDisplay(QUIET))
    assert whole.ended == "done"
    return whole


@pytest.mark.slow
def test_every_candidate_gets_the_same_fresh_seeds_and_runs_to_the_end(confirmed, finished):
    spec, history = finished.folder.spec(), confirmed.folder.history()
    chosen, seeds = read_plan(confirmed.folder)
    assert seeds == fresh_seeds(spec, "confirm-1", SEEDS)
    assert spec.seed not in seeds
    assert len(history.trials) == len(chosen) * SEEDS
    for trial in history.trials.values():
        assert (trial.state, trial.epoch) == ("finished", spec.base.last_epoch)
        assert trial.config["seed"] == trial.config["data"]["seed"]
        searched = finished.history.trials[chosen[trial.number % len(chosen)].trial]
        same = trial.config | {"seed": 0, "data": trial.config["data"] | {"seed": 0}}
        assert same == searched.config


@pytest.mark.slow
def test_the_search_itself_never_saw_the_test_split_and_the_confirmation_looked_once(confirmed, finished):
    assert not any("test" in key for trial in finished.history.trials.values() for key in trial.epochs[trial.epoch])
    looks = openings(finished.folder.test_openings)
    assert [(look.by, look.again) for look in looks] == [("confirm-1", False)], "to go on is no second look"


@pytest.mark.slow
def test_the_evidence_is_what_the_runs_scored(confirmed, finished, root):
    evidence = weighing.conclude(confirmed.folder, confirmed.test.labels)
    test = load_test(finished.folder.spec().data)
    for position, candidate in enumerate(evidence.candidates):
        for k, seed in enumerate(evidence.seeds):
            result = confirmed.folder.trial(k * len(evidence.candidates) + position).read_result()
            predicted = np.array(result["test"]["predicted"])
            recalls = [(predicted[test.labels == c] == c).mean() for c in range(3)]
            told = evidence.scores["test_balanced_accuracy"][candidate.label][seed]
            assert told == pytest.approx(np.mean(recalls))
    families = {label: of for label, of in evidence.scores["test_accuracy"].items() if not label.startswith("trial")}
    assert evidence.families["test_accuracy"].best == judge(families).best
    words = "\n".join(weighing.in_words(evidence))
    assert "2 seeds cannot discriminate" in words
    assert "not tuned alike" in words
    assert "Not compared, because none of their trials finished: AFCL" in words
    assert weighing.read_evidence(finished.folder) == evidence
    for candidate in evidence.candidates:
        measured = evidence.measured[candidate.label]
        recalls = [measured.classes[name]["recall"].mean for name in measured.class_names]
        told = evidence.scores["test_balanced_accuracy"][candidate.label].values()
        assert np.mean(recalls) == pytest.approx(np.mean(list(told)))
        assert np.sum(measured.confusion, axis=1).tolist() == (SEEDS * np.bincount(test.labels)).tolist()
        assert set(measured.overall) == {"macro_f1", "auroc", "expected_calibration_error"}
    assert json.loads(confirmed.folder.verdict.read_text())["confirmation"] == "confirm-1"


@pytest.mark.slow
def test_a_confirmed_search_is_not_confirmed_again_without_a_word(confirmed, root):
    name = confirmed.folder.searched.name
    before = confirmed.folder.journal.read_bytes()
    assert confirm(name, results=root, display=ConsoleDisplay(QUIET)).session is None
    assert confirmed.folder.journal.read_bytes() == before
    with pytest.raises(InputError, match=r"was confirmed with 3 configurations on 2 seeds; say --again"):
        confirm(name, Wanted(seeds=3), results=root, display=ConsoleDisplay(QUIET))


@pytest.mark.slow
def test_runs_of_a_confirmation_are_nested_under_the_searchs_run(confirmed, finished, root):
    client = mlflow.MlflowClient(tracking_uri(None, root))
    experiment, search_run = finished.parent_run
    (parent,) = client.search_runs(
        [experiment], f"tags.`afcl.search` = '{confirmed.folder.title}' and tags.`afcl.trial` = 'search'"
    )
    assert parent.data.tags["mlflow.parentRunId"] == search_run
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert len(children) == len(confirmed.folder.history().trials)
    assert all("test_balanced_accuracy" in run.data.metrics for run in children)
    assert confirmed.session.different == []


@pytest.mark.slow
def test_the_confirmed_winner_is_a_registered_model_that_gives_the_reported_test_score(
    confirmed, finished, root, monkeypatch
):
    evidence = weighing.conclude(confirmed.folder, confirmed.test.labels)
    searched, uri = finished.folder, tracking_uri(None, root)
    test = load_test(searched.spec().data)
    said: list[str] = []
    line = model_registry.publish(searched, evidence, test.images[:2], said.append).words
    assert line.startswith(f"model    models:/{searched.name}/1"), line
    assert said == ["registering the model with MLflow"]
    again = model_registry.publish(searched, evidence, test.images[:2], said.append).words
    assert again == line, "a second time it is not registered again"
    assert len(said) == 1, "nor said to be"
    assert "MLFLOW_TRACKING_URI" not in os.environ, "a search that runs next in this process has a store of its own"
    with default_store(uri):
        model = mlflow.pyfunc.load_model(f"models:/{searched.name}/1")
    assert model.metadata.signature.inputs.inputs[0].shape == (-1, *test.images.shape[1:])
    found = model.predict(test.images)
    names = finished.folder.spec().data.classes
    predicted = np.array([names.index(word) for word in found["class"]])
    best = model_registry.best_run(confirmed.folder, evidence)
    reported = best.epochs[best.epoch]["test_balanced_accuracy"]
    assert reported in evidence.scores["test_balanced_accuracy"][evidence.best.label].values()
    assert balanced_accuracy_score(test.labels, predicted) == pytest.approx(reported)
    assert model.metadata.metadata["test_balanced_accuracy"] == reported
    assert np.allclose(found.drop(columns="class").sum(axis=1), 1)
    run = mlflow.MlflowClient(uri).get_run(finished.parent_run[1])
    assert "cannot discriminate" in run.data.tags["verdict"]
    assert run.data.tags["mlflow.note.content"].count("cannot discriminate") == 2, "published twice, described once"
    assert "| 1 |" in run.data.tags["mlflow.note.content"], "the leaderboard still stands before it"
    assert "confirmed_test_accuracy/CL" in run.data.metrics
    ended = finished.history.closed["time"]
    assert (run.info.status, run.info.end_time) == ("FINISHED", ended), "the search's run is not run again"
    (output,) = run.outputs.model_outputs
    logged = mlflow.MlflowClient(uri).get_logged_model(output.model_id)
    assert (logged.source_run_id, logged.status, logged.name) == (run.info.run_id, "READY", "winner")
    assert logged.experiment_id == run.info.experiment_id
    assert mlflow.MlflowClient(uri).get_model_version(searched.name, "1").run_id == run.info.run_id

    def refuse(*given, **more):
        raise mlflow.exceptions.MlflowException("the registry is full")

    with monkeypatch.context() as patch:
        patch.setattr(model_registry, "_registered", lambda *given: None)
        patch.setattr(mlflow.MlflowClient, "_create_model_version", refuse)
        line = model_registry.publish(searched, evidence, test.images[:2]).words
    assert line.startswith("MLflow took no model (the registry is full)")
    run = mlflow.MlflowClient(uri).get_run(finished.parent_run[1])
    assert (run.info.status, run.info.end_time) == ("FINISHED", ended), "nor when it fails"


@pytest.mark.slow
def test_a_store_that_is_down_is_a_line_and_the_verdict_stays(confirmed, mine, tmp_path, monkeypatch):
    evidence = weighing.conclude(confirmed.folder, confirmed.test.labels)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    line = model_registry.publish(SearchFolder(mine.path), evidence, np.zeros((2, 1, 8, 8), dtype=np.uint8)).words
    assert line.startswith("MLflow took no verdict (no server answers)")


@pytest.mark.slow
def test_train_on_the_test_split_goes_through_the_same_lock(confirmed, typed, root):
    name = confirmed.folder.searched.name
    assert typed("export", name, results=root).returncode == 0
    best = str(confirmed.folder.searched.path / "best-1.yaml")
    refused = typed("train", best, "--test", results=root)
    assert refused.returncode == 2
    assert "opened by confirm-1" in refused.stderr
    trained = typed("train", best, "--test", "--again", "--json", results=root)
    assert trained.returncode == 0, trained.stderr
    told = json.loads(trained.stdout)
    assert told["same"]
    assert 0.5 < told["test"]["balanced_accuracy"] <= 1
    assert [(look.by, look.again) for look in openings(confirmed.folder.searched.test_openings)] == [
        ("confirm-1", False),
        ("train best-1.yaml", True),
    ]


@pytest.mark.slow
def test_the_words_of_a_confirmation_name_the_winner_and_what_to_do(confirmed, typed, root):
    told = typed("confirm", confirmed.folder.searched.name, results=root)
    assert told.returncode == 0, told.stderr
    first, *_ = told.stdout.splitlines()
    day = f"{datetime.fromtimestamp(confirmed.folder.history().closed['time'] / 1000, UTC):%Y-%m-%d}"
    assert first == f"already confirmed on {day} (confirm-1): nothing was run"
    for word in ("balanced accuracy", "Winner's curse", "models:/", "verdict.json"):
        assert word in told.stdout
    refused = typed("confirm", "nobody", results=root)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)


@pytest.mark.slow
def test_the_winner_is_chosen_by_validation_and_not_by_the_test_split(confirmed):
    evidence = weighing.conclude(confirmed.folder, confirmed.test.labels)
    validation = evidence.scores[evidence.metric]
    means = {label: np.mean(list(scores.values())) for label, scores in validation.items()}
    assert evidence.best.label == max(means, key=means.get)


@pytest.mark.slow
def test_other_code_or_other_test_images_are_refused(mine, confirmed, shared_ray, monkeypatch):
    """In a copy of the search, not confirmed yet, and in one whose confirmation was begun."""
    root = mine.path.parent
    shutil.rmtree(mine.path / "confirm-1", ignore_errors=True)
    mine.test_openings.unlink(missing_ok=True)
    with monkeypatch.context() as patch:
        patch.setattr(compatibility, "scoring_code_hash", lambda: "other")
        with pytest.raises(InputError, match=r"began with other code .*--anyway"):
            confirm(mine.name, Wanted(seeds=1), results=root, display=ConsoleDisplay(QUIET))
    assert openings(mine.test_openings) == [], "nothing was looked at"

    begun = mine.path / "confirm-1"
    shutil.copytree(confirmed.folder.path, begun, ignore=shutil.ignore_patterns("ray"))
    lines = (begun / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (begun / "journal.jsonl").write_bytes(b"".join(lines[:5]))
    about = json.loads((begun / "search.json").read_text())
    about["confirms"]["test"] = "0" * 64
    (begun / "search.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="was begun with other test images"):
        confirm(mine.name, results=root, display=ConsoleDisplay(QUIET))


@pytest.mark.slow
def test_a_copied_export_is_held_by_its_searchs_lock(confirmed, typed, root, tmp_path):
    searched = confirmed.folder.searched
    assert typed("export", searched.name, results=root).returncode == 0
    copy = Path(shutil.copy(searched.path / "best-1.yaml", tmp_path / "copy.yaml"))
    refused = typed("train", str(copy), "--test", results=root)
    assert refused.returncode == 2
    assert "opened by confirm-1" in refused.stderr


@pytest.mark.slow
def test_a_confirmations_runs_can_be_looked_at(confirmed, typed, root):
    name = f"{confirmed.folder.searched.name}/confirm-1"
    assert len(json.loads(typed("show", name, "--json", results=root).stdout)["trials"]) == 3 * SEEDS
    assert (
        "goes on" in typed("logs", name, "0", results=root).stdout
        or "epoch 9" in typed("logs", name, "0", results=root).stdout
    )
    assert typed("rm", name, "--yes", results=root).returncode == 2
    assert confirmed.folder.journal.exists()
