"""What a search would cost, told before it begins."""

import json
import re

import pytest
import torch
from words import done

from search.engine import plan
from spaces.spec import load_spec
from trainers.data import load

RESOURCES = ("{gpus: 1}", "{gpus: 1, workers: 2}", "{gpus: 0}")


def test_a_plan_says_what_a_search_would_cost(typed, tmp_path):
    printed = done(typed("plan", "digits"))
    for word in ("trials      9: 3 baselines, 6 by tpe", "rungs       epoch 1, epoch 2, epoch 4", "disk", "error"):
        assert word in printed
    plan = json.loads(done(typed("plan", "digits", "--set", "search.trials=0", "--set", "space={}", "--json")))
    assert (plan["trials"], plan["baselines"], plan["most_epochs"]) == (3, 3, 21)
    assert plan["standard_error"] == pytest.approx((0.8 * 0.2 / 40 / 3) ** 0.5)  # three classes of 40 images
    assert not list(tmp_path.iterdir())


def test_one_of_a_kind_is_told_in_the_singular(typed):
    printed = done(typed("plan", "digits", "--set", "search.baselines=[CL]", "--set", "search.max_concurrent=1"))
    assert "trials      7: 1 baseline, 6 by tpe" in printed
    assert printed.split("disk")[1].splitlines()[0].endswith("with 1 trial at once")


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        (64, "            fewer if the rest is luck, but not before 20 have ended or paused (search.stop_when)"),
        (20, "            search.stop_when: luck has no effect: 20 must have ended or paused, while others run"),
    ],
)
def test_a_plan_says_when_a_search_may_end_early(trials, said, typed):
    changes = "--set", f"search.trials={trials}", "--set", "search.stop_when=luck"
    assert said in done(typed("plan", "digits", *changes)).splitlines()
    assert "luck" not in done(typed("plan", "digits", *changes[:2]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "a trial     7 epochs: 6 of stage one, 1 of stage two (L-BFGS), whose score is the last probe's"),
        (
            ["search.baselines=[CE, CL]"],
            "whose score is the last probe's; 6 of CE, end to end, each 2 rounds of the images",
        ),
        (
            ["loss.name=focal", "search.baselines=[]", "space={focal.lr: {loguniform: [0.001, 0.1]}}"],
            "a trial     6 epochs: 6 of FOCAL, end to end, each 2 rounds of the images",
        ),
        (["search.baselines=[LA]", "end_to_end.match=epochs"], "6 of LA, end to end\n"),
        (
            ["representation.probe_images=30"],
            "7 epochs: 6 of stage one, 1 of stage two (L-BFGS on all 100 training images; a probe learns from fewer)",
        ),
        (
            ["classifier.solver=adamw", "classifier.epochs=4"],
            "10 epochs: 6 of stage one, 4 of stage two (AdamW; the probes of stage one are another estimator)",
        ),
        (
            ["classifier.fine_tune=true", "classifier.fine_tune_epochs=3"],
            "10 epochs: 6 of stage one, 1 of stage two (L-BFGS), whose fit is the last probe's, 3 of fine-tuning: the "
            "encoder is trained on with the classifier, and the score is from there",
        ),
    ],
)
def test_a_plan_says_what_stage_two_is_and_what_that_makes_of_the_probe(changes, said, typed):
    assert said in done(typed("plan", "digits", *(f"--set={change}" for change in changes)))


