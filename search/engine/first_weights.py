"""The file that encoders begin with (`model.pretrained`): tried before the first trial, and kept by its hash."""

from trainers.config import ModelConfig
from trainers.encoder_weights import with_hash
from trainers.models import build_encoder


def with_first_weights(model: ModelConfig, channels: int) -> ModelConfig:
    """The section with that file's whole path and hash; the same section where it names no file.

    Args:
        model: the spec's section.
        channels: of the images.

    Raises:
        InputError: the file is not there, is another than the search began with, or is of another encoder.
    """
    if not isinstance(model.pretrained, str):
        return model
    kept = model.model_copy(update={"pretrained": with_hash(model.pretrained)})
    build_encoder(kept, channels, seed=0)
    return kept
