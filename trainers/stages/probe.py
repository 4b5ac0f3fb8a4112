"""The probe: a linear classifier on the encoder's current features, which gives stage one its metric.

With `solver: lbfgs` it is fitted as the classifier of stage two is (trainers.stages.logistic), with `solver: adamw` by
`fit_probe`.
"""

import torch
from torch import Tensor
from torch.nn import functional

from trainers.config import RepresentationConfig
from trainers.errors import DivergedError
from trainers.models import LinearClassifier
from trainers.stages.batches import class_weights
from trainers.stages.logistic import ON_THE_HOST

WHOLE_UP_TO = 5000  # training images: a probe on fewer would save little and be noisier
AT_LEAST = 1000  # training images that the probe learns from
MOST_OF_STAGE_ONE = 0.1  # share of an epoch's training that its probe may cost
FORWARD_PASSES = 2  # cost about as much as one pass in training


def probe_rows(labels: Tensor, validation: int, config: RepresentationConfig, draws: torch.Generator) -> Tensor | None:
    """Indices, ascending, of the training images that the probe learns from in every epoch; None: all of them.

    labels: [N], of the training images. validation: the number of validation images. draws: a CPU generator.

    `config.probe_images` says how many; null means the rule below. Up to 5,000 training images the probe uses all. With
    more, the probe may cost a tenth of an epoch's training. Training takes a forward and a backward pass for each view
    of each image; the probe takes a forward pass for each of its images and each validation image. So

        n = 0.1 · 2 · views · N - validation,   but at least 1,000.

    The factor 2 is how many forward passes cost as much as one pass in training: 1.8 for the small encoder and 9 for a
    ResNet-18, both measured on a CPU; by arithmetic alone it would be 3.

    Classes get equal shares if they have enough images. A rarer class is taken whole, and the missing images are taken
    from larger classes.
    """
    count = config.probe_images
    if count is None:
        if len(labels) <= WHOLE_UP_TO:
            return None
        count = max(AT_LEAST, int(MOST_OF_STAGE_ONE * FORWARD_PASSES * config.views * len(labels)) - validation)
    return None if count >= len(labels) else _balanced(labels, count, draws)


def _balanced(labels: Tensor, count: int, draws: torch.Generator) -> Tensor:
    known = labels.cpu()
    members = [torch.nonzero(known == c).flatten() for c in known.unique()]
    members.sort(key=len)
    chosen = []
    for number, all_of_it in enumerate(members):  # what a small class cannot use goes to the larger ones
        share = max(1, count // (len(members) - number))
        chosen.append(all_of_it[torch.randperm(len(all_of_it), generator=draws)[:share]])
        count -= len(chosen[-1])
    return torch.cat(chosen).sort().values.to(labels.device)


def fit_probe(
    features: Tensor, labels: Tensor, classes: int, iterations: int = 30, l2: float = 1e-3
) -> LinearClassifier:
    """Fit class-weighted logistic regression to training features with L-BFGS, almost to convergence.

    This is stage one's probe if stage two's classifier is trained with `solver: adamw`.

    features: [N, feature_dim]. labels: [N]. iterations: the most that L-BFGS takes. l2: as in
    trainers.stages.logistic. Raises DivergedError if the features are not finite.
    """
    if not torch.isfinite(features).all():
        raise DivergedError("the encoder's features are no longer finite")
    device = features.device
    if features.numel() <= ON_THE_HOST:
        features, labels = features.cpu(), labels.cpu()
    probe = LinearClassifier(features.shape[1], classes).to(features.device)
    probe.standardise_by(features)
    weights = class_weights(labels, classes)
    optimizer = torch.optim.LBFGS(probe.parameters(), max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        fit = functional.cross_entropy(probe(features), labels, weights)
        loss = fit + l2 * probe.linear.weight.square().sum()
        loss.backward()
        return float(loss.detach())

    optimizer.step(closure)
    return probe.to(device)
