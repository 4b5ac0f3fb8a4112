"""Test the encoders of a search before its first trial, and record the hashes of the user's own code and weights."""

from collections.abc import Mapping, Sequence

from spaces.ranges import Choice, Range, Value
from trainers.compute.batch_norm import refuse_unshared
from trainers.config import ModelConfig
from trainers.encoder_weights import with_hash
from trainers.models import build_encoder
from trainers.own_encoder import FIELD, try_encoder
from trainers.own_parts import is_path, with_source_hash
from trainers.timm_encoder import TIMM

Guess = dict[str, Value]


def tried_encoders(
    model: ModelConfig, space: Mapping[str, Range], first: Sequence[Guess], shape: Sequence[int], workers: int
) -> tuple[ModelConfig, dict[str, Range], tuple[Guess, ...]]:
    """Test the encoders of a search, and record the hash of the user's own code and of a file of weights.

    Tested are those that are the user's own or timm's, and all if they start from a file of weights.

    Args:
        model: the spec's section `model`.
        space: the ranges; `model.encoder` may be one of them.
        first: the user's first guesses; a guess may name an encoder.
        shape: an image's shape, [C, H, W].
        workers: how many workers a trial has; see `refuse_unshared` for what several workers need of an encoder.

    Returns:
        The section, the ranges and the guesses, with hashes added to the names of the user's own encoders and of a file
        of weights.

    Raises:
        InputError: an encoder cannot be imported, differs from the one that the search began with, fails a check of
            `try_encoder`, or cannot be shared by workers; or the file of weights is missing, differs from its hash, or
            belongs to another encoder.
        EnvironmentProblem: timm is not installed, or its weights cannot be downloaded.
    """

    def tried(name: Value) -> str:
        return _tried(model.model_copy(update={"encoder": str(name)}), shape, workers).encoder

    kept, searched = dict(space), space.get(FIELD)
    if isinstance(searched, Choice):
        kept[FIELD] = Choice(tuple(map(tried, searched.values)))
    guesses = tuple(guess | {FIELD: tried(guess[FIELD])} if FIELD in guess else guess for guess in first)
    return _tried(model, shape, workers), kept, guesses


def _tried(model: ModelConfig, shape: Sequence[int], workers: int) -> ModelConfig:
    is_own, has_file = is_path(model.encoder), isinstance(model.pretrained, str)
    kept = model
    if is_own:
        kept = kept.model_copy(update={"encoder": with_source_hash(FIELD, model.encoder)})
    if isinstance(model.pretrained, str):
        kept = kept.model_copy(update={"pretrained": with_hash(model.pretrained)})
    if is_own or has_file or model.encoder.startswith(TIMM):
        encoder = build_encoder(kept, shape[0], seed=0)
        try_encoder(kept.encoder, encoder, shape)
        if workers > 1:
            refuse_unshared(encoder)
    return kept
