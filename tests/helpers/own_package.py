"""A package of a user's own with parts of every kind, written into a folder and put on the path."""

import importlib
import sys
from pathlib import Path

from trainers.own_parts import source_hash

MODELS = '''"""Encoders."""
import torch
from torch import nn


class Tiny(nn.Module):
    """A linear map of the image."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, 12), nn.ReLU())
        self.feature_dim = 12

    def forward(self, images):
        return self.layers(images)


def build(channels):
    return Tiny(channels)


def raises(channels):
    raise RuntimeError("out of\\nideas")


def no_module(channels):
    return 3


def no_dim(channels):
    return nn.Flatten()


class Wrong(Tiny):
    def forward(self, images):
        return self.layers(images)[:, :5]


class Endless(Tiny):
    def forward(self, images):
        return self.layers(images) / 0


class Choosy(Tiny):
    def forward(self, images):
        raise ValueError("only 224 pixels")


class Frozen(Tiny):
    def forward(self, images):
        return super().forward(images).detach()


class OneDimensional(Tiny):
    def __init__(self, channels):
        super().__init__(channels)
        self.layers = nn.Sequential(self.layers, nn.BatchNorm1d(12))


class Keeper(Tiny):
    def get_extra_state(self):
        return {"anything": 1}

    def set_extra_state(self, state):
        pass
'''


LOSSES = '''"""Losses."""
import torch


def triplet(z, labels, *, margin: float = 0.3):
    """The mean over pairs of different labels of what is nearer than the margin, and of the same label, of the rest."""
    near = z @ z.T
    same = labels[:, None] == labels
    pull = (1 - near)[same].mean()
    push = torch.relu(near - 1 + margin)[~same].sum() / max(1, int((~same).sum()))
    return pull + push


def other(z, labels, *, weight=1.0):
    return weight * triplet(z, labels)


def asks(z, labels, *, images, class_counts, generator, scale=1.0):
    drawn = torch.rand(len(z), generator=generator).to(z.device)
    same = images[:, None] == images
    return scale * ((1 - z @ z.T) * same * drawn / class_counts[labels]).sum() / len(z)


def raises(z, labels):
    raise ValueError("no\\nluck")


def vector(z, labels):
    return z.sum(1)


def number(z, labels):
    return 0.5


def endless(z, labels):
    return z.sum() / 0


def constant(z, labels):
    return torch.tensor(1.0)


def elsewhere(z, labels):
    return torch.ones(3, requires_grad=True).sum()


def steep(z, labels):
    return (z - z.detach()).abs().sqrt().sum()


def needs_two(z, labels):
    """Written for batches in which each class has several rows: 0 / 0 elsewhere."""
    positive = (labels[:, None] == labels).float().fill_diagonal_(0)
    negative = 1 - (labels[:, None] == labels).float()
    return ((z @ z.T) * negative).sum() / negative.sum() - ((z @ z.T) * positive).sum() / positive.sum()


def drawn(z, labels):
    return z.sum() * torch.rand(())


def needs(z, labels, *, margin):
    return margin * z.sum()


def picky(z, labels, *, margin=0.3):
    if not 0 < margin <= 0.5:
        raise ValueError(f"margin must be in (0, 0.5], but got {margin}")
    return triplet(z, labels, margin=margin)


class Weighted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, z, labels):
        return z.sum()


weighted = Weighted()
three = 3


def CL(z, labels):
    return z.sum()
'''


SAMPLERS = '''"""Samplers."""
import itertools

import numpy as np

count = itertools.count()


def propose(space, told, *, seed):
    """The best so far, or a draw where there is none: with one field drawn anew."""
    draws = np.random.default_rng(seed)
    drawn = {path: one.sample(draws) for path, one in space.items()}
    best = max((one for one in told if one.state == "finished"), key=lambda one: one.value, default=None)
    if best is None or draws.random() < 0.3:
        return drawn
    path = sorted(space)[int(draws.integers(len(space)))]
    return {**best.values, path: drawn[path]}


def of_numpy(space, told, *, seed):
    return {path: np.float64(one.low) for path, one in space.items()}


def raises(space, told, *, seed):
    raise RuntimeError("no\\nidea")


def raises_later(space, told, *, seed):
    if any(one.number > 10 for one in told):
        raise RuntimeError("out of ideas")
    return propose(space, told, seed=seed)


def a_list(space, told, *, seed):
    return [1]


def lacks(space, told, *, seed):
    return dict(list(propose(space, [], seed=seed).items())[1:])


def more(space, told, *, seed):
    return propose(space, [], seed=seed) | {"loss.temprature": 1.0}


def outside(space, told, *, seed):
    return {path: 1e9 for path in space}


def not_a_number(space, told, *, seed):
    return {path: float("nan") for path in space}


def counts(space, told, *, seed):
    draws = np.random.default_rng(next(count))
    return {path: one.sample(draws) for path, one in space.items()}


def asks(space, told, *, seed, slots, search, tried, memory):
    global asked
    memory["calls"] = memory.get("calls", 0) + 1
    asked = (slots, search, tried, memory)
    return propose(space, told, seed=seed)


def remembers(space, told, *, seed, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    return propose(space, [], seed=seed + memory["calls"])


three = 3
'''


DATA = '''"""Noise that is darker or lighter."""
import numpy as np


def load(split, path):
    number = 120 if split == "train" else 40
    labels = np.arange(number) % 2
    noise = np.random.default_rng(number).integers(0, 120, (number, 1, 8, 8))
    names = ["dark" if one == 0 else "light" for one in labels]
    return (noise + 60 * labels[:, None, None, None]).astype(np.uint8), names


def read_image(path):
    image = np.load(path)
    if image.shape != (8, 8):
        raise ValueError(f"{image.shape} is not what I know")
    return image
'''


def write_package(folder: Path, name: str, monkeypatch) -> Path:
    """The package's folder; it is importable until the test ends."""
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(MODELS)
    (package / "losses.py").write_text(LOSSES)
    (package / "samplers.py").write_text(SAMPLERS)
    (package / "data.py").write_text(DATA)
    monkeypatch.syspath_prepend(str(folder))
    forget(name)
    return package


def forget(name: str) -> None:
    """Have the package read anew, as another process would."""
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]
    importlib.invalidate_caches()
    source_hash.cache_clear()
