"""What a search's rungs, sampler and ranking go by, which need not be the score reported: `search.decide_by`."""

from collections.abc import Sequence
from typing import Literal

from spaces.sections import SearchConfig
from trainers.errors import InputError
from trainers.loss_config import LossName

DecidedBy = Literal["metric", "auroc", "balanced_log_loss", "soft_balanced_accuracy"]


def decided_by(search: SearchConfig, losses: Sequence[LossName]) -> DecidedBy:
    """`search.decide_by`, and for auto what the measurements say (results/bench/deciding.md and decide_by.md).

    They held soft balanced accuracy against balanced accuracy, among trials of one loss. It depends on how sure a
    classifier is, which differs between the losses: where one search holds several, auto is the metric itself.

    Args:
        search: the spec's section.
        losses: those that the sampler's proposals may have.
    """
    if search.decide_by != "auto":
        return search.decide_by
    measured = search.metric == "balanced_accuracy" and _one_loss_a_search(search, losses)
    return "soft_balanced_accuracy" if measured else "metric"


def deciding_key(search: SearchConfig, losses: Sequence[LossName]) -> str:
    """The name, among the metrics that a trial reports, of what decides; larger is better."""
    by = decided_by(search, losses)
    if by == "metric":
        return search.metric_key
    return "val_neg_balanced_log_loss" if by == "balanced_log_loss" else f"val_{by}"


def check_deciding(search: SearchConfig, losses: Sequence[LossName]) -> None:
    """Raise InputError where losses of several kinds were held against each other by how sure their classifiers are."""
    if deciding_key(search, losses) == search.metric_key or _one_loss_a_search(search, losses):
        return
    raise InputError(
        f"search.decide_by: {search.decide_by} depends on how sure a classifier is, which differs between the losses "
        f"of space.loss.name ({', '.join(losses)}); use metric"
    )


def _one_loss_a_search(search: SearchConfig, losses: Sequence[LossName]) -> bool:
    """Whether the sampler's proposals are held against those of the same loss alone."""
    return len(losses) == 1 or search.per_family
