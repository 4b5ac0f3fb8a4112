"""What a classifier's scores are worth, from its logits on one split.

All of it follows from the confusion matrix but the area under the ROC curve, which needs the scores themselves.
"""

import torch
from torch import Tensor


def confusion_matrix(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Counts [C, C], int64, on the CPU: row is the true class, column the predicted one."""
    cells = labels * classes + predicted
    return torch.bincount(cells, minlength=classes * classes).reshape(classes, classes).cpu()


def recalls(confusion: Tensor) -> Tensor:
    """Per-class recall [C], float64, in [0, 1]. Every class must have an image."""
    counts = confusion.double()
    return counts.diagonal() / counts.sum(1)


def balanced_accuracy(confusion: Tensor) -> float:
    """Mean of per-class recalls: the AFCL paper's "unweighted accuracy".

    Also the metric of ISIC 2018 Task 3, the "balanced multi-class accuracy" of the likeliest class (argmax).
    """
    return recalls(confusion).mean().item()


def accuracy(confusion: Tensor) -> float:
    """Share of images that are right: the AFCL paper's "weighted accuracy"."""
    counts = confusion.double()
    return (counts.trace() / counts.sum()).item()


def macro_f1(confusion: Tensor) -> float:
    """Mean over classes of F1 = 2·TP / (2·TP + FP + FN); 0 for a class that is never predicted right."""
    counts = confusion.double()
    return (2 * counts.diagonal() / (counts.sum(0) + counts.sum(1))).mean().item()


def auroc(scores: Tensor, labels: Tensor) -> float:
    """Mean over classes of the one-against-the-rest area under the ROC curve.

    scores: [N, C], higher is likelier. The area is the Mann-Whitney statistic: the chance that an image of the
    class scores above one of another class, ties counted half.
    """
    areas = []
    for c in range(scores.shape[1]):
        inside, outside = scores[labels == c, c].double(), scores[labels != c, c].double().sort().values
        below = torch.searchsorted(outside, inside)
        not_above = torch.searchsorted(outside, inside, right=True)
        areas.append((below + not_above).double().mean() / (2 * len(outside)))
    return torch.stack(areas).mean().item()


def evaluate(logits: Tensor, labels: Tensor) -> tuple[dict[str, float], Tensor]:
    """All metrics of one split, without a prefix, and its confusion matrix. logits: [N, C]; labels: [N].

    Computed on the CPU: the numbers are few, and each of the many small steps would wait for a GPU, which trials share.
    """
    logits, labels = logits.cpu(), labels.cpu()
    confusion = confusion_matrix(logits.argmax(1), labels, logits.shape[1])
    scores = logits.double().softmax(1)  # in single precision sure predictions would tie at 1
    return {
        "balanced_accuracy": balanced_accuracy(confusion),
        "accuracy": accuracy(confusion),
        "macro_f1": macro_f1(confusion),
        "auroc": auroc(scores, labels),
    }, confusion
