"""Load an encoder's initial weights from a user's file, for machines without a network or weights of a user's own.

The file is a state dict with torchvision's or timm's names, as `torch.save` writes it, alone or under a key such as
`state_dict`. The file may also be a checkpoint of a trial; then the checkpoint's encoder is taken. Reading the file
runs no code (`weights_only=True`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.errors import InputError
from trainers.files import file_hash
from trainers.own_parts import MARK

HOLDERS = ("encoder", "state_dict", "model_state_dict", "model", "backbone")  # keys that may hold the state dict
# prefixes that the names of the encoder's tensors may have in the state dict
HOMES = ("", "encoder.", "backbone.", "model.", "net.", "encoder.net.", "encoder.backbone.")
PREFIXES = (*HOMES, *(f"module.{home}" for home in HOMES))  # DataParallel adds `module.`
FIRST = "conv1.weight"  # a ResNet's only layer that depends on the channels and the stem


def with_hash(weights: str) -> str:
    """The absolute path of a file that `model.pretrained` names, followed by MARK and the file's SHA-256.

    Args:
        weights: the file's path, with or without a hash.

    Raises:
        InputError: the file cannot be read, or does not match the given hash.
    """
    path, _, expected = weights.partition(MARK)
    file = Path(path).expanduser().absolute()
    try:
        found = file_hash(file)
    except OSError as error:
        raise InputError(f"model.pretrained: {file} cannot be read: {error.strerror or error}") from None
    if expected and found != expected:
        raise InputError(f"model.pretrained: {file} has changed since the search began (its SHA-256 differs)")
    return f"{file}{MARK}{found}"


def load_weights(encoder: nn.Module, weights: str) -> None:
    """Load the weights of a file into an encoder.

    The first layer of a ResNet depends on the stem and the number of channels. If the file has the stem `imagenet` (7×7
    filters) and the encoder the stem `small` (3×3), the encoder keeps its own first layer. If the stems are the same,
    but the file is for colour images and the encoder is not, the filters are summed over the colours, so that a grey
    image has the same effect as its copy in RGB.

    Args:
        encoder: an untrained encoder.
        weights: the file's path and hash, as `with_hash` returns them.

    Raises:
        InputError: the file is missing, does not match its hash, has no state dict, or is of another encoder.
    """
    file = Path(with_hash(weights).partition(MARK)[0])
    inner = getattr(encoder, "net", encoder)
    wanted = inner.state_dict()
    given = _of_encoder(_state_dict(file), wanted, file)
    first = given.get(FIRST)
    if first is not None and FIRST in wanted and first.shape != wanted[FIRST].shape:
        given[FIRST] = _first_layer(first, wanted[FIRST])
    for name, value in wanted.items():
        if given[name].shape != value.shape:
            raise InputError(
                f"model.pretrained: {file} is of another encoder: {name} is {list(given[name].shape)}, "
                f"here {list(value.shape)}"
            )
    inner.load_state_dict(given)


def _state_dict(file: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make torch raise any error
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"model.pretrained: {file} is not a file of weights that torch can read: {first}") from None
    for holder in HOLDERS:
        if isinstance(content, Mapping) and isinstance(content.get(holder), Mapping):
            content = content[holder]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"model.pretrained: {file} holds no state dict")
    return dict(content)


def _of_encoder(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """The tensors of the file (`given`) by the names that the encoder (`wanted`) uses, without a prefix.

    Older files may lack tensors that only count batches; then the encoder's own are taken. Raises InputError if any
    other tensor is missing.
    """
    needed = {name for name in wanted if not name.endswith("num_batches_tracked")}
    best: set[str] = set()
    for prefix in PREFIXES:
        named = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
        if needed <= named.keys():
            return {name: named.get(name, value) for name, value in wanted.items()}
        best = max(best, needed & named.keys(), key=len)
    missing = sorted(needed - best)
    raise InputError(
        f"model.pretrained: {file} is of another encoder: it lacks {len(missing)} of {len(needed)} tensors, "
        f"such as {missing[0]}"
    )


def _first_layer(given: Tensor, own: Tensor) -> Tensor:
    """A file's first layer `given`, adapted to the shape of the encoder's `own`; see `load_weights`.

    If the two cannot be matched, `given` is returned as it is, for the caller to refuse.
    """
    if given.shape[2:] == own.shape[2:] and given.shape[1] == 3 and given.shape[0] == own.shape[0]:
        # a grey image then gives the same filter responses as its copy in RGB
        return given.sum(1, keepdim=True).expand_as(own) / own.shape[1]
    return own if given.shape[2:] == (7, 7) and own.shape[2:] == (3, 3) else given
