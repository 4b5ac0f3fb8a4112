"""`search.decide_by`: the measure that a search's rungs, sampler and ranking use, which may differ from its metric."""

from collections.abc import Sequence
from typing import Literal

from spaces.sections import SearchConfig
from trainers.errors import InputError
from trainers.loss_config import LossName

DecidedBy = Literal["metric", "auroc", "balanced_log_loss", "soft_balanced_accuracy"]


def decided_by(search: SearchConfig, losses: Sequence[LossName]) -> DecidedBy:
    """The measure that rungs, sampler and ranking use: `search.decide_by`, with `auto` resolved.

    For `auto`, soft balanced accuracy is used where our measurements favour this measure (results/bench/deciding.md and
    decide_by.md): if the metric is balanced accuracy and only trials of one loss are compared. Soft balanced accuracy
    depends on how confident a classifier is, which differs between losses. In all other cases `auto` is the metric
    itself.

    Args:
        search: the spec's section `search`.
        losses: the losses that the sampler may propose.
    """
    if search.decide_by != "auto":
        return search.decide_by
    measured = search.metric == "balanced_accuracy" and _one_loss_a_search(search, losses)
    return "soft_balanced_accuracy" if measured else "metric"


def deciding_key(search: SearchConfig, losses: Sequence[LossName]) -> str:
    """The name under which a trial reports the measure that `decided_by` returns; larger is better."""
    by = decided_by(search, losses)
    if by == "metric":
        return search.metric_key
    return "val_neg_balanced_log_loss" if by == "balanced_log_loss" else f"val_{by}"


def check_deciding(search: SearchConfig, losses: Sequence[LossName]) -> None:
    """Raise InputError if trials of different losses would be compared by a measure that depends on confidence."""
    if deciding_key(search, losses) == search.metric_key or _one_loss_a_search(search, losses):
        return
    raise InputError(
        f"search.decide_by: {search.decide_by} depends on how sure a classifier is, which differs between the losses "
        f"of space.loss.name ({', '.join(losses)}); use metric"
    )


def _one_loss_a_search(search: SearchConfig, losses: Sequence[LossName]) -> bool:
    """Whether the sampler's proposals are compared only with trials of the same loss."""
    return len(losses) == 1 or search.per_family
