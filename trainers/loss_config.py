"""Which loss a trial is trained with, the settings of each loss, and the families that a search compares.

CL, FCL, ACL and AFCL are one contrastive loss (`name: afcl`) with different η and γ; such a trial has two stages. BCL,
KCL and SUPMIN are other contrastive losses, also with two stages, and so is a loss of the user's own (see
`trainers.contrastive_loss`). A trial of CE, FOCAL or LA has one stage: the encoder and a linear head are trained end
to end.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from trainers.config_base import Config, Real, Whole, one_of_or_own
from trainers.own_parts import MARK, PATH_PATTERN, is_path
from trainers.wording import shown

Family: TypeAlias = str  # one of FAMILIES; for a loss of the user's own, the name of its function
# with search.per_family, a family's position here is the number of its ASHA bracket
FAMILIES: tuple[Family, ...] = (
    "CL",
    "FCL",
    "ACL",
    "AFCL",
    "CE",
    "FOCAL",
    "LA",
    "BCL",
    "KCL",
    "SUPMIN",
)  # see `search.algorithms.asha.bracket_of`
LOSSES = (
    *("afcl", "cross_entropy", "focal", "logit_adjusted"),
    *("balanced_contrastive", "k_positive", "supervised_minority"),
)
LOSS_GROUP = "afcl.losses"  # the group of entry points in which a package registers losses
EXAMPLE = "mypkg.losses:my_loss"


LossName = Annotated[
    Literal[
        "afcl",
        "cross_entropy",
        "focal",
        "logit_adjusted",
        "balanced_contrastive",
        "k_positive",
        "supervised_minority",
    ]
    | str,
    BeforeValidator(one_of_or_own(LOSSES, LOSS_GROUP, EXAMPLE)),
    WithJsonSchema({"anyOf": [{"enum": list(LOSSES)}, {"type": "string", "pattern": f"^{PATH_PATTERN}$"}]}),
]


BaselineName = Annotated[
    str,
    BeforeValidator(one_of_or_own(FAMILIES, LOSS_GROUP, EXAMPLE)),
    WithJsonSchema({"anyOf": [{"enum": list(FAMILIES)}, {"type": "string", "pattern": f"^{PATH_PATTERN}$"}]}),
]

CONTRASTIVE: tuple[Family, ...] = ("CL", "FCL", "ACL", "AFCL")
END_TO_END: dict[Family, str] = {"CE": "cross_entropy", "FOCAL": "focal", "LA": "logit_adjusted"}
RIVALS: dict[Family, str] = {"BCL": "balanced_contrastive", "KCL": "k_positive", "SUPMIN": "supervised_minority"}
WITH_A_SECTION = END_TO_END | RIVALS  # each of these losses has a section of the config, called like the loss

NAME = r"[A-Za-z_]\w*"  # a regular expression for the name of a function or of a parameter


class LossConfig(Config):
    """The loss, and the AFCL's parameters η, γ and τ; see trainers.losses."""

    name: LossName = "afcl"
    """afcl: contrastive, in two stages. balanced_contrastive, k_positive, supervised_minority: contrastive losses of
    others. cross_entropy, focal, logit_adjusted: one stage, end to end. Each but afcl has a section of its own. Or a
    contrastive loss of your own, by the import path of a function of embeddings and labels (`mypkg.losses:my_loss`), or
    by the name of an entry point in the group afcl.losses; its parameters are in own_loss. A search keeps the hash of
    your source behind the path."""
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


class BalancedContrastiveConfig(Config):
    """BCL: the class-averaging of Zhu et al. 2022 (CVPR), without their prototypes and classifier branch."""

    temperature: Annotated[Real, Field(gt=0)] = 0.1
    """τ, by which similarities are divided."""


class KPositiveConfig(Config):
    """KCL: the k-positive contrastive loss of Kang et al. 2021 (ICLR), on the rows of a batch."""

    k: Annotated[Whole, Field(ge=0)] = 6
    """Positives of each anchor beside its other views, drawn from its class; 0 is SimCLR."""
    temperature: Annotated[Real, Field(gt=0)] = 0.07
    """τ, by which similarities are divided."""


class SupervisedMinorityConfig(Config):
    """SUPMIN: the supervised minority loss of Mildenberger et al. 2025 (arXiv 2503.17024)."""

    temperature: Annotated[Real, Field(gt=0)] = 0.07
    """τ, by which similarities are divided."""


