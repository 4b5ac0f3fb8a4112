"""Optimisers as the device runs them best, and their states carried from one device to another."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from trainers.config import RepresentationConfig


def representation_optimizer(
    parameters: Iterable[nn.Parameter], config: RepresentationConfig, device: torch.device
) -> torch.optim.Optimizer:
    """Stage one's optimiser, of parameters on `device`."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, config.lr, momentum=config.momentum, weight_decay=config.weight_decay, fused=_fused(device)
        )
    return adamw(parameters, config.lr, config.weight_decay, device)


def adamw(
    parameters: Iterable[nn.Parameter], lr: float, weight_decay: float, device: torch.device
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) of parameters on `device`."""
    return torch.optim.AdamW(parameters, lr, weight_decay=weight_decay, fused=_fused(device))


def load_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take over a state that an optimiser of the same kind left, on whatever device.

    A state says how it was computed as well; that stays as is right for the optimiser's own device. It stays the
    caller's: torch would go on in the very tensors, which processes may share.
    """
    state = copy.deepcopy(state)
    pairs = zip(state["param_groups"], optimizer.param_groups, strict=True)
    optimizer.load_state_dict(state | {"param_groups": [saved | {"fused": own["fused"]} for saved, own in pairs]})


def _fused(device: torch.device) -> bool | None:
    """On a GPU one kernel updates all parameters, where the many small ones would leave it waiting for launches."""
    return True if device.type == "cuda" else None
