"""What takes longest to prepare: torch.compile of the losses and of an encoder, ResNet-50, kornia."""

import importlib.util
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from plain_loop import supcon_loss
from published_form import published_form
from rows import Row
from section_loss_speed import POINT, _batch
from setting import Setting, generated, trial

from trainers.compute.precision import full_float32
from trainers.data.transforms.augment import augment
from trainers.pipeline import run_trial


def rows(setting: Setting) -> Iterator[Row]:
    """The most telling first: a deadline may cut the rest off."""
    yield from _trials(setting)
    yield from _compiled_losses(setting)
    yield from _kornia(setting)


def _trials(setting: Setting) -> Iterator[Row]:
    cases: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
        "ResNet-50 at 224": ({"encoder": "resnet50", "stem": "imagenet"}, (3, 224, 224)),
        "ResNet-18 at 28, compiled": ({"encoder": "resnet18", "compile": True}, (1, 28, 28)),
    }
    for name, (model, shape) in cases.items():
        if setting.quick and "compiled" in name:
            continue
        data = generated(setting.pick(1024, 20), 64, setting.pick(shape, (shape[0], 16, 16)))
        told: list[dict[str, float]] = []
        config = trial(
            model=setting.pick(model, {"width": 2}),
            representation={"epochs": setting.pick(3, 1), "batch_size": 128, "augment": {}},
            classifier={"epochs": 1},
        )
        started = time.perf_counter()
        run_trial(config, data, lambda step, metrics, told=told: told.append(dict(metrics)), device=setting.device)
        steady = told[config.representation.epochs - 1]
        note = f"the whole trial took {time.perf_counter() - started:.1f} s"
        yield Row(f"{name}: stage one", steady["images_per_second"], "rows/s", note=note)


def _compiled_losses(setting: Setting) -> Iterator[Row]:
    if setting.quick:
        return
    z, labels = _batch(4096, setting)
    forms = {
        "published form": partial(published_form, **POINT),
        "SupConLoss's form": partial(supcon_loss, temperature=0.07),
    }
    for name, loss in forms.items():
        compiled = torch.compile(loss)

        def step(compiled=compiled) -> None:
            z.grad = None
            with full_float32():
                compiled(z, labels).backward()

        started = time.perf_counter()
        step()
        note = f"after {time.perf_counter() - started:.1f} s of compiling"
        yield Row(f"N=4096, {name} under torch.compile", setting.milliseconds(step), "ms", note=note)


def _kornia(setting: Setting) -> Iterator[Row]:
    if importlib.util.find_spec("kornia") is None:
        yield Row("kornia's augmentation", "not installed here")
        return
    from bench_augment import CONFIG
    from bench_augment import _kornia as kornia_step

    images = torch.randint(256, (setting.pick(512, 4), 1, 28, 28), dtype=torch.uint8).to(setting.device)
    ours = setting.milliseconds(lambda: augment(images, CONFIG, torch.Generator().manual_seed(0)))
    yield Row("28×28: ours against kornia", ours / setting.milliseconds(kornia_step(images)), "of its time")
