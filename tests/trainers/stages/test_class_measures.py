"""Each class against the rest, and calibration, held to scikit-learn and to the official scorer of ISIC 2018."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as reference
import torch
from hypothesis import given
from hypothesis import strategies as some
from sklearn.calibration import calibration_curve

from trainers.config import CALIBRATION_ERROR
from trainers.stages.class_measures import average_precisions, class_measures, expected_calibration_error
from trainers.stages.metrics import aurocs, balanced_accuracy, confusion_matrix, evaluate

ISIC = Path(__file__).with_name("isic_scorer")


@some.composite
def splits(draw):
    """Logits [N, C] of few values, so that scores tie, and labels: a class may be absent, or never predicted."""
    classes, images = draw(some.integers(2, 5)), draw(some.integers(2, 40))
    values = some.sampled_from([-30.0, -1.5, -0.25, 0.0, 0.25, 1.5, 30.0])
    logits = draw(some.lists(some.lists(values, min_size=classes, max_size=classes), min_size=images, max_size=images))
    labels = draw(some.lists(some.integers(0, classes - 1), min_size=images, max_size=images))
    return torch.tensor(logits), torch.tensor(labels)


def by_scikit_learn(logits, labels) -> dict[str, float]:
    """The same measures; NaN where scikit-learn says that they are not defined."""
    scores = logits.double().softmax(1).numpy()  # other roundings may part what ties
    predicted, truth = logits.argmax(1).numpy(), labels.numpy()
    found = {}
    for c in range(logits.shape[1]):
        inside, taken, score = truth == c, predicted == c, scores[:, c]
        rated = {"labels": [False, True], "zero_division": np.nan, "average": None}
        found[f"recall/{c}"], found[f"precision/{c}"] = (
            getattr(reference, f"{name}_score")(inside, taken, **rated)[1] for name in ("recall", "precision")
        )
        found[f"specificity/{c}"] = reference.recall_score(inside, taken, **rated)[0]
        both = 0 < inside.sum() < len(inside)
        found[f"auroc_ovr/{c}"] = reference.roc_auc_score(inside, score) if both else math.nan
        found[f"average_precision/{c}"] = reference.average_precision_score(inside, score) if inside.any() else math.nan
    return found


@pytest.mark.slow
@given(splits())
def test_the_measures_of_a_class_are_those_of_scikit_learn_or_not_there(split):
    logits, labels = split
    names = [str(c) for c in range(logits.shape[1])]
    found = class_measures(logits, labels, names)
    found.pop(CALIBRATION_ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is not defined
        wanted = by_scikit_learn(logits, labels)
    assert found == pytest.approx({name: value for name, value in wanted.items() if not math.isnan(value)}, abs=1e-12)


@given(splits())
def test_the_calibration_error_is_that_of_scikit_learns_curve(split):
    logits, labels = split
    scores = logits.double().softmax(1)
    sure, predicted = scores.max(1)
    right = (predicted == labels).numpy()
    shares, means = calibration_curve(right, sure.numpy(), n_bins=15)
    edges = np.linspace(0, 1, 16)
    filled = np.bincount(np.searchsorted(edges[1:-1], sure.numpy()), minlength=15)
    wanted = (filled[filled > 0] * np.abs(shares - means)).sum() / len(labels)
    assert expected_calibration_error(scores, labels) == pytest.approx(wanted, abs=1e-12)


def test_a_class_that_is_never_predicted_has_no_precision_and_one_without_images_no_recall():
    logits = torch.tensor([[2.0, 1.0, 0.0]] * 4)
    found = class_measures(logits, torch.tensor([0, 0, 1, 1]), ["a", "b/b", "c"])
    assert {name for name in found if name.endswith("/b/b")} == {
        "recall/b/b",
        "specificity/b/b",
        "auroc_ovr/b/b",
        "average_precision/b/b",
    }
    assert (found["precision/a"], found["specificity/a"], found["recall/b/b"]) == (0.5, 0, 0)
    assert {name for name in found if name.endswith("/c")} == {"specificity/c"}


def test_the_mean_of_the_areas_is_the_area_that_every_epoch_tells():
    logits = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)).round(decimals=1)
    labels = torch.arange(60) % 3
    found = class_measures(logits, labels, "abc")
    told, _ = evaluate(logits, labels)
    assert torch.tensor([found[f"auroc_ovr/{name}"] for name in "abc"], dtype=torch.float64).mean() == told["auroc"]


def test_a_probability_on_the_edge_of_two_bins_is_in_the_lower_one():
    """6/15, and a little below: in one bin what one is too sure of and the other too little goes together."""
    scores = torch.tensor([[0.4, 0.3, 0.3], [0.38, 0.31, 0.31]], dtype=torch.float64)
    assert expected_calibration_error(scores, torch.tensor([0, 1])) == pytest.approx((0.6 - 0.38) / 2)


def test_who_is_sure_and_right_half_the_time_is_off_by_a_half():
    scores = torch.tensor([[1.0, 0.0]] * 10)
    assert expected_calibration_error(scores, torch.tensor([0, 1] * 5)) == 0.5
    assert expected_calibration_error(scores, torch.zeros(10, dtype=torch.int64)) == 0


def official():
    """The images of the fixture, and what the official scorer says of them; isic_scorer/make.py tells how."""
    lines = [line.split(",") for line in (ISIC / "images.csv").read_text().splitlines()]
    names = lines[0][2:]
    labels = torch.tensor([names.index(line[1]) for line in lines[1:]])
    scores = torch.tensor([list(map(float, line[2:])) for line in lines[1:]], dtype=torch.float64)
    return names, labels, scores, json.loads((ISIC / "scores.json").read_text())


def test_areas_average_precision_and_balanced_accuracy_are_the_official_scorers_of_isic_2018():
    names, labels, scores, told = official()
    assert aurocs(scores, labels).tolist() == pytest.approx([told["all"]["auc"][name] for name in names], abs=1e-12)
    assert average_precisions(scores, labels).tolist() == pytest.approx(
        [told["all"]["ap"][name] for name in names], abs=1e-12
    )
    confusion = confusion_matrix(scores.argmax(1), labels, len(names))
    assert balanced_accuracy(confusion) == pytest.approx(told["all"]["balanced_accuracy"], abs=1e-12)


def test_recall_specificity_and_precision_are_the_official_scorers_where_the_likeliest_class_is_above_a_half():
    """The official ones are of a probability above .5, which is then the likeliest class."""
    names, labels, scores, told = official()
    is_sure = scores.max(1).values > 0.5
    assert 50 < is_sure.sum() < len(labels)
    found = class_measures(scores[is_sure].log(), labels[is_sure], names)
    for ours, theirs in {"recall": "sensitivity", "specificity": "specificity", "precision": "ppv"}.items():
        assert [found[f"{ours}/{name}"] for name in names] == pytest.approx(
            [told["sure"][theirs][name] for name in names], abs=1e-12
        ), theirs
