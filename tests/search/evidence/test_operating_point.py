"""Thresholds and intervals, held to scikit-learn, SciPy and the official scorer of ISIC 2018."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.metrics import roc_curve

from search.evidence.operating_point import choose_threshold, rates_at

ISIC = Path(__file__).parents[2] / "trainers" / "stages" / "isic_scorer"
AS_SOFTMAX_GIVES = some.sampled_from([0.0, 1e-300, 1e-9, 0.25, 0.5, 0.5000001, 0.75, 1 - 1e-9, 1 - 2**-53, 1.0])


@given(
    some.lists(some.tuples(AS_SOFTMAX_GIVES | some.floats(0, 1), some.booleans()), min_size=2, max_size=50).filter(
        lambda split: 0 < sum(inside for _, inside in split) < len(split)
    ),
    some.sampled_from([0.01, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0]) | some.floats(0, 1, exclude_min=True),
)
def test_a_threshold_has_the_wanted_sensitivity_and_the_best_specificity_that_scikit_learns_curve_has(split, wanted):
    probabilities, is_class = np.array([p for p, _ in split]), np.array([inside for _, inside in split])
    found = rates_at(choose_threshold(probabilities, is_class, wanted), probabilities, is_class)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        false, true, _ = roc_curve(is_class, probabilities, drop_intermediate=False)
    assert found.sensitivity.value >= wanted
    assert found.specificity.value == pytest.approx(1 - false[true >= wanted].min())


def test_a_threshold_has_few_digits_and_lies_between_the_images_that_it_parts():
    probabilities, is_class = np.array([0.9, 0.8, 0.7124, 0.6987, 0.1]), np.array([True, True, True, False, False])
    assert choose_threshold(probabilities, is_class, 1.0) == 0.706
    assert choose_threshold(probabilities, is_class, 0.6) == 0.76
    sure = 1 - np.array([1e-12, 3e-12])
    assert choose_threshold(sure, np.array([True, False]), 1.0) == 0.999999999998


def test_seven_of_a_hundred_are_seven_percent():
    """In binary .07 times 100 is above 7."""
    probabilities = np.arange(200) / 200
    is_class = probabilities >= 0.5
    found = rates_at(choose_threshold(probabilities, is_class, 0.07), probabilities, is_class)
    assert (found.sensitivity.right, found.sensitivity.images) == (7, 100)


def test_the_rates_at_a_half_are_the_official_scorers_of_isic_2018():
    lines = [line.split(",") for line in (ISIC / "images.csv").read_text().splitlines()]
    told = json.loads((ISIC / "scores.json").read_text())["all"]
    for place, name in enumerate(lines[0][2:], 2):
        probabilities = np.array([float(line[place]) for line in lines[1:]])
        is_class = np.array([line[1] == name for line in lines[1:]])
        found = rates_at(np.nextafter(0.5, 1), probabilities, is_class)  # the official rule is: above a half
        assert found.sensitivity.value == pytest.approx(told["sensitivity"][name], abs=1e-12)
        assert found.specificity.value == pytest.approx(told["specificity"][name], abs=1e-12)
