"""Load a user's own encoder by its import path, and check before the first trial that an encoder works."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from trainers.errors import InputError
from trainers.own_parts import load_part

FIELD = "model.encoder"


@runtime_checkable
class Encoder(Protocol):
    """A module that maps images [N, C, H, W] float32 to features [N, feature_dim].

    `mypkg.models:build` names a function or a class that takes the number of channels and returns an encoder. The
    encoder's weights should be drawn from torch's global generator, which is seeded before the call.

    Attributes:
        feature_dim: the number of features of an image.
    """

    feature_dim: int

    def __call__(self, images: Tensor) -> Tensor: ...  # noqa: D102


class OwnEncoder(nn.Module):
    """Wraps the module that `mypkg.models:build` returns, as `net`."""

    def __init__(self, name: str, channels: int) -> None:
        """Import and build the encoder.

        Args:
            name: the import path of the function that builds the encoder, with or without a hash.
            channels: the number of channels of an image.

        Raises:
            InputError: the encoder cannot be imported or built, or is not a module with a `feature_dim`.
        """
        super().__init__()
        path, build = name.partition("#")[0], load_part(FIELD, name)
        try:
            net = build(channels)
        except Exception as error:  # a user's code may raise anything
            raise InputError(f"{FIELD}: {path}({channels}) raises {_told(error)}") from None
        if not isinstance(net, nn.Module):
            raise InputError(f"{FIELD}: {path} must return a torch.nn.Module, but gave {type(net).__name__}")
        dim = getattr(net, "feature_dim", None)
        if not isinstance(dim, int) or dim < 1:
            raise InputError(
                f"{FIELD}: what {path} returns needs feature_dim, a whole number: how many features it gives"
            )
        self.net, self.feature_dim = net, dim

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, channels, H, W] to features [N, feature_dim]."""
        features: Tensor = self.net(images)
        return features


def try_encoder(name: str, encoder: nn.Module, shape: Sequence[int]) -> None:
    """Check an encoder by passing two random images through it.

    Args:
        name: the encoder's name, for messages.
        encoder: an untrained encoder.
        shape: an image's shape, [C, H, W].

    Raises:
        InputError: the encoder raises an error, or its features have another shape than [2, feature_dim], are not
            finite or have no gradient, or its state dict contains anything but tensors.
    """
    path, dim = name.partition("#")[0], getattr(encoder, "feature_dim", 0)
    encoder.train()
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    try:
        features = encoder(images)
    except Exception as error:
        raise InputError(f"{FIELD}: {path} cannot take images of {list(shape)}: it raises {_told(error)}") from None
    if not isinstance(features, Tensor) or features.shape != (2, dim):
        gave = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise InputError(f"{FIELD}: {path} must map 2 images to features of [2, feature_dim = {dim}], but gave {gave}")
    if not torch.isfinite(features).all():
        raise InputError(f"{FIELD}: {path} gives features that are not finite")
    if not features.requires_grad:
        raise InputError(f"{FIELD}: {path} has nothing to train: no gradient comes through it")
    strays = [key for key, value in encoder.state_dict().items() if not isinstance(value, Tensor)]
    if strays:
        raise InputError(f"{FIELD}: the state dict of {path} may contain only tensors, but {strays[0]} is not a tensor")


def _told(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__
