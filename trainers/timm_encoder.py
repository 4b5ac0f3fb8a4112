"""An encoder of timm, by its name there: `model.encoder: timm:resnet18d`. timm comes with the extra `timm`."""

from typing import Any

from torch import Tensor, nn

from trainers.errors import EnvironmentProblem, InputError
from trainers.wording import did_you_mean

TIMM = "timm:"  # what the name of such an encoder begins with


class TimmEncoder(nn.Module):
    """A model of timm without its classifier."""

    def __init__(self, name: str, channels: int, pretrained: bool) -> None:
        """Raises InputError for a name that timm does not know, EnvironmentProblem without timm or its weights."""
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
