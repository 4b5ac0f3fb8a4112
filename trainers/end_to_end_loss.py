"""Load losses of logits and labels, with which a trial is trained end to end, by import path (`OURS`).

They are loaded by `load_part`, as contrastive losses are. A loss of the user's own is always contrastive (see
`trainers.contrastive_loss`): its import path alone does not say how many stages a trial has, and the whole search asks
that.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeAlias

from torch import Tensor

from trainers.config import TrialConfig
from trainers.contrastive_loss import FIELD
from trainers.own_parts import load_part, parameters_of

OURS = {  # the value of loss.name: the import path of the loss
    "cross_entropy": "trainers.losses.cross_entropy:cross_entropy_loss",
    "focal": "trainers.losses.focal:focal_loss",
    "logit_adjusted": "trainers.losses.logit_adjusted:logit_adjusted_loss",
}
ASKED = ("weights", "prior")  # parameters that the trainer passes to a loss that has them
OF_THE_TRAINER = ("lr", "class_weight")  # fields of a loss's section that are no parameters of the loss


class EndToEndLoss(Protocol):
    """A function of a batch's logits and labels: the loss, a scalar.

    All parameters after logits and labels are passed by keyword. Their values come from the section of the trial's
    config that is called like the loss, except its fields `lr` (of the optimiser) and `class_weight` (see `weights`).
    Parameters of these two names are not in the section. The trainer passes them if the function has them:

        weights: [C], the weight of each class's images, N / (C · N_c), if the section has class_weight: balanced; None
            otherwise.
        prior: [C], above 0, the share of each class among the images drawn for training.

    Args:
        logits: [N, C], float32.
        labels: [N] classes, from 0 to C - 1, on the device of logits.

    Returns:
        A scalar. Value and gradient are finite for every finite input.
    """

    def __call__(self, logits: Tensor, labels: Tensor, /, **parameters: Any) -> Tensor: ...  # noqa: D102


ClassifierLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # logits [N, C] and labels [N] to a scalar


def end_to_end_loss(config: TrialConfig, shares: Tensor) -> ClassifierLoss:
    """The loss that the config of a trial of one stage names, with the values of its parameters.

    Args:
        config: the trial's configuration.
        shares: [C], the share of each class among the images drawn for training.
    """
    section = getattr(config, config.loss.name)
    function: EndToEndLoss = load_part(FIELD, OURS[config.loss.name])
    is_balanced = getattr(section, "class_weight", "none") == "balanced"
    offered = {"weights": 1 / (len(shares) * shares) if is_balanced else None, "prior": shares}
    asked = {name: offered[name] for name in ASKED if name in parameters_of(function, 2)}
    return partial(function, **section.model_dump(exclude=set(OF_THE_TRAINER)), **asked)
