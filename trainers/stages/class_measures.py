"""Measures of a finished classifier: each class against the rest, and the calibration of its probabilities.

No decision of a search depends on them. The tests compare them with those of scikit-learn.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.config import CALIBRATION_ERROR, CLASS_MEASURES
from trainers.stages.metrics import aurocs, confusion_matrix

CALIBRATION_BINS = 15  # as in Guo et al. 2017


def class_measures(logits: Tensor, labels: Tensor, class_names: Sequence[str]) -> dict[str, float]:
    """The measures of each class, under names such as `recall/NAME`, and the expected calibration error.

    CLASS_MEASURES lists the measures. The predicted class is the likeliest. Undefined measures are left out: for
    example, the precision of a class that is never predicted, or the recall of a class without images.

    Args:
        logits: [N, C].
        labels: [N].
        class_names: C names.
    """
    logits, labels = logits.cpu(), labels.cpu()
    confusion = confusion_matrix(logits.argmax(1), labels, len(class_names)).double()
    scores = logits.double().softmax(1)  # as in `evaluate`, so that its `auroc` is the mean of these to the bit
    right, of_class, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    others = confusion.sum() - of_class
    found = (
        right / of_class,
        (others - (predicted - right)) / others,
        right / predicted,
        aurocs(scores, labels),
        average_precisions(scores, labels),
    )
    named = {CALIBRATION_ERROR: expected_calibration_error(scores, labels)} | {
        f"{measure}/{name}": value
        for measure, values in zip(CLASS_MEASURES, found, strict=True)
        for name, value in zip(class_names, values.tolist(), strict=True)
    }
    return {name: value for name, value in named.items() if math.isfinite(value)}


def average_precisions(scores: Tensor, labels: Tensor) -> Tensor:
    """Average precision of each class against the rest [C], float64; NaN for a class without images.

    It is the sum over distinct scores s, from the highest, of the recall gained at s times the precision of all images
    that score s or more. No interpolation. scores: [N, C], higher is likelier; labels: [N].
    """
    found = []
    for c in range(scores.shape[1]):
        ranked, order = scores[:, c].sort(descending=True)
        hits = (labels[order] == c).double().cumsum(0)  # images of class c among the first 1, 2, ..., N
        is_last = torch.ones(len(ranked), dtype=torch.bool)  # whether an image is the last of those with its score
        is_last[:-1] = ranked[1:] != ranked[:-1]
        ends = is_last.nonzero()[:, 0]
        gained = hits[ends].diff(prepend=torch.zeros(1, dtype=torch.float64))
        found.append((gained * hits[ends] / (ends + 1)).sum() / hits[-1])
    return torch.stack(found)


def expected_calibration_error(scores: Tensor, labels: Tensor) -> float:
    """Expected calibration error: the mean distance between a classifier's confidence and its accuracy.

    Guo et al. 2017 (arXiv 1706.04599): images fall into 15 bins (a, b] of equal width by the probability of their
    likeliest class. The error is the sum over bins of |share of right predictions - mean probability|, each weighted by
    the bin's share of the images. A classifier with balanced class weights gives probabilities for classes of equal
    size, so on an unbalanced split the error contains that difference too.

    Args:
        scores: [N, C] probabilities.
        labels: [N].
    """
    sure, predicted = scores.double().max(1)
    between = torch.arange(1, CALIBRATION_BINS, dtype=torch.float64) / CALIBRATION_BINS
    bins = torch.bucketize(sure, between)  # a value on an edge is in the lower bin
    surplus = (predicted == labels).double() - sure
    return torch.zeros(CALIBRATION_BINS, dtype=torch.float64).index_add(0, bins, surplus).abs().sum().item() / len(sure)
