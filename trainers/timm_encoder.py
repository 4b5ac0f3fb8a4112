"""An encoder from timm, by timm's name: `model.encoder: timm:resnet18d`. The extra `timm` installs timm."""

from typing import Any

from torch import Tensor, nn

from trainers.errors import EnvironmentProblem, InputError
from trainers.wording import did_you_mean

TIMM = "timm:"  # the prefix of such an encoder's name


class TimmEncoder(nn.Module):
    """A timm model without its classifier."""

    def __init__(self, name: str, channels: int, pretrained: bool) -> None:
        """Create the model.

        Args:
            name: timm's name of the model, without the prefix.
            channels: the number of channels of an image.
            pretrained: whether to begin with timm's weights, which are downloaded.

        Raises:
            InputError: timm has no model of that name.
            EnvironmentProblem: timm is not installed, or its weights cannot be downloaded.
        """
        super().__init__()
        try:
            import timm
        except ModuleNotFoundError:
            raise EnvironmentProblem(
                f"model.encoder: {TIMM}{name} needs timm; install it with: pip install 'afcl-search[timm]'"
            ) from None
        if not timm.is_model(name):
            raise InputError(
                f"model.encoder: timm has no model {name}{did_you_mean(name, timm.list_models(), else_all=False)}"
            )
        try:
            net: Any = timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=channels)
        except OSError as error:
            raise EnvironmentProblem(
                f"model.pretrained: cannot download timm's weights for {name} ({error}); set it to a file or to false"
            ) from None
        self.net, self.feature_dim = net, int(net.num_features)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, channels, H, W] to features [N, feature_dim]."""
        features: Tensor = self.net(images)
        return features
