"""The encoder that trials begin with: own parts and files are tried before the first trial, and kept by their hash."""

from collections.abc import Mapping, Sequence

from spaces.ranges import Choice, Range
from trainers.config import ModelConfig
from trainers.encoder_weights import with_hash
from trainers.models import build_encoder
from trainers.own_encoder import FIELD, try_encoder
from trainers.own_parts import is_path, with_source_hash
from trainers.timm_encoder import TIMM


def tried_model(model: ModelConfig, shape: Sequence[int]) -> ModelConfig:
    """The section with the hash of an encoder of one's own, and of the file that it begins with; else as it was.

    Args:
        model: the spec's section.
        shape: of an image, [C, H, W].

    Raises:
        InputError: the encoder cannot be imported, is another than the search began with or does not do what one must;
            or the file is not there, is another, or is of another encoder.
        EnvironmentProblem: timm is not installed, or its weights cannot be had.
    """
    is_own, has_file = is_path(model.encoder), isinstance(model.pretrained, str)
    kept = model
    if is_own:
        kept = kept.model_copy(update={"encoder": with_source_hash(FIELD, model.encoder)})
    if isinstance(model.pretrained, str):
        kept = kept.model_copy(update={"pretrained": with_hash(model.pretrained)})
    if is_own or has_file or model.encoder.startswith(TIMM):
        encoder = build_encoder(kept, shape[0], seed=0)
        try_encoder(kept.encoder, encoder, shape)
    return kept


def tried_space(space: Mapping[str, Range], model: ModelConfig, shape: Sequence[int]) -> dict[str, Range]:
    """The ranges, with the hash of each encoder of one's own among the choices; arguments and errors as above."""
    kept, searched = dict(space), space.get("model.encoder")
    if isinstance(searched, Choice):
        models = [model.model_copy(update={"encoder": str(value)}) for value in searched.values]
        kept["model.encoder"] = Choice(tuple(tried_model(one, shape).encoder for one in models))
    return kept
