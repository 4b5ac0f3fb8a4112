"""A search's best few on fresh seeds, as its last step: a real Ray, real digits, a real MLflow store.

Modules: search.engine.final_step
"""

import json
import shutil

import pytest
import yaml
from lazy import Lazy
from rich.console import Console
from searches import interrupted_after

import search
from search import api
from search.engine.status import search_state
from search.evidence.candidates import final_seeds, read_plan
from search.evidence.ranking import ranking
from search.exports import retrain
from search.exports.export import read_export
from search.storage.search_folder import SearchFolder
from search.tracking.client import tracking_uri
from search.tracking.delivered import read_delivered
from search.tracking.outbox import sync
from spaces.spec import load_spec
from trainers.data import load_test
from trainers.errors import InputError

mlflow = Lazy("mlflow")

QUIET = Console(quiet=True)
SMALL = ["search.trials=3", "search.max_concurrent=1", "representation.epochs=3"]
SMALL += ["search.baselines=[CL]", "search.final={top: 2, seeds: 2}", "search.scheduler.name=none"]


@pytest.fixture(scope="module")
def ended(shared_ray, tmp_path_factory):
    """A search that ran to its end, its last step included."""
    found = api.run(load_spec("digits", SMALL), results=tmp_path_factory.mktemp("whole"), console=QUIET)
    assert found.reason == "done"
    return found.folder


@pytest.fixture(scope="module")
def interrupted(shared_ray, tmp_path_factory):
    """The same, interrupted in its last step after so many of its runs, and resumed."""
    root = tmp_path_factory.mktemp("killed")
    folder = SearchFolder(root / "digits")

    with interrupted_after(folder.path / "final-1" / "journal.jsonl", ends=1):
        found = api.run(load_spec("digits", SMALL), results=root, console=QUIET)
    assert found.reason == "interrupted"
    assert search_state(folder, folder.history()) == "interrupted", "its last step is not through"
    assert ranking(folder, folder.history()).basis == "search"
    again = api.resume("digits", results=root, console=QUIET)
    assert (again.reason, again.ran) == ("done", True)
    return folder


def outcome(folder: SearchFolder) -> list[tuple]:
    return [
        (trial.note, trial.score, trial.config["seed"], trial.config["data"]["seed"])
        for trial in folder.history().trials.values()
    ]


@pytest.mark.slow
def test_the_best_few_run_on_the_same_fresh_seeds_and_rank_by_their_mean(ended):
    history, (final,) = ended.history(), ended.finals()
    chosen, seeds = read_plan(final)
    assert [one.trial for one in chosen] == [trial.number for trial in history.ranked()[:2]]
    assert seeds == final_seeds(ended.spec(), 2)
    assert ended.spec().seed not in seeds
    runs = final.history().in_state("finished")
    assert len(runs) == 4
    found = ranking(ended, history)
    assert found.basis == "final"
    means = [found.validated[trial.number].mean for trial in found.trials[:2]]
    assert means == sorted(means, reverse=True)
    assert search_state(ended, history) == "done"


@pytest.mark.slow
def test_the_test_split_stays_shut(ended):
    (final,) = ended.finals()
    assert not ended.test_openings.exists()
    names = {name for trial in final.history().trials.values() for name in trial.epochs[trial.epoch]}
    assert not any(name.startswith("test") for name in names)
    assert len(load_test(ended.spec().data)) > 0, "there is one"


@pytest.mark.slow
def test_an_interrupted_last_step_goes_on_to_the_same_end(ended, interrupted):
    assert outcome(interrupted.finals()[0]) == outcome(ended.finals()[0])
    one, other = (ranking(folder, folder.history()) for folder in (ended, interrupted))
    assert [trial.number for trial in one.trials] == [trial.number for trial in other.trials]
    assert one.validated == other.validated


@pytest.mark.slow
def test_a_search_that_is_through_runs_nothing_more(ended):
    assert not api.resume("digits", results=ended.root, console=QUIET).ran
    assert len(ended.finals()) == 1