def _parameters(value: object) -> object:
    """Return a valid `own_loss`: for each function's name, a mapping of its parameters' names to their values.

    Raises ValueError for anything else.
    """
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of a loss's name to its parameters")
    for loss, parameters in value.items():
        if not _is_name(loss) or not isinstance(parameters, Mapping):
            raise ValueError("must be a mapping of a loss's name to its parameters, such as {my_loss: {margin: 0.3}}")
        for name, one in parameters.items():
            if not _is_name(name) or not _is_value(one):
                raise ValueError(f"{loss}.{name} must be a finite number, a text, true or false, but got {shown(one)}")
    return value


def _is_value(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(NAME, value) is not None


OwnLossParameters = Annotated[
    dict[str, dict[str, bool | int | float | str]],
    BeforeValidator(_parameters),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{NAME}$"},
            "additionalProperties": {
                "type": "object",
                "propertyNames": {"pattern": f"^{NAME}$"},
                "additionalProperties": {"type": ["number", "string", "boolean"]},
            },
        }
    ),
]
OWN_LOSS = "own_loss"  # the field of TrialConfig that has OwnLossParameters

_OF_AFCL = ("loss.eta", "loss.gamma", "loss.temperature", "loss.normalize_by")
_OF_TWO_STAGES = (
    "model.projection_dim",
    "representation.lr",
    "representation.probe_images",
    "representation.alignment",
    "classifier",
)


def own_family(name: str) -> Family:
    """The family of a loss of the user's own: its function's name, the last word of the import path `name`."""
    return re.split("[:.]", name.partition(MARK)[0])[-1]


def in_order(families: Iterable[Family]) -> list[Family]:
    """The families without repetitions: first those in FAMILIES, in that order, then the user's own, in given order.

    All tables list families in this order.
    """
    given = list(dict.fromkeys(families))
    return [*(one for one in FAMILIES if one in given), *(one for one in given if one not in FAMILIES)]


def family_named(name: str) -> Family:
    """The family that an entry of search.baselines names: `name` itself, or that of the loss at an import path."""
    return own_family(name) if is_path(name) else name


def ignored_with(name: object) -> tuple[str, ...]:
    """Paths of a trial's sections and fields that a loss called `name` does not use; empty for an unknown name."""
    others = tuple(other for other in WITH_A_SECTION.values() if other != name)
    if name == "afcl":
        return ("end_to_end", *others, OWN_LOSS)
    if name in END_TO_END.values():
        return (*_OF_AFCL, *_OF_TWO_STAGES, *others, OWN_LOSS)
    if name in RIVALS.values():
        return (*_OF_AFCL, "end_to_end", *others, OWN_LOSS)
    return (*_OF_AFCL, "end_to_end", *others) if is_path(str(name)) else ()


def is_ignored(path: str, name: object) -> bool:
    """Whether the loss called `name` does not use the field at the dotted path `path`.

    Of the section own_loss, a loss of the user's own uses the part under its function's name.
    """
    if path.startswith(f"{OWN_LOSS}.") and is_path(str(name)):
        return path.split(".")[1] != own_family(str(name))
    return any(path == stem or path.startswith(f"{stem}.") for stem in ignored_with(name))


def unused_with(name: object) -> dict[str, Any]:
    """The sections and fields of `ignored_with`, in the form of pydantic's `model_dump(exclude=…)`.

    A section is mapped to True if the loss uses no field of it, else to the set of the fields that the loss ignores.
    """
    unused: dict[str, Any] = {}
    for path in ignored_with(name):
        section, _, field = path.partition(".")
        unused[section] = unused.get(section, set()) | {field} if field else True
    return unused


def family(loss: LossConfig) -> Family:
    """The family of a loss. For `name: afcl` it is ACL (only γ is 0), FCL (only η is 0), CL (both are 0) or AFCL."""
    for name, loss_name in WITH_A_SECTION.items():
        if loss.name == loss_name:
            return name
    if is_path(loss.name):
        return own_family(loss.name)
    if loss.eta > 0:
        return "AFCL" if loss.gamma > 0 else "ACL"
    return "FCL" if loss.gamma > 0 else "CL"
