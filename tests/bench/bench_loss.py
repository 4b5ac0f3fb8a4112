"""The loss, forward and backward, against the published formula in its plain form and against SupConLoss."""

from collections.abc import Iterator
from functools import partial

import torch
from measure import Row, Say, in_turns, peak_mb, rows_of
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor
from torch.nn.functional import normalize

from trainers.losses import asymmetric_focal_contrastive_loss

SIZES = {256: 3.0, 512: 3.0, 1024: 6.0, 2048: 8.0, 4096: 20.0}  # rows in a batch, seconds to spend on it
LARGE = 16_384  # ours alone: the others would need 16 GB
D = 128
POINT = {"eta": 60.0, "gamma": 2.0, "temperature": 0.07}


def rows(say: Say) -> Iterator[Row]:
    """Time and peak memory at each size, then of ours at a size that no N×N matrix allows."""
    for size, seconds in SIZES.items():
        for what, sides in comparisons(size).items():
            say(f"{what}, N={size}")
            yield from rows_of("loss", f"{what}, N={size}", in_turns(sides, seconds / 2))
            other = next(name for name in sides if name != "ours")
            ours_mb, other_mb = (peak_mb(sides[name]) for name in ("ours", other))
            yield Row.of("loss", f"{what}, N={size}, peak memory", [ours_mb], other, [other_mb], "MB")
    say(f"AFCL, N={LARGE}")
    loss = partial(asymmetric_focal_contrastive_loss, **POINT)
    size = max(SIZES)
    sides = {"ours": step(loss, *batch(LARGE)), f"ours at N={size}": step(loss, *batch(size))}
    yield from rows_of("loss", f"AFCL, N={LARGE}", in_turns(sides, 0.0))
    one_matrix = LARGE**2 * 4 / 2**20
    what = f"AFCL, N={LARGE}, peak memory"
    yield Row.of("loss", what, [peak_mb(sides["ours"])], "one N×N matrix", [one_matrix], "MB")


def comparisons(size: int) -> dict[str, dict]:
    """The AFCL against its published form, and its corner, the CL, against SupConLoss, on the same batch."""
    z, labels = batch(size)
    ours = partial(asymmetric_focal_contrastive_loss, **POINT)
    published = partial(published_form, **POINT)
    corner = partial(asymmetric_focal_contrastive_loss, eta=0.0, gamma=0.0, temperature=0.07, normalize_by="positives")
    supcon = SupConLoss(temperature=0.07)
    # the same numbers first: a quick loss that computes something else would win nothing
    torch.testing.assert_close(ours(z, labels), published(z, labels), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(corner(z, labels), supcon(z, labels), rtol=1e-3, atol=1e-5)
    return {
        "AFCL": {"ours": step(ours, z, labels), "published form": step(published, z, labels)},
        "CL": {"ours": step(corner, z, labels), "SupConLoss": step(supcon, z, labels)},
    }


def batch(size: int) -> tuple[Tensor, Tensor]:
    """Unit rows and the labels of two classes, 90:10; each class has enough rows that all anchors have positives."""
    generator = torch.Generator().manual_seed(0)
    z = normalize(torch.randn(size, D, generator=generator), dim=1)
    labels = (torch.arange(size) % 10 == 0).long()
    return z.requires_grad_(), labels


def step(loss, z: Tensor, labels: Tensor):
    """One forward and backward pass, as a function of nothing."""

    def run() -> None:
        z.grad = None
        loss(z, labels).backward()

    return run


def published_form(z: Tensor, labels: Tensor, *, eta: float, gamma: float, temperature: float) -> Tensor:
    """The formula as the paper states it, term by term, with none of the care for p near 1."""
    itself = torch.eye(len(z), dtype=torch.bool)
    same = labels.unsqueeze(1) == labels
    similarity = torch.exp(z @ z.T / temperature).masked_fill(itself, 0)
    p = similarity / similarity.sum(1, keepdim=True)
    positive = (same & ~itself) * (1 - p) ** gamma * torch.log(p.masked_fill(itself, 1))
    negative = ~same * torch.log(1 - p)
    return -(positive.mean(1) + eta * negative.mean(1)).mean()
