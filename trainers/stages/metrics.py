"""The metrics of a classifier, from its logits on one split.

Accuracies, recalls and F1 follow from the confusion matrix. The other metrics (`auroc`, `soft_balanced_accuracy`,
`neg_balanced_log_loss`) need probabilities.
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
    """Share of images that are classified right: the AFCL paper's "weighted accuracy"."""
    counts = confusion.double()
    return (counts.trace() / counts.sum()).item()


def macro_f1(confusion: Tensor) -> float:
    """Mean over classes of F1 = 2·TP / (2·TP + FP + FN); 0 for a class that is never predicted right."""
    counts = confusion.double()
    return (2 * counts.diagonal() / (counts.sum(0) + counts.sum(1))).mean().item()


def aurocs(scores: Tensor, labels: Tensor) -> Tensor:
    """Area under the ROC curve of each class against the rest [C], float64; NaN if the class or the rest has no image.

    scores: [N, C], higher is likelier. The area is the Mann-Whitney statistic: the chance that an image of the
    class scores above an image of another class, with ties counted half.
    """
    areas = []
    for c in range(scores.shape[1]):
        inside, outside = scores[labels == c, c].double(), scores[labels != c, c].double().sort().values
        below = torch.searchsorted(outside, inside)
        not_above = torch.searchsorted(outside, inside, right=True)
        areas.append((below + not_above).double().mean() / (2 * len(outside)))
    return torch.stack(areas)


def auroc(scores: Tensor, labels: Tensor) -> float:
    """Mean over classes of the one-against-the-rest area under the ROC curve. scores: [N, C]."""
    return aurocs(scores, labels).mean().item()


def soft_balanced_accuracy(log_p: Tensor, labels: Tensor) -> float:
    """Mean probability of the true class: averaged first over the images of each class, then over the classes.

    It is balanced accuracy without a threshold: an image that is just right counts little more than an image that is
    just wrong, so the value varies less with the choice of images.

    log_p: [N, C], logarithms of probabilities. labels: [N].
    """
    return _mean_over_classes(_of_true_class(log_p, labels).exp(), labels, log_p.shape[1])


def neg_balanced_log_loss(log_p: Tensor, labels: Tensor) -> float:
    """Mean over classes of the mean log-probability of the true class: the negative balanced log loss.

    Larger is better, as for all metrics here. log_p: [N, C]. labels: [N].
    """
    return _mean_over_classes(_of_true_class(log_p, labels), labels, log_p.shape[1])


def _of_true_class(values: Tensor, labels: Tensor) -> Tensor:
    return values.gather(1, labels[:, None]).squeeze(1)


def _mean_over_classes(values: Tensor, labels: Tensor, classes: int) -> float:
    return torch.stack([values[labels == c].mean() for c in range(classes)]).mean().item()


def evaluate(logits: Tensor, labels: Tensor) -> tuple[dict[str, float], Tensor]:
    """The metrics of a split, by name (without a prefix such as `val_`), and its confusion matrix [C, C].

    logits: [N, C]; labels: [N]. All is computed on the CPU: there are few numbers, and on a shared GPU each of the many
    small steps would wait for the work of other trials.
    """
    logits, labels = logits.cpu(), labels.cpu()
    confusion = confusion_matrix(logits.argmax(1), labels, logits.shape[1])
    precise = logits.double()  # float64: in single precision very confident predictions would tie at 1
    log_p = precise.log_softmax(1)
    return {
        "balanced_accuracy": balanced_accuracy(confusion),
        "accuracy": accuracy(confusion),
        "macro_f1": macro_f1(confusion),
        "auroc": auroc(precise.softmax(1), labels),
        "soft_balanced_accuracy": soft_balanced_accuracy(log_p, labels),
        "neg_balanced_log_loss": neg_balanced_log_loss(log_p, labels),
    }, confusion
