"""The loss, forward and backward, against the published formula in its plain form and against SupConLoss."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from measure import Row, Say, available_mb, in_turns, peak_mb, rows_of, settled, where
from published_form import published_form
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor
from torch.nn.functional import normalize

from trainers.losses.afcl import asymmetric_focal_contrastive_loss

# rows in a batch -> seconds to spend on it, and how many runs of each side at least
SIZES = {256: (3.0, 5), 512: (3.0, 5), 1024: (6.0, 5), 2048: (8.0, 5), 4096: (16.0, 5), 8192: (0.0, 2)}
LARGEST = 16_384  # once each, and only what fits into memory
HEADROOM = 1.25  # memory that must be free, as a multiple of what the tensors of the other side take
D = 128
POINT = {"eta": 60.0, "gamma": 2.0, "temperature": 0.07}


def rows(say: Say) -> Iterator[Row]:
    """Time and peak memory at each size; at the largest a side whose matrices do not fit is said to need so much."""
    needed: dict[str, float] = {}  # MB at the size before, by side
    for size, (seconds, runs) in SIZES.items():
        for what, (ours, name, other) in comparisons(size).items():
            say(f"{what}, N={size}")
            sides = {"ours": ours, name: other}
            yield from rows_of("loss", f"{what}, N={size}", in_turns(sides, seconds / 2, at_least=runs))
            needed[name] = peak_mb(other)
            yield Row.of("loss", f"{what}, N={size}, peak memory", [peak_mb(ours)], name, [needed[name]], "MB")
    growth = (LARGEST / max(SIZES)) ** 2
    for what, (ours, name, other) in comparisons(LARGEST, check=False).items():
        say(f"{what}, N={LARGEST}")
        memory = needed[name] * growth
        if fits := memory * HEADROOM <= available_mb():
            milliseconds, memory = _once(other)
        ours_milliseconds, ours_memory = _once(ours)
        if fits:
            yield Row.of("loss", f"{what}, N={LARGEST}", [ours_milliseconds], name, [milliseconds], "ms")
        else:  # against itself at the size before: N² grows fourfold
            before, _, _ = comparisons(max(SIZES), check=False)[what]
            alone = f"ours at N={max(SIZES)}; {name} does not fit into memory"
            yield Row.of("loss", f"{what}, N={LARGEST}", [ours_milliseconds], alone, [_once(before)[0]], "ms")
            name += ", reckoned from the size before"
        yield Row.of("loss", f"{what}, N={LARGEST}, peak memory", [ours_memory], name, [memory], "MB")


def _once(run: Callable[[], None]) -> tuple[float, float]:
    """One run: its milliseconds and its peak memory in MB. Counting takes microseconds of seconds here."""
    started = time.perf_counter()
    memory = peak_mb(lambda: settled(run))
    return 1000 * (time.perf_counter() - started), memory


Step = Callable[[], None]


def comparisons(size: int, *, check: bool = True) -> dict[str, tuple[Step, str, Step]]:
    """The AFCL against its published form, and its corner, the CL, against SupConLoss, on the same batch."""
    z, labels = batch(size)
    ours = partial(asymmetric_focal_contrastive_loss, **POINT)
    published = partial(published_form, **POINT)
    corner = partial(asymmetric_focal_contrastive_loss, eta=0.0, gamma=0.0, temperature=0.07, normalize_by="positives")
    supcon = SupConLoss(temperature=0.07)
    if check:  # the same numbers first: a quick loss that computes something else would win nothing
        torch.testing.assert_close(ours(z, labels), published(z, labels), rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(corner(z, labels), supcon(z, labels), rtol=1e-3, atol=1e-5)
    return {
        "AFCL": (step(ours, z, labels), "published form", step(published, z, labels)),
        "CL": (step(corner, z, labels), "SupConLoss", step(supcon, z, labels)),
    }


def batch(size: int) -> tuple[Tensor, Tensor]:
    """Unit rows and the labels of two classes, 90:10; each class has enough rows that all anchors have positives."""
    generator = torch.Generator().manual_seed(0)
    z = normalize(torch.randn(size, D, generator=generator), dim=1)
    labels = (torch.arange(size) % 10 == 0).long()
    return z.to(where()).requires_grad_(), labels.to(where())


def step(loss, z: Tensor, labels: Tensor) -> Step:
    """One forward and backward pass, as a function of nothing."""

    def run() -> None:
        z.grad = None
        loss(z, labels).backward()

    return run
