"""The loss against twins written from its formula, at the extremes of its space, and by what its parameters mean.

Its plain form and its walk over several blocks are held to the same numbers as the loss itself.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import logsigmoid, normalize, pad
from torch.utils._python_dispatch import TorchDispatchMode

from trainers.errors import InputError
from trainers.losses.afcl import asymmetric_focal_contrastive_loss, plain_form
from trainers.losses.blockwise import loss_in_blocks

Divisor = Literal["batch", "positives"]
DIVISORS: tuple[Divisor, ...] = ("batch", "positives")
ETAS, GAMMAS, TEMPERATURES = (0.0, 1.0, 60.0, 300.0), (0.0, 0.5, 1.0, 2.0, 10.0), (0.01, 0.05, 0.07, 0.5, 1.0)
SIZES = (2, 3, 8, 64, 512)

# How far float32 may be from float64. It rounds a logit z_i·z_j/τ, of size up to 1/τ, by some ε/τ, and a term
# (1-p)^γ log p or log(1-p) grows by at most a factor of 1 + γ times the change of its logit. Nothing else in the
# loss is worse than that: its terms have one sign, so their sum is relatively as exact as they are.
# The gradient is a sum of pulls and pushes that do cancel (wholly, where all rows are the same), so its error is
# measured against all of them together, before they cancel; that total is the gradient's natural unit. The table
# also gives the error against the gradient's own length, where more than a ten-thousandth of the total is left.
ALLOWED_ROUNDINGS = 8
CANCELLED = 1e-4
SMALLEST_NORMAL = torch.finfo(torch.float32).tiny  # below it, float32 rounds towards zero


def allowed_disagreement(gamma: float, temperature: float) -> float:
    return ALLOWED_ROUNDINGS * torch.finfo(torch.float32).eps * (1 + (1 + gamma) / temperature)


def loss_and_gradient(z: Tensor, labels: Tensor, **parameters: Any) -> tuple[Tensor, Tensor]:
    z = z.detach().requires_grad_()
    loss = asymmetric_focal_contrastive_loss(z, labels, **parameters)
    (gradient,) = torch.autograd.grad(loss, z)
    return loss.detach(), gradient


def of_plain_form(z: Tensor, labels: Tensor, **parameters: Any) -> tuple[Tensor, Tensor]:
    if len(z) == 2:
        return loss_and_gradient(z, labels, **parameters)  # the other forms are for three rows and more
    z = z.detach().requires_grad_()
    loss = plain_form(z, labels, **{"normalize_by": "batch", **parameters})
    (gradient,) = torch.autograd.grad(loss, z)
    return loss.detach(), gradient


def in_several_blocks(z: Tensor, labels: Tensor, **parameters: Any) -> tuple[Tensor, Tensor]:
    """In three blocks, of which the last is shorter, as the loss would walk only over hundreds of rows."""
    if len(z) == 2:
        return loss_and_gradient(z, labels, **parameters)
    rows = math.ceil(0.4 * len(z))
    loss, gradient = loss_in_blocks(z, labels, **{"normalize_by": "batch", **parameters}, block_rows=rows)
    assert gradient is not None
    return loss, gradient


Form = Callable[..., tuple[Tensor, Tensor]]
FORMS: tuple[Form, ...] = (loss_and_gradient, of_plain_form, in_several_blocks)
in_every_form = pytest.mark.parametrize("form", FORMS)


# --- The twins ---


def nested_loops(
    z: Tensor, labels: Tensor, *, eta: float, gamma: float, temperature: float, normalize_by: Divisor
) -> tuple[Tensor, Tensor]:
    """Loss and gradient in float64, from the formula, one pair at a time."""

    def log_sum_exp(logits: list[Tensor]) -> Tensor:
        largest = max(logit.item() for logit in logits)
        total = torch.zeros((), dtype=torch.float64)
        for logit in logits:
            total = total + torch.exp(logit - largest)
        return largest + torch.log(total)

    z = z.detach().double().requires_grad_()
    N = len(z)
    total = z.sum() * 0
    for i in range(N):
        logits = {k: (z[i] * z[k]).sum() / temperature for k in range(N) if k != i}
        positive_sum = negative_sum = torch.zeros((), dtype=torch.float64)
        positives = negatives = 0
        for j in logits:
            positives += int(labels[i] == labels[j])
            negatives += int(labels[i] != labels[j])
            others = [logits[k] for k in logits if k != j]
            if not others:
                continue  # p is 1 whatever z is
            log_p = logits[j] - log_sum_exp(list(logits.values()))
            log_not_p = log_sum_exp(others) - log_sum_exp(list(logits.values()))
            if labels[i] == labels[j]:
                positive_sum = positive_sum + torch.exp(gamma * log_not_p) * log_p
            else:
                negative_sum = negative_sum + log_not_p
        if normalize_by == "batch":
            total = total - positive_sum / N - eta * negative_sum / N
        else:
            total = total - positive_sum / max(positives, 1) - eta * negative_sum / max(negatives, 1)
    loss = total / N
    return loss.detach(), torch.autograd.grad(loss, z)[0]


class Terms(NamedTuple):
    """One half of the loss in float64, and what its gradient is made of."""

    loss: Tensor
    gradient: Tensor
    pulls: Tensor  # sum of the sizes of its derivatives by each pair's log-odds, per unit of z


def float64_twin(
    z: Tensor, labels: Tensor, *, gammas: Sequence[float], temperature: float, normalize_by: Divisor
) -> tuple[list[Terms], Terms]:
    """The part of the positives at each γ, and the part of the negatives, of which the loss has η times.

    Unlike the loss it never asks which column of a row is the largest: a column's others are the sum of those
    before it and those after it, so that nothing is subtracted anywhere.
    """
    z = z.detach().double().requires_grad_()
    N = len(z)
    nothing = Terms(torch.zeros(()), torch.zeros_like(z), torch.zeros(()))
    if N == 2:
        return [nothing] * len(gammas), nothing
    negative = labels[:, None] != labels
    positive = (~negative).fill_diagonal_(False)
    logits = z @ z.T / temperature
    logits = logits - logits.detach().amax(1, keepdim=True)
    e = logits.exp() * (1 - torch.eye(N, dtype=z.dtype))
    before = pad(e.cumsum(1)[:, :-1], (1, 0))
    after = pad(e.flip(1).cumsum(1).flip(1)[:, 1:], (0, 1))
    log_odds = logits - (before + after).log()

    def terms(each: Tensor, pairs: Tensor) -> Terms:
        divisor = pairs.sum(1).clamp(min=1) if normalize_by == "positives" else N
        loss = -((each * pairs).sum(1) / divisor).mean()
        by_z, by_log_odds = torch.autograd.grad(loss, [z, log_odds], retain_graph=True)
        return Terms(loss.detach(), by_z, by_log_odds.abs().sum() / temperature)

    log_p, log_not_p = logsigmoid(log_odds), logsigmoid(-log_odds)
    return [terms((g * log_not_p).exp() * log_p, positive) for g in gammas], terms(log_not_p, negative)


def published_form(z: Tensor, labels: Tensor, *, eta: float, gamma: float, temperature: float) -> Tensor:
    """The published arithmetic: probabilities first, logarithms of them after, means over all N columns."""
    not_self = 1 - torch.eye(len(z), dtype=z.dtype)
    same = (labels[:, None] == labels).to(z.dtype)
    e = (z @ z.T / temperature).exp() * not_self
    p = e / e.sum(1, keepdim=True)
    log_p = (p + torch.eye(len(z), dtype=z.dtype)).log()
    positive_mean = ((1 - p) ** gamma * log_p * same * not_self).mean(1)
    negative_mean = ((1 - p).log() * (1 - same)).mean(1)
    return -(positive_mean + eta * negative_mean).mean()


# --- Batches ---


def unit_rows(size: int, width: int, rng: torch.Generator) -> Tensor:
    return normalize(torch.randn(size, width, generator=rng, dtype=torch.float64), dim=1)


def random(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return unit_rows(size, 16, rng), torch.randint(0, 3, (size,), generator=rng)


def imbalanced(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return unit_rows(size, 16, rng), (torch.arange(size) >= max(1, size // 50)).long()


def duplicated(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    half = unit_rows((size + 1) // 2, 16, rng)
    return torch.cat([half, half])[:size], torch.arange(size) % len(half) % 2


def tripled(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    third = unit_rows((size + 2) // 3, 16, rng)
    labels = torch.cat([torch.zeros(len(third)), torch.zeros(len(third)), torch.ones(len(third))]).long()
    return third.repeat(3, 1)[:size], labels[:size]  # a row's nearest are tied, one of its label and one of the other


def all_the_same(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return unit_rows(1, 16, rng).repeat(size, 1), torch.arange(size) % 2


def one_class(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return unit_rows(size, 16, rng), torch.zeros(size, dtype=torch.long)


def single_positive(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return unit_rows(size, 16, rng), (torch.arange(size) - 1).clamp(min=0)  # rows 0 and 1 share a label, no others do


def clustered(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return normalize(unit_rows(1, 16, rng) + 1e-3 * unit_rows(size, 16, rng), dim=1), torch.arange(size) % 2


def cluster_per_class(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    labels = torch.arange(size) % 2
    return normalize(unit_rows(2, 16, rng)[labels] + 1e-2 * unit_rows(size, 16, rng), dim=1), labels


def adversarial(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    half = unit_rows((size + 1) // 2, 16, rng)
    return torch.cat([half, half])[:size], (
        torch.arange(size) >= len(half)
    ).long()  # a row's double has the other label


def opposite(size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    half = unit_rows((size + 1) // 2, 16, rng)
    return torch.cat([half, -half])[:size], torch.arange(size) % len(half) % 2


KINDS: tuple[Callable[[int, torch.Generator], tuple[Tensor, Tensor]], ...] = (
    random, imbalanced, duplicated, tripled, all_the_same, one_class, single_positive, clustered, cluster_per_class,
    adversarial, opposite,
)  # fmt: skip


@st.composite
def small_batches(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    N, D = draw(st.integers(2, 12)), draw(st.integers(2, 6))
    labels = torch.tensor(draw(st.lists(st.integers(0, 2), min_size=N, max_size=N)))
    return unit_rows(N, D, torch.Generator().manual_seed(draw(st.integers(0, 10**6)))), labels


parameters = st.fixed_dictionaries(
    {
        "eta": st.floats(0, 300),
        "gamma": st.floats(0, 10),
        "temperature": st.floats(0.03, 1),
        "normalize_by": st.sampled_from(DIVISORS),
    }
)
EXAMPLES = min(60, settings.default.max_examples)
repeatable = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# --- Against the twins ---


@pytest.mark.parametrize("normalize_by", DIVISORS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_form_matches_nested_loops_written_from_the_formula(
    kind: Callable[..., Any], normalize_by: Divisor, rng: torch.Generator
) -> None:
    for N, (eta, gamma, temperature) in zip(
        (2, 3, 4, 7, 7, 7),
        ((60, 0.5, 0.5), (0, 0, 0.07), (60, 0.5, 0.07), (1, 2, 0.07), (300, 10, 0.3), (0, 1, 1)),
        strict=True,
    ):
        z, labels = kind(N, rng)
        at: dict[str, Any] = {"eta": eta, "gamma": gamma, "temperature": temperature, "normalize_by": normalize_by}
        twin_loss, twin_gradient = nested_loops(z, labels, **at)
        for form in FORMS:
            loss, gradient = form(z, labels, **at)
            torch.testing.assert_close(loss, twin_loss, rtol=1e-10, atol=1e-10)
            torch.testing.assert_close(gradient, twin_gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("normalize_by", DIVISORS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_two_twins_agree(kind: Callable[..., Any], normalize_by: Divisor, rng: torch.Generator) -> None:
    for N, gamma, temperature in ((2, 1, 0.5), (3, 0, 0.07), (6, 0.5, 0.05), (7, 10, 0.5)):
        z, labels = kind(N, rng)
        at: dict[str, Any] = {"temperature": temperature, "normalize_by": normalize_by}
        (positive,), negative = float64_twin(z, labels, gammas=[gamma], **at)
        loss, gradient = nested_loops(z, labels, eta=60, gamma=gamma, **at)
        torch.testing.assert_close(positive.loss + 60 * negative.loss, loss, rtol=1e-10, atol=1e-10, check_dtype=False)
        torch.testing.assert_close(positive.gradient + 60 * negative.gradient, gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_every_corner_is_finite_and_float32_agrees_with_the_float64_twin(capsys: pytest.CaptureFixture[str]) -> None:
    table, failed = [], []
    for number, kind in enumerate(KINDS):
        worst = {form: Worst() for form in FORMS}
        for size in SIZES:
            z, labels = kind(size, torch.Generator().manual_seed(size))
            z = z.float()
            # The largest size takes one divisor per kind, in turn, and the loss alone, to keep this test short.
            largest = size == max(SIZES)
            divisors, forms = (DIVISORS[number % 2 :][:1], FORMS[:1]) if largest else (DIVISORS, FORMS)
            for temperature, normalize_by in itertools.product(TEMPERATURES, divisors):
                at: dict[str, Any] = {"temperature": temperature, "normalize_by": normalize_by}
                positives, negative = float64_twin(z, labels, gammas=GAMMAS, **at)
                for eta, (gamma, positive), form in itertools.product(ETAS, zip(GAMMAS, positives, strict=True), forms):
                    loss, gradient = form(z, labels, eta=eta, gamma=gamma, **at)
                    twin_loss, twin_gradient, pulls = (p + eta * n for p, n in zip(positive, negative, strict=True))
                    off = abs(loss - twin_loss) / twin_loss.clamp(min=SMALLEST_NORMAL)
                    distance, length = (g.norm(dim=1).sum() for g in (gradient - twin_gradient, twin_gradient))
                    gradient_off = distance / pulls.clamp(min=SMALLEST_NORMAL)
                    of_allowed = max(off.item(), gradient_off.item()) / allowed_disagreement(gamma, temperature)
                    if not (loss.isfinite() and gradient.isfinite().all() and of_allowed <= 1):
                        case = f"{form.__name__} {kind.__name__} {size=} {eta=} {gamma=} {at}"
                        failed.append(f"{case}: {loss=} {off=} {gradient_off=}")
                    left = length > max(CANCELLED * pulls, SMALLEST_NORMAL)
                    of_itself = (distance / length).item() if left else 0.0
                    worst[form] = worst[form].or_worse(off.item(), gradient_off.item(), of_itself, of_allowed)
        table += [(kind.__name__, form.__name__, *worst[form]) for form in FORMS]
    total = sum(row[2] for row in table)
    with capsys.disabled():
        print("\nWorst relative disagreement of float32 with float64")
        head = f"{'batch':<20}{'form':<20}{'cases':>6}{'value':>10}{'gradient':>10}"
        print(f"{head}{'(of its own length)':>21}{'of allowed':>12}")
        for name, form_name, cases, loss_off, gradient_off, of_itself, of_allowed in table:
            print(f"{name:<20}{form_name:<20}{cases:>6}{loss_off:>10.1e}{gradient_off:>10.1e}", end="")
            print(f"{of_itself:>21.1e}{of_allowed:>12.0%}")
        print(f"{'in all':<40}{total:>6}, of which {total - len(failed)} finite and within the allowed disagreement")
    assert not failed, "\n".join(failed[:5])
    assert total >= 3000 * len(FORMS)


class Worst(NamedTuple):
    """How many cases there were, and the largest of each disagreement among them."""

    cases: int = 0
    loss: float = 0.0
    gradient: float = 0.0
    of_itself: float = 0.0
    of_allowed: float = 0.0

    def or_worse(self, *case: float) -> "Worst":
        return Worst(self.cases + 1, *map(max, self[1:], case))


@in_every_form
def test_float32_keeps_the_gradient_of_rows_that_lie_close_together(form: Form, rng: torch.Generator) -> None:
    z, labels = clustered(64, rng)
    z = z.float()
    (positive,), _ = float64_twin(z, labels, gammas=[0], temperature=0.01, normalize_by="positives")
    _, gradient = form(z, labels, eta=0, gamma=0, temperature=0.01, normalize_by="positives")
    # 2e-4; it is 3e-3 where the logits keep what all rows have in common
    assert (gradient - positive.gradient).norm() < 1e-3 * positive.gradient.norm()


@in_every_form
@pytest.mark.parametrize("temperature", [0.05, 0.5])
@pytest.mark.parametrize(("eta", "gamma"), [(0, 0), (0, 2), (60, 0), (300, 10), (1, 0.5)])
def test_by_batch_is_the_published_form_where_that_is_finite(
    eta: float, gamma: float, temperature: float, form: Form, rng: torch.Generator
) -> None:
    z, labels = unit_rows(16, 16, rng).requires_grad_(), torch.randint(0, 3, (16,), generator=rng)
    published = published_form(z, labels, eta=eta, gamma=gamma, temperature=temperature)
    (published_gradient,) = torch.autograd.grad(published, z)
    assert published.isfinite()
    assert published_gradient.isfinite().all()
    loss, gradient = form(z, labels, eta=eta, gamma=gamma, temperature=temperature)
    torch.testing.assert_close(loss, published.detach(), rtol=1e-9, atol=0)
    torch.testing.assert_close(gradient, published_gradient, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("temperature", [0.05, 0.07, 0.5])
def test_by_positives_at_the_origin_it_is_the_supervised_contrastive_loss(
    temperature: float, rng: torch.Generator
) -> None:
    z, labels = unit_rows(24, 8, rng).requires_grad_(), torch.arange(24) % 2 * (torch.arange(24) % 3)
    assert labels.bincount().min() >= 2  # SupConLoss leaves anchors without a positive out of its mean
    losses = pytest.importorskip("pytorch_metric_learning.losses")  # a machine without a network may lack it
    reference = losses.SupConLoss(temperature=temperature)(z, labels)
    (reference_gradient,) = torch.autograd.grad(reference, z)
    loss, gradient = loss_and_gradient(z, labels, eta=0, gamma=0, temperature=temperature, normalize_by="positives")
    torch.testing.assert_close(loss, reference.detach(), rtol=1e-6, atol=0)
    along_the_sphere = gradient - (gradient * z).sum(1, keepdim=True) * z  # SupConLoss normalises z itself
    torch.testing.assert_close(along_the_sphere.detach(), reference_gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("normalize_by", DIVISORS)
@pytest.mark.parametrize(("eta", "gamma"), [(0, 0), (0, 2), (60, 0), (1, 0.5), (300, 10)])
@pytest.mark.parametrize("kind", [random, duplicated, adversarial, single_positive])
@pytest.mark.parametrize("form", [asymmetric_focal_contrastive_loss, plain_form])
def test_gradient_is_the_slope_of_the_value_and_has_a_slope_itself(
    form: Callable[..., Tensor],
    kind: Callable[..., Any],
    eta: float,
    gamma: float,
    normalize_by: Divisor,
    rng: torch.Generator,
) -> None:
    z, labels = kind(5, rng)

    def loss(z: Tensor) -> Tensor:
        return form(z, labels, eta=eta, gamma=gamma, temperature=0.3, normalize_by=normalize_by)

    assert torch.autograd.gradcheck(loss, z.requires_grad_(), atol=1e-4)
    assert torch.autograd.gradgradcheck(loss, z, atol=1e-3)


@pytest.mark.parametrize(
    ("eta", "gamma", "temperature"), [(0, 0, 1e-30), (1e30, 0, 1), (0, 1e29, 1), (1e10, 1e10, 1e-9), (0, 0, 1e30)]
)
@pytest.mark.parametrize("kind", KINDS)
@in_every_form
def test_parameters_far_outside_any_use_are_finite_too(
    form: Form, kind: Callable[..., Any], eta: float, gamma: float, temperature: float, rng: torch.Generator
) -> None:
    z, labels = kind(8, rng)
    loss, gradient = form(z.float(), labels, eta=eta, gamma=gamma, temperature=temperature)
    assert loss.isfinite()
    assert gradient.isfinite().all()


# --- What the parameters mean ---


@in_every_form
@given(batch=small_batches(), at=parameters, chance=st.randoms(use_true_random=False))
@repeatable
def test_the_order_of_the_rows_does_not_matter(
    form: Form, batch: tuple[Tensor, Tensor], at: dict[str, Any], chance: Any
) -> None:
    z, labels = batch
    order = torch.tensor(chance.sample(range(len(z)), len(z)))
    loss, gradient = form(z, labels, **at)
    shuffled_loss, shuffled_gradient = form(z[order], labels[order], **at)
    torch.testing.assert_close(shuffled_loss, loss, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(shuffled_gradient, gradient[order], rtol=1e-7, atol=1e-9)


@in_every_form
@given(batch=small_batches(), at=parameters, seed=st.integers(0, 10**6))
@repeatable
def test_a_rotation_of_all_rows_does_not_matter(
    form: Form, batch: tuple[Tensor, Tensor], at: dict[str, Any], seed: int
) -> None:
    z, labels = batch
    D = z.shape[1]
    rotation, _ = torch.linalg.qr(torch.randn(D, D, dtype=z.dtype, generator=torch.Generator().manual_seed(seed)))
    loss, gradient = form(z, labels, **at)
    rotated_loss, rotated_gradient = form(z @ rotation, labels, **at)
    torch.testing.assert_close(rotated_loss, loss, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(rotated_gradient, gradient @ rotation, rtol=1e-7, atol=1e-9)


@given(small_batches(), parameters, st.floats(0, 300))
@repeatable
def test_the_loss_does_not_fall_as_eta_grows(
    batch: tuple[Tensor, Tensor], at: dict[str, Any], other_eta: float
) -> None:
    low, high = sorted((at.pop("eta"), other_eta))
    at_low, at_high = (asymmetric_focal_contrastive_loss(*batch, eta=eta, **at) for eta in (low, high))
    assert 0 <= at_low <= at_high


@given(small_batches(), parameters)
@repeatable
def test_with_one_class_eta_has_no_effect(batch: tuple[Tensor, Tensor], at: dict[str, Any]) -> None:
    z, labels = batch
    loss, gradient = loss_and_gradient(z, torch.zeros_like(labels), **at)
    loss_without, gradient_without = loss_and_gradient(z, torch.zeros_like(labels), **{**at, "eta": 0})
    assert torch.equal(loss, loss_without)
    assert torch.equal(gradient, gradient_without)


@given(small_batches(), parameters)
@repeatable
def test_eta_zero_ignores_what_negative_pairs_alone_would_say(batch: tuple[Tensor, Tensor], at: dict[str, Any]) -> None:
    z, _ = batch
    loss, gradient = loss_and_gradient(z, torch.arange(len(z)), **{**at, "eta": 0})  # every label once
    assert loss == 0
    assert not gradient.any()


@given(small_batches(), parameters)
@repeatable
def test_eta_and_gamma_zero_leave_the_log_softmax_of_the_positives(
    batch: tuple[Tensor, Tensor], at: dict[str, Any]
) -> None:
    z, labels = batch
    logits = (z @ z.T / at["temperature"]).fill_diagonal_(-torch.inf)
    positive = (labels[:, None] == labels).fill_diagonal_(False)
    by_anchor = -logits.log_softmax(1).where(positive, 0.0).sum(1)
    divisor = len(z) if at["normalize_by"] == "batch" else positive.sum(1).clamp(min=1)
    loss = asymmetric_focal_contrastive_loss(z, labels, **{**at, "eta": 0, "gamma": 0})
    torch.testing.assert_close(loss, (by_anchor / divisor).mean(), rtol=1e-9, atol=1e-12)


@given(small_batches(), parameters)
@repeatable
def test_gamma_takes_weight_from_positives_and_leaves_negatives_alone(
    batch: tuple[Tensor, Tensor], at: dict[str, Any]
) -> None:
    z, labels = batch

    def loss(eta: float, gamma: float) -> Tensor:
        return asymmetric_focal_contrastive_loss(z, labels, **{**at, "eta": eta, "gamma": gamma})

    gamma = at["gamma"]
    assert loss(0, gamma) <= loss(0, 0)
    torch.testing.assert_close(loss(1, gamma) - loss(0, gamma), loss(1, 0) - loss(0, 0), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("normalize_by", DIVISORS)
def test_an_anchor_without_positives_adds_no_positive_term(normalize_by: Divisor, rng: torch.Generator) -> None:
    z, labels = unit_rows(5, 4, rng), torch.tensor([7, 7, 1, 2, 3])
    log_p = (z @ z.T / 0.5).fill_diagonal_(-torch.inf).log_softmax(1)
    divisor = 5 if normalize_by == "batch" else 1
    loss = asymmetric_focal_contrastive_loss(z, labels, eta=0, gamma=0, temperature=0.5, normalize_by=normalize_by)
    torch.testing.assert_close(loss, -(log_p[0, 1] + log_p[1, 0]) / divisor / 5)


@given(parameters, st.booleans(), st.integers(0, 10**6))
@repeatable
def test_two_rows_have_nothing_to_tell(at: dict[str, Any], same_label: bool, seed: int) -> None:
    z = unit_rows(2, 3, torch.Generator().manual_seed(seed))
    loss, gradient = loss_and_gradient(z, torch.tensor([0, 0 if same_label else 1]), **at)
    assert loss == 0
    assert not gradient.any()


# --- In blocks ---

USUAL: dict[str, Any] = {"eta": 60, "gamma": 2, "temperature": 0.07}


@pytest.mark.parametrize("normalize_by", DIVISORS)
@pytest.mark.parametrize("rows", [1, 7, 25, 49, 50, 51])
@pytest.mark.parametrize("kind", [random, duplicated, adversarial, cluster_per_class])
def test_the_size_of_a_block_does_not_change_the_numbers(
    kind: Callable[..., Any], rows: int, normalize_by: Divisor, rng: torch.Generator
) -> None:
    z, labels = kind(50, rng)
    at: dict[str, Any] = {**USUAL, "normalize_by": normalize_by}
    loss, gradient = loss_in_blocks(z, labels, **at, block_rows=rows)
    plain_loss, plain_gradient = of_plain_form(z, labels, **at)
    torch.testing.assert_close(loss, plain_loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, plain_gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_a_batch_of_many_blocks_has_the_numbers_of_the_plain_form(rng: torch.Generator) -> None:
    z, labels = imbalanced(1500, rng)  # by itself the loss takes 349 rows at a time
    loss, gradient = loss_and_gradient(z, labels, **USUAL)
    plain_loss, plain_gradient = of_plain_form(z, labels, **USUAL)
    torch.testing.assert_close(loss, plain_loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, plain_gradient, rtol=1e-9, atol=1e-12)


class LargestTensor(TorchDispatchMode):
    """Elements of the largest memory that any operation's result lies in, those inside of the loss included."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(each, Tensor):
                self.elements = max(self.elements, each.untyped_storage().nbytes() // each.element_size())
        return result


@pytest.mark.slow
def test_memory_grows_with_the_rows_and_not_with_their_square(rng: torch.Generator) -> None:
    largest = {}
    for N in (1024, 16_384):
        z, labels = imbalanced(N, rng)
        with LargestTensor() as tensors:
            loss_and_gradient(z.float(), labels, **USUAL)
        largest[N] = tensors.elements
    assert largest[16_384] <= 16 * largest[1024]
    assert largest[16_384] < 16_384**2 / 32


def test_nothing_but_rows_and_their_gradient_is_kept_for_the_backward_pass(rng: torch.Generator) -> None:
    z, labels = random(600, rng)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        asymmetric_focal_contrastive_loss(z.requires_grad_(), labels, **USUAL)
    assert sorted(tensor.numel() for tensor in kept) == [600, z.numel(), z.numel()]  # labels, z, its gradient


@in_every_form
def test_the_same_batch_gives_the_same_bits(form: Form, rng: torch.Generator) -> None:
    z, labels = random(1500, rng)
    loss, gradient = form(z.float(), labels, **USUAL)
    loss_again, gradient_again = form(z.float(), labels, **USUAL)
    assert torch.equal(loss, loss_again)
    assert torch.equal(gradient, gradient_again)


def test_without_a_gradient_it_is_the_same_value(rng: torch.Generator) -> None:
    z, labels = random(50, rng)
    loss, _ = loss_and_gradient(z, labels, **USUAL)
    without = asymmetric_focal_contrastive_loss(z, labels, **USUAL)
    assert not without.requires_grad
    assert torch.equal(without, loss)


def test_the_gradient_is_scaled_by_what_is_done_with_the_loss(rng: torch.Generator) -> None:
    z, labels = random(50, rng)
    _, gradient = loss_and_gradient(z, labels, **USUAL)
    z.requires_grad_()
    loss = asymmetric_focal_contrastive_loss(z, labels, **USUAL)
    (scaled,) = torch.autograd.grad(-4 * loss, z, retain_graph=True)
    (again,) = torch.autograd.grad(-4 * loss, z)
    assert torch.equal(scaled, -4 * gradient)
    assert torch.equal(again, scaled)


def test_a_gradient_with_a_graph_is_the_same_in_autocast(rng: torch.Generator) -> None:
    z, labels = random(50, rng)
    z = z.float()
    _, gradient = loss_and_gradient(z, labels, **USUAL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = asymmetric_focal_contrastive_loss(z.requires_grad_(), labels, **USUAL)
        (with_graph,) = torch.autograd.grad(loss, z, create_graph=True)
    assert with_graph.requires_grad
    torch.testing.assert_close(with_graph.detach(), gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("integer", [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64])
def test_labels_may_be_any_integers_as_far_apart_as_their_type_allows(
    integer: torch.dtype, rng: torch.Generator
) -> None:
    z, labels = random(50, rng)
    limits = torch.iinfo(integer)
    far = torch.tensor([limits.min, limits.max, limits.max - 1], dtype=integer)[labels]
    every_second = far.repeat_interleave(2)[::2]  # not contiguous
    loss, gradient = loss_and_gradient(z, labels, **USUAL)
    far_loss, far_gradient = loss_and_gradient(z, every_second, **USUAL)
    torch.testing.assert_close(far_loss, loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(far_gradient, gradient, rtol=1e-10, atol=1e-14)


# --- Types and refusals ---


@pytest.mark.parametrize("size", [2, 12])
def test_autocast_does_not_reach_inside(size: int, rng: torch.Generator) -> None:
    z, labels = random(size, rng)
    loss, gradient = loss_and_gradient(z.float(), labels, **USUAL)
    z = z.float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss_in_autocast = asymmetric_focal_contrastive_loss(z, labels, **USUAL)
    (gradient_in_autocast,) = torch.autograd.grad(loss_in_autocast, z)
    assert loss_in_autocast.dtype == torch.float32
    assert torch.equal(loss_in_autocast, loss)
    assert torch.equal(gradient_in_autocast, gradient)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_a_half_precision_batch_is_computed_in_float32(half: torch.dtype, rng: torch.Generator) -> None:
    z, labels = random(12, rng)
    z = z.to(half)
    loss, gradient = loss_and_gradient(z, labels, **USUAL)
    loss_of_float, gradient_of_float = loss_and_gradient(z.float(), labels, **USUAL)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, loss_of_float)
    assert torch.equal(gradient, gradient_of_float.to(half))


def test_a_float64_batch_stays_float64(rng: torch.Generator) -> None:
    loss, gradient = loss_and_gradient(*random(12, rng), **USUAL)
    assert loss.dtype == gradient.dtype == torch.float64


@pytest.mark.parametrize("width", [2, 3, 16, 128, 2048])
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_rows_normalised_in_half_precision_count_as_unit(half: torch.dtype, width: int, rng: torch.Generator) -> None:
    z = normalize(torch.randn(1000, width, generator=rng).to(half), dim=1)
    asymmetric_focal_contrastive_loss(z, torch.arange(1000) % 2, **USUAL)


UNIT = normalize(torch.arange(1.0, 13.0).view(4, 3), dim=1)
LABELS = torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"z": UNIT[0]}, "z must be [N, D] of a floating type, but got [3] of torch.float32"),
        ({"z": UNIT[None]}, "z must be [N, D] of a floating type, but got [1, 4, 3] of torch.float32"),
        ({"z": UNIT.long()}, "z must be [N, D] of a floating type, but got [4, 3] of torch.int64"),
        ({"labels": LABELS[:3]}, "labels must be [N] with the N of z, but got [3] for z [4, 3]"),
        ({"labels": LABELS[:, None]}, "labels must be [N] with the N of z, but got [4, 1] for z [4, 3]"),
        ({"labels": LABELS.float()}, "labels must be integers, but got torch.float32"),
        ({"labels": LABELS.bool()}, "labels must be integers, but got torch.bool"),
        ({"z": UNIT[:1], "labels": LABELS[:1]}, "a batch needs N >= 2 rows, but got 1"),
        ({"z": UNIT[:0], "labels": LABELS[:0]}, "a batch needs N >= 2 rows, but got 0"),
        ({"eta": -1}, "eta must be finite and >= 0, but got -1"),
        ({"eta": float("inf")}, "eta must be finite and >= 0, but got inf"),
        ({"gamma": -0.5}, "gamma must be finite and >= 0, but got -0.5"),
        ({"gamma": float("nan")}, "gamma must be finite and >= 0, but got nan"),
        ({"temperature": 0}, "temperature must be finite and > 0, but got 0"),
        ({"temperature": -0.07}, "temperature must be finite and > 0, but got -0.07"),
        ({"temperature": float("inf")}, "temperature must be finite and > 0, but got inf"),
        (
            {"temperature": 1e-40},
            "(1 + eta)(1 + gamma)/min(temperature, 1) must be at most 1e+30, "
            "but got eta=60, gamma=2, temperature=1e-40",
        ),
        (
            {"eta": 1e39, "temperature": 1e300},
            "(1 + eta)(1 + gamma)/min(temperature, 1) must be at most 1e+30, "
            "but got eta=1e+39, gamma=2, temperature=1e+300",
        ),
        ({"normalize_by": "rows"}, "normalize_by must be 'batch' or 'positives', but got 'rows'"),
        ({"z": UNIT * torch.nan}, "z must be finite, but got 12 elements that are not"),
        ({"z": UNIT / torch.tensor([1, 1, 0])}, "z must be finite, but got 4 elements that are not"),
        ({"z": UNIT * 1.01}, "rows of z must have squared length 1 within 0.02, but got one off by 0.0201"),
        ({"z": UNIT * 0}, "rows of z must have squared length 1 within 0.02, but got one off by 1"),
        ({"z": UNIT * 1e30}, "rows of z must have squared length 1 within 0.02, but got one off by inf"),
    ],
)
def test_wrong_input_is_refused_in_one_line_with_rule_and_value(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refusal:
        asymmetric_focal_contrastive_loss(**{"z": UNIT, "labels": LABELS, **USUAL, **wrong})
    assert str(refusal.value) == message
    assert isinstance(refusal.value, ValueError)
