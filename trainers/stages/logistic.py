"""Multinomial logistic regression on standardised features, fitted to convergence.

With `solver: lbfgs` this is both the classifier of stage two and the probe of stage one. The problem is to

    minimise over W, b:   sum_i w_i · (-log softmax(W x_i + b)[y_i]) / sum_i w_i   +   l2 · ||W||²

x_i: the features of a training image, standardised on the training images. w_i: the weight of its class. The bias is
not penalised. The problem is convex and its minimum unique (up to a constant that all biases share), so the result
depends on no seed, no learning rate and no order of images.
"""

import torch
from torch import Tensor

from trainers.compute.devices import has_float64
from trainers.config import ClassifierConfig
from trainers.errors import DivergedError
from trainers.models import LinearClassifier

MOST_ITERATIONS = 2000  # 10 to 100 are usual; a thousand if l2 is 1e-6 and the classes are separable
GRADIENT = 1e-7  # a fit has converged when no element of the gradient, in the coordinates of `minimise`, is larger
# If the features have at most this many values, the fit is quicker on the host. L-BFGS reads a number at each of some
# hundred steps, and each reading waits for all earlier work on the GPU, even for the work of other trials that share
# the GPU. A fit of 30 steps in float32 took, on an H200 and on one of its host's cores: 24 and 8 ms for 1,000 × 64, 80
# and 77 ms for 2,000 × 512, 27 and 232 ms for 6,000 × 512.
ON_THE_HOST = 2**20


def fit_logistic(
    features: Tensor, labels: Tensor, classes: int, l2: float, weights: Tensor | None = None
) -> LinearClassifier:
    """Fit the classifier that the head of this file defines.

    Args:
        features: [N, feature_dim], of the training images, not yet standardised.
        labels: [N], from 0 to classes - 1.
        classes: how many classes there are.
        l2: the penalty, above 0.
        weights: [classes], the weight of each image of a class; None: all images weigh alike.

    Returns:
        A classifier in float32, on the features' device; the fit itself is in float64.

    Raises:
        DivergedError: the features are not finite, or so large that their mean or deviation is not finite.
    """
    fitted, x = standardised(features, classes)
    labels = labels.to(x.device)
    of_images = torch.ones(len(labels), dtype=torch.float64, device=x.device)
    if weights is not None:
        of_images = weights.to(x.device).double()[labels]
    solution = minimise(x, labels, classes, l2, of_images)
    with torch.no_grad():
        fitted.linear.weight.copy_(solution[:, :-1])
        fitted.linear.bias.copy_(solution[:, -1])
    return fitted.to(features.device)


def standardised(features: Tensor, classes: int) -> tuple[LinearClassifier, Tensor]:
    """An unfitted classifier that standardises as these features [N, D] ask for, and the features so, in float64.

    Both are where a fit is quicker: on the host or on the features' device. Raises DivergedError as `fit_logistic`.
    """
    if features.numel() <= ON_THE_HOST or not has_float64(features.device):
        features = features.cpu()
    fitted = LinearClassifier(features.shape[1], classes).to(features.device)
    fitted.standardise_by(features)
    x = (features.double() - fitted.mean.double()) / fitted.scale.double()
    if not (torch.isfinite(x).all() and torch.isfinite(fitted.scale).all()):
        raise DivergedError("the encoder's features, or their mean and deviation, are no longer finite")
    return fitted, x


def class_shares(labels: Tensor, classes: int, config: ClassifierConfig) -> Tensor:
    """Each class's share of the total weight in the objective, [classes] float64 on the CPU, summing to 1.

    labels: [N], of all training images. A probe that learns from some of the images gives the classes the same shares.
    """
    if config.class_weight == "balanced":
        return torch.full((classes,), 1 / classes, dtype=torch.float64)
    return torch.bincount(labels.cpu(), minlength=classes).double() / len(labels)


def minimise(x: Tensor, labels: Tensor, classes: int, l2: float, weights: Tensor) -> Tensor:
    """The parameters that minimise the objective: W, and b as the last column, [classes, D + 1] float64.

    L-BFGS works in coordinates in which the curvature is about equal in all directions. In the coordinates of the
    features themselves, which are correlated, L-BFGS would need up to ten times as many steps.

    x: [N, D] float64, standardised. weights: [N] float64, of the images.
    """
    share = weights / weights.sum()
    into = _evening(x, share, classes, l2)
    steps = x.new_zeros(classes, len(into)).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [steps],
        max_iter=MOST_ITERATIONS,
        max_eval=2 * MOST_ITERATIONS,
        tolerance_grad=GRADIENT,
        tolerance_change=0.0,  # a step that changes little does not mean convergence
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        value, gradient = value_and_gradient(steps.detach() @ into, x, labels, l2, share)
        steps.grad = (gradient @ into.T).contiguous()
        return float(value)

    optimizer.step(closure)
    return steps.detach() @ into


def _evening(x: Tensor, share: Tensor, classes: int, l2: float) -> Tensor:
    """L⁻¹ [D + 1, D + 1], where L Lᵀ is the objective's curvature in one class's parameters if p = 1 / C.

    C is the number of classes. The curvature is p (1 - p) · Σ share · x xᵀ + 2 l2; for the bias without the term 2 l2.
    """
    ones = torch.cat([x, x.new_ones(len(x), 1)], 1)
    curvature = (classes - 1) / classes**2 * (ones * share[:, None]).T @ ones
    curvature.diagonal()[:-1] += 2 * l2  # not of the bias
    lower = torch.linalg.cholesky(curvature)
    unit = torch.eye(len(lower), dtype=x.dtype, device=x.device)
    inverse: Tensor = torch.linalg.solve_triangular(lower, unit, upper=False)
    return inverse


def value_and_gradient(
    parameters: Tensor, x: Tensor, labels: Tensor, l2: float, share: Tensor
) -> tuple[Tensor, Tensor]:
    """The objective, a scalar, and its gradient [classes, D + 1] with respect to `parameters`.

    parameters: [classes, D + 1], W and b as the last column. share: [N], the images' weights, summing to 1.
    """
    weight, bias = parameters[:, :-1], parameters[:, -1]
    log_p = torch.addmm(bias, x, weight.T).log_softmax(1)
    rows = torch.arange(len(labels), device=labels.device)
    value = -(share * log_p[rows, labels]).sum() + l2 * weight.square().sum()
    # d/d logits: share · (p - 1 at the true class)
    by_logits = log_p.exp()
    by_logits[rows, labels] -= 1
    by_logits *= share[:, None]
    return value, torch.cat([by_logits.T @ x + 2 * l2 * weight, by_logits.sum(0)[:, None]], 1)
