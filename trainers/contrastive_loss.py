"""Load contrastive losses by import path: those of this package (`OURS`), and a user's own.

A loss is a function of embeddings and labels; its parameters are keyword arguments (`ContrastiveLoss`). A loss of the
user's own is tried on small batches before the first trial (`try_loss`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from trainers.config import TrialConfig
from trainers.errors import InputError
from trainers.loss_config import OWN_LOSS, own_family
from trainers.own_parts import is_path, load_part, parameters_of
from trainers.wording import did_you_mean, printable, shown

FIELD = "loss.name"
OURS = {  # the value of loss.name: the import path of the loss
    "afcl": "trainers.losses.afcl:asymmetric_focal_contrastive_loss",
    "balanced_contrastive": "trainers.losses.balanced_contrastive:balanced_contrastive_loss",
    "k_positive": "trainers.losses.k_positive:k_positive_loss",
    "supervised_minority": "trainers.losses.supervised_minority:supervised_minority_loss",
}
ASKED = ("images", "class_counts", "generator")  # parameters that the trainer passes to a loss that has them


class ContrastiveLoss(Protocol):
    """A function of a batch of embeddings and their labels: the loss, a scalar.

    `mypkg.losses:my_loss` names such a function:

        def my_loss(z, labels, *, margin: float = 0.3): ...

    All parameters after z and labels are passed by keyword. Their values are numbers, texts or booleans, and come from
    the section `own_loss.my_loss` of the trial's config; a parameter that is not in the section keeps its default.
    Parameters of these three names are not in the section. The trainer passes them if the function has them:

        images: [N] whole numbers, on the device of z; rows with the same number are views of the same image.
        class_counts: [C], how many training images each class has, on the device of z.
        generator: a torch.Generator on the CPU, the only source from which a loss may draw at random. It is seeded
            anew for each epoch, so that a repeated trial gives the same numbers.

    Args:
        z: [N, D] float32 rows of length 1, one row for each view of each image. A class may have one row or none.
        labels: [N] classes, from 0 to C - 1, on the device of z.

    Returns:
        A finite scalar, whose gradient with respect to z is finite.
    """

    def __call__(self, z: Tensor, labels: Tensor, /, **parameters: Any) -> Tensor: ...  # noqa: D102


@dataclass(frozen=True)
class BoundLoss:
    """A loss with the values of its parameters, as a training run calls it.

    Attributes:
        function: the loss.
        parameters: the values of its parameters, by name.
        asks: the names in ASKED that are parameters of the loss.
    """

    function: Callable[..., Tensor]
    parameters: Mapping[str, Any]
    asks: frozenset[str] = frozenset()

    def __call__(self, z: Tensor, labels: Tensor, **more: Any) -> Tensor:
        """The loss of a batch. `more` has a value for each name in `asks`; names that are not in `asks` are ignored."""
        z = z.to(torch.promote_types(z.dtype, torch.float32))  # an encoder may give bfloat16
        return self.function(z, labels, **self.parameters, **{name: more[name] for name in self.asks})


def contrastive_loss(config: TrialConfig) -> BoundLoss:
    """The contrastive loss that a trial's config names, with the values of its parameters. The trial has two stages.

    Raises:
        InputError: a loss of the user's own is not on this machine, or its source does not have the hash in the config.
    """
    name = config.loss.name
    function = load_part(FIELD, OURS.get(name, name))
    if not callable(function):
        raise InputError(f"{FIELD}: {_path(name)} must be a function, but is {type(function).__name__}")
    if name == "afcl":  # whether rows have unit length is checked once an epoch, not here
        taken = {field: getattr(config.loss, field) for field in ("eta", "gamma", "temperature", "normalize_by")}
        return BoundLoss(function, taken | {"rows_are_unit": True})
    given = getattr(config, name).model_dump() if name in OURS else config.own_loss.get(own_family(name), {})
    return BoundLoss(function, given, frozenset(ASKED) & parameters_of(function, 2).keys())


def try_loss(config: TrialConfig) -> None:
    """Check a loss of the user's own on small batches: several classes, one class, a class with one image.

    Args:
        config: a trial with this loss, and the values of its parameters.

    Raises:
        InputError: with a message of one line. The loss cannot be imported, takes other parameters, has weights of its
            own, raises an error, returns no scalar or one that is not finite, returns another value for the same batch
            at a second call, or has no finite gradient.
    """
    name, loss = config.loss.name, contrastive_loss(config)
    path = _path(name)
    if isinstance(loss.function, nn.Module) and any(True for _ in loss.function.parameters()):
        raise InputError(f"{FIELD}: {path} has weights of its own, which no optimiser would train; pass a function")
    _refuse_other_parameters(loss, name)
    at = "".join(f", {key} {shown(value)}" for key, value in loss.parameters.items())
    for kind, labels in _batches():
        where = f"{path}{at and f' with{at[1:]}'}, on {kind},"
        first, again = (_value_and_gradient(loss, labels, config, where) for _ in range(2))
        if not torch.equal(first, again):
            raise InputError(
                f"{FIELD}: {where} gives another value at a second call; draw from the parameter `generator` alone"
            )


def _batches() -> Iterator[tuple[str, Tensor]]:
    """Pairs of a batch's description and the labels of its images, [images]; such batches occur on imbalanced data."""
    yield "a batch of three classes", torch.arange(12) % 3
    yield "a batch in which a class has one image", (torch.arange(6) == 0).long()
    yield "a batch of one class", torch.zeros(6, dtype=torch.long)


