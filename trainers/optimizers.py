"""Optimisers in the variant that is fastest on the device, and their states moved between devices."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from trainers.config import RepresentationConfig


def representation_optimizer(
    parameters: Iterable[nn.Parameter], config: RepresentationConfig, device: torch.device
) -> torch.optim.Optimizer:
    """The optimiser that `config` names, with its settings, for parameters on `device`."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, config.lr, momentum=config.momentum, weight_decay=config.weight_decay, fused=_fused(device)
        )
    return adamw(parameters, config.lr, config.weight_decay, device)


def adamw(
    parameters: Iterable[nn.Parameter], lr: float, weight_decay: float, device: torch.device
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) for parameters on `device`."""
    return torch.optim.AdamW(parameters, lr, weight_decay=weight_decay, fused=_fused(device))


def load_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimiser of the same class, which may have run on another device.

    The settings in the state, such as the learning rate, are loaded too, except `fused`, which must suit the device.
    The state is copied: torch would otherwise update the caller's tensors, which other processes may share.
    """
    state = copy.deepcopy(state)
    pairs = zip(state["param_groups"], optimizer.param_groups, strict=True)
    optimizer.load_state_dict(state | {"param_groups": [saved | {"fused": own["fused"]} for saved, own in pairs]})


def _fused(device: torch.device) -> bool | None:
    """The argument `fused` of torch's optimisers: True on a CUDA GPU, else None, torch's default.

    One fused kernel updates all parameters; many small kernels would wait for their launches.
    """
    return True if device.type == "cuda" else None
