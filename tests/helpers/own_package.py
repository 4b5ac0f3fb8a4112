"""A package of a user's own with encoders and a dataset, written into a folder and put on the path."""

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


DATA = '''"""Noise that is darker or lighter."""
import numpy as np


def load(split, path):
    number = 120 if split == "train" else 40
    labels = np.arange(number) % 2
    noise = np.random.default_rng(number).integers(0, 120, (number, 1, 8, 8))
    names = ["dark" if one == 0 else "light" for one in labels]
    return (noise + 60 * labels[:, None, None, None]).astype(np.uint8), names
'''


def write_package(folder: Path, name: str, monkeypatch) -> Path:
    """The package's folder; it is importable until the test ends."""
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(MODELS)
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
