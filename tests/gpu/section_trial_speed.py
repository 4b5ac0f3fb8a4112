"""A whole trial against the passes of its encoder alone, as shares of what the card can do."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from bench_trial import encoder_alone, whole_trial
from measure import compute_on
from rows import Row
from setting import Setting, generated, quiet, trial
from torch.profiler import ProfilerActivity, profile

from trainers.config import TrialConfig
from trainers.data import TrialData
from trainers.pipeline import run_trial

# encoder -> the model's section, an image's shape, training images, epochs of both stages, the goal for the ratio
CASES: dict[str, tuple[dict[str, Any], tuple[int, int, int], int, tuple[int, int], float | None]] = {
    "ResNet-18 at 28": ({"encoder": "resnet18"}, (1, 28, 28), 6000, (4, 10), 1.10),
    "ResNet-18 at 224": ({"encoder": "resnet18", "stem": "imagenet"}, (3, 224, 224), 2000, (3, 10), 1.10),
    "small at 28, width 16": ({"width": 16}, (1, 28, 28), 6000, (4, 10), None),
    "small at 28, width 8, the demo's 1,000": ({"width": 8}, (1, 28, 28), 1000, (16, 20), None),
}
PRODUCT = 8192  # side of the matrices whose product tells the card's rate


def rows(setting: Setting) -> Iterator[Row]:
    """The card's own rate first; then each encoder."""
    compute_on(setting.device.type)
    rate = _bfloat16_rate(setting)
    yield Row("the card's bfloat16 rate, a product of 8192×8192", rate / 1e12, "TFLOP/s")
    for name, (model, shape, images, epochs, goal) in CASES.items():
        shape = setting.pick(shape, (shape[0], 16, 16))
        images, epochs = setting.pick((images, epochs), (60, (1, 1)))
        data = generated(images, setting.pick(500, 20), shape)
        config = trial(
            model=setting.pick(model, {"width": 2}),
            representation={"epochs": epochs[0], "batch_size": 256, "augment": {"crop_scale": 0.6, "flip": 0.5}},
            classifier={"epochs": epochs[1]},
        )
        yield from _ratio(name, config, data, setting, goal if setting.on_gpu else None)
        yield from _stages(name, config, data, setting, rate)


def _ratio(name: str, config: TrialConfig, data: TrialData, setting: Setting, goal: float | None) -> Iterator[Row]:
    alone = encoder_alone(config, data)
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_trial(config, data, Path(folder))
        ours = setting.milliseconds(whole, seconds=4, at_most=5)
    passes = setting.milliseconds(alone, seconds=3, at_most=5)
    yield Row(f"{name}: trial", ours, "ms")
    yield Row(f"{name}: its encoder's passes alone", passes, "ms")
    yield Row(f"{name}: trial against its encoder's passes", ours / passes, "of their time", at_most=goal)


def _stages(name: str, config: TrialConfig, data: TrialData, setting: Setting, rate: float) -> Iterator[Row]:
    """Where the time of one trial goes, by its own metrics, and how long the GPU waits for the host."""
    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        whole_trial(config, data, Path(folder))()
        run_trial(config, data, lambda step, metrics: told.append(dict(metrics)), device=setting.device)
    stage_one = [one for one in told if "probe_seconds" in one]
    steady = stage_one[-1]
    yield Row(f"{name}: stage one", steady["images_per_second"], "rows/s", note="views counted apart, the last epoch")
    yield Row(f"{name}: an epoch of stage one without its probe", 1000 * steady["epoch_seconds"], "ms")
    yield Row(f"{name}: its probe", 1000 * steady["probe_seconds"], "ms")
    yield Row(f"{name}: an epoch of stage two", 1000 * told[-1]["epoch_seconds"], "ms")
    if not setting.on_gpu:
        return
    flops = 3 * _forward_flops(config, data)  # backward is twice forward
    achieved = flops * steady["images_per_second"]
    yield Row(f"{name}: stage one's rate", achieved / rate, "of the card's", note=f"{achieved / 1e12:.3g} TFLOP/s")
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        run_trial(config, data, quiet, device=setting.device)
        setting.wait()
    spans = sorted((event.time_range.start, event.time_range.end) for event in seen.events())
    busy = reach = 0.0
    for start, end in spans:
        busy += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    if spans:
        yield Row(f"{name}: the GPU waits for the host", 1 - busy / (reach - spans[0][0]), "of the trial")


def _forward_flops(config: TrialConfig, data: TrialData) -> float:
    """Of one image through the encoder, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    from trainers.models import build_encoder

    encoder = build_encoder(config.model, data.train.images.shape[1], 0).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(torch.zeros(1, *data.train.images.shape[1:]))
    return float(counter.get_total_flops())


def _bfloat16_rate(setting: Setting) -> float:
    side = setting.pick(PRODUCT, 64)
    one, other = (torch.randn(side, side, device=setting.device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / (setting.milliseconds(lambda: one @ other) / 1000)
