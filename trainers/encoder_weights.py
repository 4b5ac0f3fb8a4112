"""An encoder's first weights from a file of one's own: of a machine without a network, or of one's own domain.

The file is a state dict of torchvision's or timm's names, as `torch.save` writes it, alone or under a key such as
`state_dict`; or a checkpoint of ours, whose encoder is taken. Reading it runs no code (`weights_only=True`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.errors import InputError
from trainers.files import file_hash
from trainers.own_parts import MARK

HOLDERS = ("encoder", "state_dict", "model_state_dict", "model", "backbone")  # under which a state dict may lie
HOMES = ("", "encoder.", "backbone.", "model.", "net.", "encoder.net.", "encoder.backbone.")
PREFIXES = (*HOMES, *(f"module.{home}" for home in HOMES))  # module: of DataParallel
FIRST = "conv1.weight"  # a ResNet's only layer that depends on the channels and the stem


def with_hash(weights: str) -> str:
    """A file that `model.pretrained` names, by a path that means the same from every folder, and its SHA-256.

    Raises InputError where it is not there, or has another hash than it is given with.
    """
    path, _, expected = weights.partition(MARK)
    file = Path(path).expanduser().absolute()
    try:
        found = file_hash(file)
    except OSError as error:
        raise InputError(f"model.pretrained: {file} cannot be read: {error.strerror or error}") from None
    if expected and found != expected:
        raise InputError(f"model.pretrained: {file} is another file than the search began with (its SHA-256 differs)")
    return f"{file}{MARK}{found}"


def load_weights(encoder: nn.Module, weights: str) -> None:
    """Give an encoder the weights of a file.

    A ResNet's first layer stays as it is where the file's has another size and the stem is `small`; under the stem
    `imagenet` a colour image's filters are summed for grey images, so that these mean the same.

    Args:
        encoder: a fresh one.
        weights: as `with_hash` gives it.

    Raises:
        InputError: the file is not there, is another, holds no state dict, or is of another encoder.
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
    except Exception as error:  # torch raises whatever the file's bytes make it raise
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"model.pretrained: {file} is no file of weights: {first}") from None
    for holder in HOLDERS:
        if isinstance(content, Mapping) and isinstance(content.get(holder), Mapping):
            content = content[holder]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"model.pretrained: {file} holds no state dict")
    return dict(content)


def _of_encoder(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """The file's tensors by the encoder's names; those that only count batches may be missing, as in older files."""
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
    """The first layer for another number of channels or another stem."""
    if given.shape[2:] == own.shape[2:] and given.shape[1] == 3 and given.shape[0] == own.shape[0]:
        # a grey image then excites the filters as the same image in equal RGB would
        return given.sum(1, keepdim=True).expand_as(own) / own.shape[1]
    return own if given.shape[2:] == (7, 7) and own.shape[2:] == (3, 3) else given
