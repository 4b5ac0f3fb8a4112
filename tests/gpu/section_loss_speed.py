"""The loss, forward and backward, on the device: time and peak memory against the forms that keep [N, N] matrices."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from plain_loop import supcon_loss
from published_form import published_form
from rows import Row
from setting import Setting
from torch import Tensor
from torch.nn.functional import normalize

from trainers.compute.precision import full_float32
from trainers.losses.afcl import asymmetric_focal_contrastive_loss

D = 128
POINT = {"eta": 60.0, "gamma": 2.0, "temperature": 0.07}
SIZES = (256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536)
GIB = 1 << 30


def rows(setting: Setting) -> Iterator[Row]:
    """Ours, then the published form, then SupConLoss's form; one that does not fit is out of memory."""
    for size in setting.pick(SIZES, (64,)):
        z, labels = _batch(size, setting)
        ours = partial(asymmetric_focal_contrastive_loss, **POINT)
        sides: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "ours": ours,
            "published form": partial(published_form, **POINT),
            "SupConLoss's form": partial(supcon_loss, temperature=POINT["temperature"]),
        }
        times: dict[str, float] = {}
        for name, loss in sides.items():
            yield from _measured(name, loss, z, labels, setting, times)
        if "published form" in times:
            ratio, goal = times["ours"] / times["published form"], 0.5 if size == 4096 and setting.on_gpu else None
            yield Row(f"N={size}, ours against the published form", ratio, "of its time", at_most=goal)
        if "SupConLoss's form" in times:
            yield Row(
                f"N={size}, ours against SupConLoss's form", times["ours"] / times["SupConLoss's form"], "of its time"
            )


def _batch(size: int, setting: Setting) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    z = normalize(torch.randn(size, D, generator=draws), dim=1)
    return z.to(setting.device).requires_grad_(), (torch.arange(size) % 10 == 0).long().to(setting.device)


def _measured(
    name: str,
    loss: Callable[[Tensor, Tensor], Tensor],
    z: Tensor,
    labels: Tensor,
    setting: Setting,
    times: dict[str, float],
) -> Iterator[Row]:
    def step() -> None:
        z.grad = None
        with full_float32():
            loss(z, labels).backward()

    what, largest = f"N={len(z)}, {name}", name == "ours" and len(z) == SIZES[-1]
    try:
        peak = setting.peak_bytes(step) / GIB
        times[name] = setting.milliseconds(step, seconds=0.25)
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        yield Row(what, "out of memory")
        return
    yield Row(what, times[name], "ms")
    if setting.on_gpu:
        yield Row(f"{what}, peak memory", peak, "GiB", at_most=8 if largest else None)