def _value_and_gradient(loss: BoundLoss, labels: Tensor, config: TrialConfig, where: str) -> Tensor:
    """The loss of one random batch and its gradient with respect to z, joined to one vector.

    `labels` has one entry for each image; `where` begins each message. Raises InputError if the loss raises an error,
    is no scalar, is not finite, or has no finite gradient.
    """
    draws = torch.Generator().manual_seed(0)
    images = torch.arange(len(labels)).repeat(config.representation.views)
    rows = torch.randn(len(images), config.model.projection_dim, generator=draws)
    z = normalize(rows, dim=1).requires_grad_()
    more = {"images": images, "class_counts": torch.tensor([40, 20, 5]), "generator": draws}
    try:
        value = loss(z, labels.repeat(config.representation.views), **more)
    except Exception as error:  # a user's code may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"{FIELD}: {where} raises {type(error).__name__}: {printable(said[:200])}") from None
    if not isinstance(value, Tensor) or value.shape != () or not value.is_floating_point():
        gave = f"{list(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError(f"{FIELD}: {where} must give a scalar, but gave {gave}")
    if not torch.isfinite(value):
        raise InputError(f"{FIELD}: {where} gives {value.item()}")
    if not value.requires_grad:
        raise InputError(f"{FIELD}: {where} has no gradient with respect to the embeddings")
    try:
        (gradient,) = torch.autograd.grad(value, z, allow_unused=True)
    except Exception as error:  # a user's own backward pass may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"{FIELD}: {where} has no gradient: {type(error).__name__}: {printable(said[:200])}") from None
    if gradient is None:
        raise InputError(f"{FIELD}: {where} has no gradient with respect to the embeddings")
    if not torch.isfinite(gradient).all():
        raise InputError(f"{FIELD}: {where} has a gradient that is not finite")
    return torch.cat([value.detach().reshape(1), gradient.flatten()])


def _refuse_other_parameters(loss: BoundLoss, name: str) -> None:
    """Raise InputError for a given parameter that the loss does not take, or a missing one that has no default."""
    known = parameters_of(loss.function, 2)
    section = f"{OWN_LOSS}.{own_family(name)}"
    own = [
        key
        for key, one in known.items()
        if key not in ASKED and one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    takes_any = any(one.kind == one.VAR_KEYWORD for one in known.values())
    for key in loss.parameters:
        if key not in own and not takes_any and known:
            raise InputError(f"{section}.{key}: {_path(name)} takes no such parameter{did_you_mean(key, own)}")
    for key in own:
        if known[key].default is inspect.Parameter.empty and key not in loss.parameters:
            raise InputError(f"{section}.{key}: {_path(name)} needs a value for it")


def _path(name: str) -> str:
    return name.partition("#")[0] if is_path(name) else name