@pytest.mark.slow
def test_the_exported_best_is_the_one_of_the_fresh_seeds_and_trains_again_to_its_score(ended):
    (best,) = search.export("digits", results=ended.root)
    origin = read_raw(best)["origin"]
    first = ranking(ended, ended.history()).trials[0]
    assert (origin["trial"], origin["ranked_by"], origin["fresh_seeds"]["seeds"]) == (first.number, "final", 2)
    exported = read_export(best)
    assert retrain.compare(exported, retrain.train(exported, lambda step, metrics: None).result).same
    by_score = search.export("digits", by="search", top=2, results=ended.root)
    assert read_raw(by_score[0])["origin"]["trial"] == ended.history().ranked()[0].number
    search.export("digits", results=ended.root)
    assert not by_score[1].exists(), "an older export of two is gone"


def read_raw(path):
    return yaml.safe_load(path.read_text())


@pytest.mark.slow
def test_its_runs_stand_in_mlflow_under_the_searchs_run(ended):
    client = mlflow.MlflowClient(tracking_uri(None, ended.root))
    (experiment,) = [one for one in client.search_experiments() if one.name == "afcl"]
    runs = client.search_runs([experiment.experiment_id], "tags.`afcl.kind` = 'final'")
    assert len([run for run in runs if run.data.tags["afcl.trial"] != "search"]) == 4


@pytest.mark.slow
def test_the_order_by_fresh_seeds_and_their_means_stand_in_mlflow(ended):
    client = mlflow.MlflowClient(tracking_uri(None, ended.root))
    found, delivered = ranking(ended, ended.history()), read_delivered(ended)
    for number, one in found.validated.items():
        metrics = client.get_run(delivered.runs[number]).data.metrics
        assert metrics["fresh_seeds_mean"] == pytest.approx(one.mean, abs=1e-12)
        assert metrics["fresh_seeds_error"] == pytest.approx(one.error, abs=1e-12)
    note = client.get_run(delivered.parent).data.tags["mlflow.note.content"]
    first = next(line for line in note.splitlines() if line.startswith("| 1 |"))
    assert first.startswith(f"| 1 | {found.trials[0].number} | ")
    assert sync(ended).different == []


@pytest.mark.slow
@pytest.mark.parametrize(("key", "says"), [("scoring_code", "began with other code"), ("data", "began on other data")])
def test_a_last_step_that_was_left_is_not_run_by_other_code_or_on_other_data(ended, tmp_path, key, says):
    root = tmp_path / "left"
    shutil.copytree(ended.root, root, ignore=shutil.ignore_patterns("ray", "final-1"))
    description = root / "digits" / "search.json"
    about = json.loads(description.read_text())
    about["provenance"][key] = "0" * 64 if key == "scoring_code" else about["provenance"]["data"] | {"fingerprint": "0"}
    description.write_text(json.dumps(about))
    with pytest.raises(InputError, match=says):
        api.resume("digits", results=root, console=QUIET)
    assert SearchFolder(root / "digits").finals() == []


@pytest.mark.slow
def test_an_extended_search_ends_what_was_begun_and_validates_who_is_new_among_the_best_alone(ended, tmp_path):
    root = tmp_path / "extended"
    shutil.copytree(ended.root, root, ignore=shutil.ignore_patterns("ray"))
    folder = SearchFolder(root / "digits")
    (final,) = folder.finals()
    lines = final.journal.read_bytes().splitlines(keepends=True)
    kill_at = next(place for place, line in enumerate(lines) if b'"end"' in line) + 1  # killed after its first run
    final.journal.write_bytes(b"".join(lines[:kill_at]))
    final.delivered.unlink()
    api.extend("digits", 4, results=root, console=QUIET)
    assert [final.name for final in folder.finals()][:1] == ["final-1"]
    done = [one.trial for final in folder.finals() for one in read_plan(final)[0]]
    assert len(done) == len(set(done)), "none is validated twice"
    assert {trial.number for trial in folder.history().ranked()[:2]} <= set(done)
    assert ranking(folder, folder.history()).basis == "final"
    if len(folder.finals()) > 1:
        assert read_plan(folder.finals()[1])[1] == read_plan(folder.finals()[0])[1], "on the same seeds"
