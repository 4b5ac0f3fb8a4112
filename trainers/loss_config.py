"""Which loss a trial is trained with, the settings of each loss, and the families that a search compares.

CL, FCL, ACL and AFCL are one loss (`name: afcl`) and two stages. CE, FOCAL and LA are one stage, trained end to end:
the encoder and a linear head on it.
"""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field

from trainers.config_base import Config, Real

Family: TypeAlias = Literal["CL", "FCL", "ACL", "AFCL", "CE", "FOCAL", "LA"]
FAMILIES: tuple[Family, ...] = get_args(Family)  # with per_family, a family's ASHA bracket is its position here
LossName: TypeAlias = Literal["afcl", "cross_entropy", "focal", "logit_adjusted"]
CONTRASTIVE: tuple[Family, ...] = ("CL", "FCL", "ACL", "AFCL")
END_TO_END: dict[Family, LossName] = {"CE": "cross_entropy", "FOCAL": "focal", "LA": "logit_adjusted"}


class LossConfig(Config):
    """The loss, and the AFCL's parameters η, γ and τ; see trainers.losses."""

    name: LossName = "afcl"
    """afcl: contrastive, in two stages. cross_entropy, focal, logit_adjusted: one stage, end to end; each has a section
    of its own."""
    eta: Annotated[Real, Field(ge=0)] = 0.0
    """η, weight of the negative pairs; 0 in CL and FCL."""
    gamma: Annotated[Real, Field(ge=0)] = 0.0
    """γ, focusing on hard positive pairs; 0 in CL and ACL."""
    temperature: Annotated[Real, Field(gt=0)] = 0.07
    """τ, by which similarities are divided."""
    normalize_by: Literal["batch", "positives"] = "batch"
    """batch: the published scale, a mean over all columns; positives: over each anchor's positives and negatives."""


class EndToEndConfig(Config):
    """Settings that all losses trained end to end share, beside `model` and most of `representation`.

    With `balanced_batches` class weights and priors follow the drawn images, in which every class is equally frequent.
    """

    match: Literal["passes", "epochs"] = "passes"
    """passes: an epoch is as many rounds of the training images as stage one has views (representation.views). So an
    epoch, a rung and a trial cost every family the same work; with two views there are twice as many steps. epochs: an
    epoch is one round, and costs a part of that."""


class CrossEntropyConfig(Config):
    """CE: cross-entropy, end to end."""

    lr: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate at its peak, in place of the representation's."""
    class_weight: Literal["balanced", "none"] = "balanced"
    """balanced gives a class the weight N / (C · N_c)."""


class FocalConfig(Config):
    """FOCAL: the focal loss of Lin et al. 2017 (arXiv 1708.02002), end to end."""

    lr: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate at its peak, in place of the representation's."""
    gamma: Annotated[Real, Field(ge=0)] = 2.0
    """γ, focusing on hard images; 0 is cross-entropy."""
    class_weight: Literal["balanced", "none"] = "balanced"
    """balanced gives a class the weight N / (C · N_c), the paper's α."""


class LogitAdjustedConfig(Config):
    """LA: the logit-adjusted cross-entropy of Menon et al. 2021 (arXiv 2007.07314), end to end; no class weights."""

    lr: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate at its peak, in place of the representation's."""
    tau: Annotated[Real, Field(ge=0)] = 1.0
    """τ, by which the logarithms of the class priors are multiplied; 0 is cross-entropy."""


_OF_TWO_STAGES = (
    *("loss.eta", "loss.gamma", "loss.temperature", "loss.normalize_by"),
    *("model.projection_dim", "representation.lr", "representation.probe_images", "classifier"),
)


def ignored_with(name: object) -> tuple[str, ...]:
    """The sections and fields of a trial that this loss does not use; empty for a name that is not a loss."""
    others = tuple(other for other in END_TO_END.values() if other != name)
    if name == "afcl":
        return ("end_to_end", *others)
    return (*_OF_TWO_STAGES, *others) if name in END_TO_END.values() else ()


def is_ignored(path: str, name: object) -> bool:
    """Whether this loss does not use the field at a dotted path."""
    return any(path == stem or path.startswith(f"{stem}.") for stem in ignored_with(name))


def unused_with(name: object) -> dict[str, Any]:
    """`ignored_with` as pydantic's `model_dump(exclude=…)` takes it: True for a whole section, else a set of fields."""
    unused: dict[str, Any] = {}
    for path in ignored_with(name):
        section, _, field = path.partition(".")
        unused[section] = unused.get(section, set()) | {field} if field else True
    return unused


def family(loss: LossConfig) -> Family:
    """The family of a loss. A contrastive loss is CL, with an A before it if η > 0 and an F if γ > 0."""
    for name, loss_name in END_TO_END.items():
        if loss.name == loss_name:
            return name
    if loss.eta > 0:
        return "AFCL" if loss.gamma > 0 else "ACL"
    return "FCL" if loss.gamma > 0 else "CL"
