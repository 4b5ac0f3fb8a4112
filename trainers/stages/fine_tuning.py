"""The end of stage two with `classifier.fine_tune`: the encoder and the fitted linear classifier, trained on together.

The classifier is fitted first, on the frozen encoder; then all weights are trained at a small learning rate. In this
order, linear probing then fine-tuning (Kumar et al. 2022, arXiv 2202.10054), the features change less than under a
classifier that begins anew. The epochs are those of trainers.stages.end_to_end.
"""

from functools import partial

import torch

from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.torch_compat import share_gradients
from trainers.config import ClassifierConfig, ModelConfig, RepresentationConfig
from trainers.losses.cross_entropy import cross_entropy_loss
from trainers.losses.focal import focal_loss
from trainers.models import Encoder, LinearClassifier
from trainers.optimizers import representation_optimizer
from trainers.stages.batches import DeviceSplit
from trainers.stages.end_to_end import ClassifierLoss, Classifying, EndToEnd, drawn_shares


def network_of(
    encoder: Encoder,
    classifier: LinearClassifier,
    model: ModelConfig,
    config: RepresentationConfig,
    device: torch.device,
    group: Group = ALONE,
) -> EndToEnd:
    """The trained encoder and the fitted classifier as one network, with a fresh optimiser.

    Both are on `device` already, and the encoder's BatchNorm is shared by the workers of `group`, as stage one left it.
    `config` is `TrialConfig.tuning`.
    """
    for parameter in classifier.parameters():
        parameter.requires_grad_(True)
    optimizer = representation_optimizer([*encoder.parameters(), *classifier.parameters()], config, device)
    network = Classifying(encoder, classifier, model.compile)
    shared = network if group.size == 1 else share_gradients(network)
    return EndToEnd(encoder, classifier, optimizer, shared, group)


def loss_of(config: ClassifierConfig, split: DeviceSplit, *, balanced_batches: bool) -> ClassifierLoss:
    """The loss of the classifier, which goes on: cross-entropy or, of adamw, the focal loss; with its class weights.

    With `balanced_batches` the weights follow the drawn images, in which every class is equally frequent.
    """
    shares = drawn_shares(split, balanced=balanced_batches)
    weights = 1 / (split.classes * shares) if config.class_weight == "balanced" else None
    if config.solver == "adamw" and config.loss == "focal":
        return partial(focal_loss, weights=weights, gamma=config.focal_gamma)
    return partial(cross_entropy_loss, weights=weights)
