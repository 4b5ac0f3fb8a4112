"""Encoders, projection head and linear classifier.

An encoder maps images [N, channels, H, W] to features [N, feature_dim]; the projection head maps features to unit rows
for the contrastive loss and is thrown away after stage one (Khosla et al. 2020, section 3).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.config import ModelConfig
from trainers.encoder_weights import load_weights
from trainers.errors import EnvironmentProblem, InputError
from trainers.own_encoder import OwnEncoder
from trainers.own_parts import is_path
from trainers.timm_encoder import TIMM, TimmEncoder


class SmallEncoder(nn.Module):
    """Three blocks of 3×3 convolution, BatchNorm, 2×2 pooling and ReLU, then the mean over positions.

    Takes any image of 8×8 pixels or more; features are [N, 4 · width].
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width]
        self.blocks = nn.Sequential(*[_block(*pair) for pair in pairwise(widths)])
        self.feature_dim = widths[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, channels, H, W] to features [N, feature_dim]."""
        return cast(Tensor, self.blocks(images).mean((2, 3)))


def _block(inputs: int, outputs: int) -> nn.Sequential:
    # pooling before ReLU: the same value and gradient to the bit as after it, for a quarter of ReLU's work
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
    )


SMALLEST = {"small": 8}  # the smallest side in pixels: `small` halves it three times; a ResNet pads and takes any


def refuse_small_images(config: ModelConfig, shape: Sequence[int]) -> None:
    """Raise InputError if the config's encoder cannot take images of this shape: [..., height, width]."""
    height, width = shape[-2:]
    least = SMALLEST.get(config.encoder, 1)
    if min(height, width) < least:
        raise InputError(
            f"model.encoder: {config.encoder} needs images of {least}×{least} pixels or more, but these are "
            f"{width}×{height}; set data.image_size if they are files, or take a ResNet"
        )


class ResNetEncoder(nn.Module):
    """torchvision's ResNet without its last layer, with a stem and a channel count that suit the images."""

    def __init__(self, name: str, channels: int, stem: str, pretrained: bool) -> None:
        super().__init__()
        self.net = _torchvision_resnet(name, pretrained)
        self.feature_dim = int(self.net.fc.in_features)
        self.net.fc = nn.Identity()
        if stem == "small":  # the ImageNet stem would shrink 28×28 pixels to 1×1 before the last stage
            self.net.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
            self.net.maxpool = nn.Identity()
        elif channels != 3:
            colour = self.net.conv1.weight.detach()
            self.net.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
            if pretrained:  # so that a grey image gives the same activations as the same image in equal RGB
                self.net.conv1.weight.data.copy_(colour.sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, channels, H, W] to features [N, feature_dim]."""
        return cast(Tensor, self.net(images))


def _torchvision_resnet(name: str, pretrained: bool) -> Any:
    from torchvision.models import get_model  # 2 s to import: only trials with a ResNet pay for it

    try:
        return get_model(name, weights="DEFAULT" if pretrained else None)
    except OSError as error:  # urllib's URLError is one: no network, or the download broke off
        raise EnvironmentProblem(
            f"model.pretrained: cannot download torchvision's weights for {name} ({error}); "
            f"fetch them where there is a network into TORCH_HOME, or set model.pretrained=false"
        ) from None


Encoder: TypeAlias = SmallEncoder | ResNetEncoder | TimmEncoder | OwnEncoder


class ProjectionHead(nn.Module):
    """Linear, ReLU, Linear, then unit length: the rows that the contrastive loss takes."""

    def __init__(self, feature_dim: int, projection_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(feature_dim, feature_dim), nn.ReLU(), nn.Linear(feature_dim, projection_dim)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features [N, feature_dim] to unit rows [N, projection_dim], float32 even under autocast."""
        return functional.normalize(self.layers(features).float(), dim=1)


class LinearClassifier(nn.Module):
    """One linear layer on standardised features.

    The scale of an encoder's features depends on η, γ and τ, but one learning rate must suit them all. So
    `standardise_by` takes mean and scale from the training features. Until it is called, features are used as they are.
    """

    def __init__(self, feature_dim: int, classes: int) -> None:
        super().__init__()
        # skips torch's own initialisation, which would draw from the global generator and be overwritten
        self.linear = nn.utils.skip_init(nn.Linear, feature_dim, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(feature_dim))
        self.register_buffer("scale", torch.ones(feature_dim))

    def standardise_by(self, features: Tensor) -> None:
        """Take mean and scale from training features [N, feature_dim]."""
        self.mean.copy_(features.mean(0))
        # a constant feature (a dead ReLU) is not scaled: its deviation is 0
        deviation = features.std(0, correction=0)
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))

    def forward(self, features: Tensor) -> Tensor:
        """Features [N, feature_dim] to logits [N, classes]."""
        return cast(Tensor, self.linear((features - self.mean) / self.scale))


def build_encoder(config: ModelConfig, channels: int, seed: int) -> Encoder:
    """A fresh encoder, determined by the config, the weights that it names and the seed.

    Raises InputError if a file of weights or the user's own encoder cannot be used, EnvironmentProblem if a download
    fails.
    """
    weights = config.pretrained if isinstance(config.pretrained, str) else None
    downloaded = config.pretrained is True

    def build() -> Encoder:
        if config.encoder == "small":
            return SmallEncoder(channels, config.width)
        if config.encoder.startswith(TIMM):
            return TimmEncoder(config.encoder.removeprefix(TIMM), channels, downloaded)
        if is_path(config.encoder):
            return OwnEncoder(config.encoder, channels)
        return ResNetEncoder(config.encoder, channels, config.stem, downloaded)

    encoder = _seeded(seed, build)
    if weights is not None:
        load_weights(encoder, weights)
    return encoder


def build_projection(config: ModelConfig, feature_dim: int, seed: int) -> ProjectionHead:
    """A fresh projection head whose weights depend on the config and the seed alone."""
    return _seeded(seed, lambda: ProjectionHead(feature_dim, config.projection_dim))


def build_head(feature_dim: int, classes: int, seed: int) -> LinearClassifier:
    """A fresh linear classifier on unstandardised features, initialised as torch's linear layer is."""
    head = LinearClassifier(feature_dim, classes)
    head.linear.load_state_dict(_seeded(seed, lambda: nn.Linear(feature_dim, classes)).state_dict())
    return head


Built = TypeVar("Built", bound=nn.Module)


def _seeded(seed: int, build: Callable[[], Built]) -> Built:
    # torch's initialisers draw from the global generator: seed it here, and restore it afterwards
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
