"""Fine-tuning, the second part of stage two with `classifier.fine_tune`: train encoder and classifier together.

The linear classifier was fitted before, on the frozen encoder. Now all weights are trained at a small learning rate. In
this order (linear probing, then fine-tuning: Kumar et al. 2022, arXiv 2202.10054) the features change less than with a
classifier of random weights. An epoch is run by `trainers.stages.end_to_end.train_one_epoch`.
"""

from functools import partial

import torch

from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.torch_compat import share_gradients
from trainers.config import ClassifierConfig, ModelConfig, RepresentationConfig
from trainers.end_to_end_loss import ClassifierLoss
from trainers.losses.cross_entropy import cross_entropy_loss
from trainers.losses.focal import focal_loss
from trainers.models import Encoder, LinearClassifier
from trainers.optimizers import representation_optimizer
from trainers.stages.batches import DeviceSplit
from trainers.stages.end_to_end import Classifying, EndToEnd, drawn_shares


def network_of(
    encoder: Encoder,
    classifier: LinearClassifier,
    model: ModelConfig,
    config: RepresentationConfig,
    device: torch.device,
    group: Group = ALONE,
) -> EndToEnd:
    """The trained encoder and the fitted classifier as one network, with a new optimiser.

    Both are already on `device`. The workers of `group` already share the encoder's BatchNorm, since stage one.
    `config` is `TrialConfig.tuning`. The classifier's weights become trainable.
    """
    for parameter in classifier.parameters():
        parameter.requires_grad_(True)
    optimizer = representation_optimizer([*encoder.parameters(), *classifier.parameters()], config, device)
    network = Classifying(encoder, classifier, model.compile)
    shared = network if group.size == 1 else share_gradients(network)
    return EndToEnd(encoder, classifier, optimizer, shared, group)


def loss_of(config: ClassifierConfig, split: DeviceSplit, *, balanced_batches: bool) -> ClassifierLoss:
    """The loss function of fine-tuning: the same loss as in the fit of the classifier.

    This is the focal loss with `solver: adamw` and `loss: focal`, else cross-entropy. With `class_weight: balanced` its
    class weights are inverse to the classes' shares among the drawn images, which `balanced_batches` makes equal.
    """
    shares = drawn_shares(split, balanced=balanced_batches)
    weights = 1 / (split.classes * shares) if config.class_weight == "balanced" else None
    if config.solver == "adamw" and config.loss == "focal":
        return partial(focal_loss, weights=weights, gamma=config.focal_gamma)
    return partial(cross_entropy_loss, weights=weights)
