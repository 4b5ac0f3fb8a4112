"""What a candidate's runs measured on the test split, over seeds. See search.evidence.measured."""

import pytest
from told_trials import trial_of

from search.evidence.measured import Spread, measured_in


def run_of(number, metrics, confusion):
    trial = trial_of(number)
    trial.epochs[trial.epoch] |= metrics
    return trial, {"class_names": ["a", "b"], "confusion": [[9, 9], [9, 9]], "test": {"confusion": confusion}}


def test_a_measure_has_its_mean_and_deviation_over_the_seeds_that_have_it():
    metrics = {"test_recall/a": 0.5, "test_precision/a": 1.0, "test_recall/b": 0.25, "test_macro_f1": 0.4}
    other = {"test_recall/a": 0.7, "test_recall/b": 0.75, "test_macro_f1": 0.6, "val_recall/a": 0.9}
    found = measured_in([run_of(0, metrics, [[1, 1], [3, 1]]), run_of(2, other, [[7, 3], [1, 3]])])
    assert found.classes["a"]["recall"].mean == pytest.approx(0.6)
    assert found.classes["a"]["recall"].deviation == pytest.approx(0.1 * 2**0.5)
    assert found.classes["a"]["precision"] == Spread(1.0, None, 1)
    assert (found.classes["b"]["recall"].mean, set(found.classes["b"])) == (0.5, {"recall"})
    assert (found.overall["macro_f1"].mean, set(found.overall)) == (0.5, {"macro_f1"})
    assert found.confusion == [[8, 4], [4, 4]]
    assert (found.class_names, found.runs) == (("a", "b"), 2)


def test_runs_of_an_older_version_tell_nothing():
    older = {"test_balanced_accuracy": 0.5, "test_macro_f1": 0.4, "val_recall/a": 0.5}
    assert measured_in([run_of(0, older, [[1, 1], [1, 1]])]) is None
    run = run_of(2, {"test_recall/a": 0.5, "test_macro_f1": 0.2}, [[1, 1], [1, 0]])
    both = measured_in([run_of(0, older, [[1, 1], [1, 1]]), run])
    assert both == measured_in([run]), "a confirmation that this version went on with"
    assert measured_in([]) is None
