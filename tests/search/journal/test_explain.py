"""Why a trial ended as it did, in words."""

from dataclasses import replace

import pytest

from search.journal.explain import explain
from search.journal.labels import told_apart
from search.storage.search_folder import SearchFolder
from trainers.config import ClassifierConfig
from trainers.errors import InputError


@pytest.fixture
def search(told):
    folder = SearchFolder(told / "told")
    return folder.spec(), folder.history()


def lines(search, state) -> list[str]:
    spec, history = search
    number = next(trial.number for trial in history.trials.values() if trial.state == state)
    return list(explain(spec, history, number))


def test_a_stopped_trial_has_its_cutoff_and_what_it_lacked(search):
    told = lines(search, "stopped")
    assert any("below the cutoff" in line and "it would have needed" in line for line in told)
    assert told[-1].startswith("stopped at epoch")


def test_a_finished_baseline_says_that_it_is_never_stopped_and_who_was_better(search):
    told = lines(search, "finished")
    assert "a baseline, which is never stopped" in told[0]
    assert told[-1].endswith("none has more")


def test_a_finished_trial_says_what_lies_between_its_last_probe_and_its_score(search):
    assert "its last probe, at epoch 2, was 0.9000; the score is that value" in lines(search, "finished")
    spec, history = search
    history.trials[0].epochs[2][spec.search.metric_key] = 0.85
    assert (
        "its last probe, at epoch 2, was 0.8500; the score is learnt from all images, and lies 0.0500 above"
        in lines(search, "finished")
    )
    adamw = spec.model_copy(update={"classifier": ClassifierConfig(solver="adamw")})
    assert "; the score is by another estimator, and lies 0.0500 above" in lines((adamw, history), "finished")[-2]


def test_a_trial_that_is_not_there_is_told_with_how_many_there_are(search):
    spec, history = search
    with pytest.raises(InputError, match=rf"has no trial 99; it has {len(history.trials)}, from 0"):
        explain(spec, history, 99)


def test_a_trial_of_one_stage_has_no_probe_and_its_own_last_epoch(search):
    spec, history = search
    trial = history.trials[0]
    trial.family, trial.config["loss"] = "CE", {"name": "cross_entropy"}
    assert not any("probe" in line for line in explain(spec, history, 0))
    trial.state = "running"
    assert list(explain(spec, history, 0))[-1].endswith(f"of {spec.representation.epochs}")


def test_a_stop_that_hung_on_less_than_one_validation_image_says_so(search):
    spec, history = search
    stopped = next(trial for trial in history.trials.values() if trial.state == "stopped")
    last = stopped.decisions[-1]
    lacked = last.cutoff - last.value
    few, many = int(1 / lacked / 2), int(1 / lacked * 2)
    assert few > 0

    def told(**validation) -> str:
        return "\n".join(explain(spec, history, stopped.number, validation))

    assert f"was stopped; that is less than one validation image makes ({1 / few:.4f})" in told(a=few)
    assert "validation image" not in told(a=many)
    assert "validation image" not in told(), "where their number is not known"
    assert "one validation image of the rarest class" in told(a=max(1, few // 2), b=many)


def test_a_rung_is_named_by_its_epoch(search):
    assert any("at the rung of epoch 1, below" in line for line in lines(search, "stopped"))


def test_of_many_values_at_a_rung_the_first_those_beside_the_cutoff_and_the_last_are_shown(search):
    spec, history = search
    stopped = next(trial for trial in history.trials.values() if trial.state == "stopped")
    last = stopped.decisions[-1]
    place = history.decisions.index(last)
    many = [replace(last, trial=100 + k, value=last.cutoff + (0.5 - k) / 1000) for k in range(-19, 21)]
    history.decisions[place:place] = many
    (line,) = (line for line in explain(spec, history, stopped.number) if "below the cutoff" in line)
    shown = line.partition("before it: ")[2].partition("; ")[0].split(", ")
    trials = [part.partition("trial ")[2].rstrip(")") for part in shown if part != "…"]
    assert (trials[:3], len(trials)) == (["0", "81", "82"], 8)
    assert {"100", "101"} <= set(trials), "the cutoff lies between them"
    assert shown.count("…") == 2


def test_values_that_are_alike_to_four_decimals_are_shown_in_more():
    assert told_apart(0.5, 0.6) == ("0.5000", "0.6000")
    assert told_apart(0.77818, 0.77821) == ("0.77818", "0.77821")
    assert told_apart(0.5, 0.5) == ("0.50000000", "0.50000000")


def test_a_run_on_a_fresh_seed_was_not_proposed_and_is_not_ranked(search):
    spec, history = search
    number = history.in_state("finished")[-1].number
    assert any("has more" in line or "have more" in line for line in explain(spec, history, number))
    history.trials[number].note = "ablation + η = 60, seed 81"
    first, *_, last = explain(spec, history, number)
    assert ", a run of ablation + η = 60 on seed 81: " in first
    assert "proposed" not in first
    assert " more" not in last
