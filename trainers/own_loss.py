"""Contrastive losses: those of this package and a user's own come through one door, by an import path.

A loss is a function of embeddings and labels, with its parameters as keywords (`ContrastiveLoss`). A loss of the user's
own is tried before the first trial (`try_loss`).
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
from trainers.own_parts import is_path, load_part
from trainers.wording import did_you_mean, printable, shown

FIELD = "loss.name"
OURS = {  # by loss.name
    "afcl": "trainers.losses.afcl:asymmetric_focal_contrastive_loss",
    "balanced_contrastive": "trainers.losses.balanced_contrastive:balanced_contrastive_loss",
    "k_positive": "trainers.losses.k_positive:k_positive_loss",
    "supervised_minority": "trainers.losses.supervised_minority:supervised_minority_loss",
}
ASKED = ("images", "class_counts", "generator")  # what a loss may ask for beside its own parameters


class ContrastiveLoss(Protocol):
    """A function of a batch of embeddings and their labels: the loss, a scalar.

    `mypkg.losses:my_loss` names such a function:

        def my_loss(z, labels, *, margin: float = 0.3): ...

    Its other parameters are keywords: numbers, texts, or true and false, from `own_loss.my_loss` of the trial's
    configuration, or with their defaults. A parameter of one of these names gets more of the batch:

        images: [N] whole numbers, on the device of z; rows with one number are views of one image.
        class_counts: [C], the training images of each class, on the device of z.
        generator: a torch.Generator of the CPU. It is seeded for each epoch, so that a trial repeats itself; a loss
            that draws at random draws from it alone.

    Args:
        z: [N, D] float32 unit rows, one for each view of each image. A class may have one row or none.
        labels: [N] classes, from 0 to C - 1, on the device of z.

    Returns:
        A finite scalar with a finite gradient by z.
    """

    def __call__(self, z: Tensor, labels: Tensor, /, **parameters: Any) -> Tensor: ...  # noqa: D102


@dataclass(frozen=True)
class BoundLoss:
    """A loss with its parameters, for a training run.

    Attributes:
        function: the loss.
        parameters: its parameters, by name.
        asks: which of ASKED it has a parameter for.
    """

    function: Callable[..., Tensor]
    parameters: Mapping[str, Any]
    asks: frozenset[str] = frozenset()

    def __call__(self, z: Tensor, labels: Tensor, **more: Any) -> Tensor:
        """The loss of a batch; `more` has a value for each of ASKED."""
        z = z.to(torch.promote_types(z.dtype, torch.float32))  # the encoder's may be bfloat16
        return self.function(z, labels, **self.parameters, **{name: more[name] for name in self.asks})


def contrastive_loss(config: TrialConfig) -> BoundLoss:
    """The contrastive loss of a trial of two stages, with its parameters.

    Raises:
        InputError: a loss of the user's own is not on this machine, or its source differs from what the search kept.
    """
    name = config.loss.name
    function = load_part(FIELD, OURS.get(name, name))
    if not callable(function):
        raise InputError(f"{FIELD}: {_path(name)} must be a function, but is {type(function).__name__}")
    if name == "afcl":  # whether rows have unit length is checked once an epoch, not here
        taken = {field: getattr(config.loss, field) for field in ("eta", "gamma", "temperature", "normalize_by")}
        return BoundLoss(function, taken | {"rows_are_unit": True})
    given = getattr(config, name).model_dump() if name in OURS else config.own_loss.get(own_family(name), {})
    return BoundLoss(function, given, frozenset(ASKED) & _parameters(function).keys())


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a loss after embeddings and labels, by name."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a function of C may not say
        return {}
    return {one.name: one for one in found[2:]}


def try_loss(config: TrialConfig) -> None:
    """Check a loss of the user's own on small batches: several classes, one class, a class with one image.

    Args:
        config: a trial with this loss, and the values of its parameters.

    Raises:
        InputError: one line. The loss cannot be imported, takes other parameters, raises an error, has weights of its
            own, gives no scalar, a value that is not finite, another one for the same batch, or no finite gradient.
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
    """Batches that a search on imbalanced data has, each with its name: labels of the images, before their views."""
    yield "a batch of three classes", torch.arange(12) % 3
    yield "a batch in which a class has one image", (torch.arange(6) == 0).long()
    yield "a batch of one class", torch.zeros(6, dtype=torch.long)


def _value_and_gradient(loss: BoundLoss, labels: Tensor, config: TrialConfig, where: str) -> Tensor:
    """Value and gradient as one vector, once they are what they should be."""
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
        raise InputError(f"{FIELD}: {where} has no gradient by the embeddings")
    try:
        (gradient,) = torch.autograd.grad(value, z, allow_unused=True)
    except Exception as error:  # of a backward of the user's own
        said = " ".join(str(error).split())
        raise InputError(f"{FIELD}: {where} has no gradient: {type(error).__name__}: {printable(said[:200])}") from None
    if gradient is None:
        raise InputError(f"{FIELD}: {where} has no gradient by the embeddings")
    if not torch.isfinite(gradient).all():
        raise InputError(f"{FIELD}: {where} has a gradient that is not finite")
    return torch.cat([value.detach().reshape(1), gradient.flatten()])


def _refuse_other_parameters(loss: BoundLoss, name: str) -> None:
    """Raise InputError for a parameter that the loss does not take, or lacks."""
    known = _parameters(loss.function)
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
