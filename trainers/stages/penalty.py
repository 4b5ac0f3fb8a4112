"""The penalty l2 of the logistic regression (`classifier.l2`): as given, or as `auto` chooses it.

`auto` starts from 1 / N_eff, where N_eff = (sum of w)² / sum of w² over the images' weights w is the equivalent number
of images of equal weight (Kish 1965). The penalty also decides how much of the D features the fit uses. With the other
classes' logits held, one class's weights have

    df(l2) = sum over the eigenvalues v of A of   v / (v + 2 l2)

effective parameters (Hastie, Tibshirani and Friedman 2009, section 3.4.1). A [D, D] is the curvature of the loss in
these weights, the mean over the classes, if each class is as probable for every image as its share of the weight. At
1 / N_eff the 512 features of a ResNet may have as many effective parameters as there are effective images. Then chance
separates the training images, and the threshold between the classes is wrong for new ones. So `auto` raises the penalty
until each such parameter has four effective images. How this was chosen: results/bench/estimators.md.
"""

import torch
from torch import Tensor

from trainers.config import ClassifierConfig
from trainers.stages.logistic import class_shares, standardised

IMAGES_OF_A_PARAMETER = 4
MOST_PENALTY = 1e4  # with standardised features the weights are about 0 there


def least_penalty(labels: Tensor, classes: int, config: ClassifierConfig) -> float:
    """The config's l2, or with `auto` 1 / N_eff. labels: [N], of all training images."""
    if config.l2 != "auto":
        return config.l2
    shares, counts = class_shares(labels, classes, config), torch.bincount(labels.cpu(), minlength=classes)
    return float((shares.square() / counts).sum())  # an image of class c has the weight shares_c / counts_c


def raised_penalty(
    features: Tensor, labels: Tensor, classes: int, least: float, weights: Tensor, images: float = IMAGES_OF_A_PARAMETER
) -> float:
    """The smallest l2 from `least` on with at least so many effective images for each effective parameter.

    The images are those of the fit: a probe that learns from a part of them needs the stronger penalty.

    Args:
        features: [N, D], to which the classifier will be fitted, not yet standardised.
        labels: [N], from 0 to classes - 1.
        classes: how many classes there are.
        least: 1 / N_eff over all training images, of which `features` may be a part.
        weights: [classes], the weight of each image of a class.
        images: how many effective images a parameter needs.

    Returns:
        The penalty, at most MOST_PENALTY.

    Raises:
        DivergedError: the features are not finite, or so large that their mean or deviation is not finite.
    """
    x = standardised(features, classes)[1]
    labels = labels.to(x.device)
    share = weights.to(x.device).double()[labels]
    share = share / share.sum()
    of_classes = torch.zeros(classes, dtype=share.dtype, device=x.device).index_add_(0, labels, share)
    x = (x - (share[:, None] * x).sum(0)) * share.sqrt()[:, None]  # centred, as the bias is free
    gram = x.T @ x if x.shape[1] <= len(x) else x @ x.T  # both have the same eigenvalues but for zeros
    values = torch.linalg.eigvalsh(gram.cpu()).clamp_min(0)  # on a GPU some versions fail where many are zero
    curvature = float((of_classes * (1 - of_classes)).mean())
    effective = 1 / max(least, float(share.square().sum()))
    return _where(curvature * values, most=effective / images, least=least)


def degrees_of_freedom(values: Tensor, l2: float) -> float:
    """df(l2), as the head of this file defines it. values: [D], the eigenvalues of the curvature."""
    return float((values / (values + 2 * l2)).sum())


def _where(values: Tensor, most: float, least: float) -> float:
    """The smallest l2 from `least` on at which df is not above `most`, to a billionth of itself."""
    low, high = least, MOST_PENALTY
    if degrees_of_freedom(values, low) <= most:
        return low
    while high / low > 1 + 1e-9:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if degrees_of_freedom(values, middle) > most else (low, middle)
    return high
