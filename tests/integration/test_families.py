"""CE, FOCAL and LA beside the contrastive losses, through the front door: searched, validated, confirmed, exported."""

import csv

import pytest
import torch
from lazy import Lazy
from rich.console import Console

import search
from search import api
from search.exports import retrain
from search.exports.export import read_export
from search.reporting.report import render
from search.storage.search_folder import SearchFolder
from search.tracking.client import tracking_uri
from spaces.spec import load_spec
from trainers.checkpoint import load_checkpoint
from trainers.config import METRIC
from trainers.data import load, load_test
from trainers.loss_config import END_TO_END
from trainers.predictor import Predictor, score_split

mlflow = Lazy("mlflow")

QUIET = Console(quiet=True)
BASELINES = "search.baselines=[CE, CL, FOCAL, LA]"
ALL = [
    "space.loss.name={choice: [afcl, cross_entropy, focal, logit_adjusted]}",
    "space.focal.gamma={uniform: [0.5, 5]}",
]
ALL += [f"space.{name}.lr={{loguniform: [0.003, 0.03]}}" for name in END_TO_END.values()]
SMALL = ["search.trials=8", "search.max_concurrent=1", "representation.epochs=4", "search.final={top: 2, seeds: 2}"]


@pytest.fixture(scope="module")
def ended(shared_ray, tmp_path_factory):
    """A search over all losses, one trial at a time, its last step included."""
    root = tmp_path_factory.mktemp("families")
    found = api.run(load_spec("digits", [*SMALL, *ALL, BASELINES], name="all"), results=root, console=QUIET)
    assert found.reason == "done"
    return found.folder


@pytest.fixture(scope="module")
def confirmed(ended):
    told = []
    search.confirm(
        "all", seeds=2, results=ended.path.parent, console=QUIET, on_verdict=lambda _, evidence: told.append(evidence)
    )
    return told[0]


@pytest.mark.slow
def test_a_search_over_all_losses_ends_with_every_baseline_finished_at_its_own_last_epoch(ended):
    history, spec = ended.history(), ended.spec()
    assert not history.in_state("failed")
    assert [history.trials[number].family for number in range(4)] == ["CE", "CL", "FOCAL", "LA"]
    for trial in history.in_state("finished"):
        assert trial.epoch == spec.last_epoch(trial.family) == (4 if trial.family in END_TO_END else 5)
        assert trial.score == trial.epochs[trial.epoch][METRIC]
    assert {trial.family for trial in history.in_state("finished")} >= {"CE", "CL", "FOCAL", "LA"}


@pytest.mark.slow
def test_mlflow_has_each_trial_with_the_parameters_that_its_loss_has(ended):
    client = mlflow.MlflowClient(tracking_uri(None, ended.root))
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()], max_results=1000)
    about = ended.about()["id"]
    of_trials = {run.data.tags["afcl.trial"]: run for run in runs if run.data.tags.get("afcl.search_id") == about}
    ce, cl = of_trials["0"].data, of_trials["1"].data
    assert (ce.tags["family"], cl.tags["family"]) == ("CE", "CL")
    assert "loss.temperature" in cl.params
    assert "loss.temperature" not in ce.params
    assert (ce.params["loss.name"], ce.params["cross_entropy.class_weight"]) == ("cross_entropy", "balanced")
    assert ce.metrics["score"] == round(ended.history().trials[0].score, 4)


@pytest.mark.slow
def test_the_verdict_holds_all_families_against_each_other(confirmed, ended):
    labels = {candidate.label for candidate in confirmed.candidates}
    assert labels >= {"CE", "CL", "FOCAL", "LA"}
    pairs = {frozenset((pair.a, pair.b)) for pair in confirmed.families["test_balanced_accuracy"].pairs}
    assert frozenset(("CE", "CL")) in pairs
    assert any("tuned alike" in caveat for caveat in confirmed.caveats)
    page = render(ended)
    assert "Verdict on fresh seeds" in page


@pytest.mark.slow
def test_an_exported_trial_of_one_stage_trains_again_to_the_digit_and_predicts(confirmed, ended):
    root = ended.path.parent
    exported = [read_export(path) for path in search.export("all", top=4, results=root)]
    ours = next(one for one in exported if one.config.is_end_to_end)
    checkpoint = load_checkpoint(ended.path / ours.expected.weights)
    predictor, data = Predictor(checkpoint), load(ours.config.data)
    assert score_split(predictor, data.validation).metrics["balanced_accuracy"] == ours.expected.value
    test = load_test(ours.config.data)
    assert predictor(torch.from_numpy(test.images.copy())).shape == (len(test), len(data.class_names))
    assert retrain.compare(ours, retrain.train(ours, lambda step, metrics: None).result).same


@pytest.mark.slow
def test_the_words_that_read_show_it(ended, typed):
    root = ended.path.parent
    shown = typed("show", "all", results=root).stdout
    assert "CE*" in shown
    assert "γ of FOCAL" in shown
    explained = typed("explain", "all", "0", results=root).stdout
    assert "trial 0, CE, a baseline" in explained
    assert "probe" not in explained
    with (ended.path / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["family"] for row in rows} >= {"CE", "CL", "FOCAL", "LA"}


@pytest.mark.slow
def test_a_search_for_each_family_gives_each_as_many_trials(shared_ray, tmp_path):
    changes = [*SMALL, *ALL, "search.trials=1", "search.per_family=true", "search.baselines=[]", "search.final=null"]
    found = api.run(load_spec("digits", changes, name="each"), results=tmp_path, console=QUIET)
    families = [trial.family for trial in SearchFolder(found.folder.path).history().trials.values()]
    assert families == ["CL", "FCL", "ACL", "AFCL", "CE", "FOCAL", "LA"]
    assert found.reason == "done"