@pytest.mark.parametrize(
    ("seen", "resources", "note"),
    [
        (0, "{gpus: 0.25}", "this machine has no GPU: the search needs a cluster that has, or resources.gpus=0"),
        (
            1,
            "{gpus: 1, workers: 2}",
            "this machine has 1 GPU, and a trial needs 2: the search needs a cluster",
        ),
        (2, "{gpus: 1, workers: 2}", None),
        (0, "{gpus: 0}", None),
    ],
)
def test_a_plan_says_where_this_machine_lacks_the_gpus_of_a_trial(seen, resources, note, typed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    printed = done(typed("plan", "digits", "--set", f"resources={resources}"))
    assert note in printed if note else "GPU" not in printed


@pytest.mark.slow
def test_a_calibrated_plan_times_an_epoch_of_each_stage(typed):
    assert re.search(r"time +0\.\d{3} s an epoch of stage one", done(typed("plan", "digits", "--calibrate")))
    timed = json.loads(done(typed("plan", "digits", "--calibrate", "--json")))["calibration"]
    assert 0 < timed["classifier_seconds"] < 60
    assert 0 < timed["representation_seconds"] < 60
    assert timed["device"] == "cpu"


def test_an_epoch_of_stage_two_is_timed_as_the_mean_of_fit_and_fine_tuning(monkeypatch):
    spec = load_spec("digits", ["classifier.fine_tune=true", "classifier.fine_tune_epochs=3"])
    took = iter([0.0, 10.0, 2.0, 50.0, 6.0])  # of two epochs of stage one, the fit, and two of fine-tuning
    moment = 0.0

    def run(workers, config, data, report, *, device):
        for epoch in range(1, config.last_epoch + 1):
            report(epoch, {})

    def now():
        nonlocal moment
        moment += next(took)
        return moment

    monkeypatch.setattr(plan, "run_trial_on", run)
    monkeypatch.setattr(plan.time, "perf_counter", now)
    found = plan.calibrate(spec, None)
    assert (found.representation_seconds, found.classifier_seconds) == (10.0, (2.0 + 3 * 6.0) / 4)


@pytest.mark.slow
def test_a_calibrated_plan_says_that_it_timed_no_gpu_where_the_spec_asks_for_one(typed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    printed = done(typed("plan", "digits", "--calibrate", "--set", "resources.gpus=1"))
    assert re.search(r"with \d+ threads on the CPU here", printed)
    assert "not what a search takes: the spec asks for GPUs, and torch sees 0 here where 1 is needed" in printed
    assert "not what a search takes" not in done(typed("plan", "digits", "--calibrate"))


@pytest.mark.parametrize(("seen", "timed"), [(0, "cpu"), (1, "cpu"), (2, "cuda")])
def test_a_plan_is_timed_on_gpus_where_each_worker_can_have_one(seen, timed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    spec = load_spec("digits", ["resources={gpus: 1, workers: 2}"])
    used = []

    def run(workers, config, data, report, *, device):
        used.append((workers, device.type))
        for epoch in range(1, 5):
            report(epoch, {})

    monkeypatch.setattr(plan, "run_trial_on", run)
    monkeypatch.setattr(plan, "gpu_name", lambda device: "a GPU" if device.type == "cuda" else None)
    found = plan.calibrate(spec, load(spec.data))
    assert (found.device, found.gpu) == (timed, "a GPU" if timed == "cuda" else None)
    assert used == [(2, timed)]
    made = plan.make_plan(spec, load(spec.data))
    where = "on a GPU" if timed == "cuda" else "on the CPU"
    assert any(
        f" {where} in each of 2 workers here" in line for line in plan.in_words(spec, load(spec.data), made, found)
    )


def test_a_plan_is_timed_on_apples_gpu_where_the_spec_asks_for_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    one, two, none = (load_spec("digits", [f"resources={given}"]).resources for given in RESOURCES)
    assert [plan._device_for(given).type for given in (one, two, none)] == ["mps", "cpu", "cpu"]


def test_a_trial_of_one_stage_is_planned_without_a_stage_two():
    adamw = ["classifier.solver=adamw", "classifier.epochs=10", "search.scheduler.name=none", "search.final=null"]
    data = load(load_spec("digits").data)

    def planned(*changes):
        spec = load_spec("digits", [*adamw, *changes])
        return plan.make_plan(spec, data)

    two, beside = planned("search.baselines=[CL]"), planned("search.baselines=[CE]")
    assert (two.most_epochs, beside.most_epochs) == (7 * 16, 6 + 6 * 16)
    assert (two.expected_epochs, beside.expected_epochs) == (7 * 16, 6 + 6 * 16)
    assert beside.expected_classifier_epochs == 6 * 10
    one = planned("loss.name=focal", "search.baselines=[]", "space={focal.lr: {loguniform: [0.001, 0.1]}}")
    assert (one.last_epoch, one.classifier_epochs, one.expected_epochs) == (6, 0, 6 * 6)
    half = ["space.loss.name={choice: [afcl, focal]}", "search.baselines=[]"]
    assert planned(*half).expected_classifier_epochs == 3 * 10


@pytest.mark.slow
def test_a_search_of_one_stage_alone_is_timed():
    one = ["loss.name=focal", "search.baselines=[]", "space={focal.lr: {loguniform: [0.001, 0.1]}}"]
    spec = load_spec("digits", one)
    timed = plan.calibrate(spec, load(spec.data))
    assert timed.representation_seconds > 0 == timed.classifier_seconds
