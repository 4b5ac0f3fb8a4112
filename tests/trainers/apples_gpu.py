"""A stand-in for Apple's GPU: tensors that say that they are on mps, refuse float64 and refuse those of the host.

Their numbers are computed on the CPU. It shows what code asks of the device, not what the device answers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

MPS = torch.device("mps", 0)
# these take a tensor of the host beside one of the device
TAKES_BOTH = {
    torch._has_compatible_shallow_copy_type,
    Tensor.copy_,
    Tensor.__getitem__,
    Tensor.__setitem__,
    Tensor.data.__set__,
    Tensor.grad.__set__,
}


class OnMPS(Tensor):
    """A tensor on the stand-in."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == Tensor.device.__get__:
            return MPS if isinstance(args[0], OnMPS) else torch.device("cpu")
        if func is Tensor.__iter__:
            return iter(args[0].unbind(0))
        if func is Tensor.cpu:
            return args[0].as_subclass(Tensor)
        if func in (Tensor.to, Tensor.type):
            return _moved(func, args, kwargs)
        if func not in TAKES_BOTH:
            for one in _tensors([args, kwargs]):
                if (
                    not isinstance(one, OnMPS | nn.Parameter)
                    and one.ndim
                    and type(one) is Tensor
                    and one.grad_fn is None
                ):
                    raise RuntimeError(f"{func} got tensors of mps and of the CPU")
        found = super().__torch_function__(func, types, args, kwargs)
        for one in _tensors([found]):
            if one.dtype == torch.float64:
                raise TypeError(f"{func}: mps has no float64")
        return found


class _Factories(TorchFunctionMode):
    """Makes tensors on the stand-in wherever one is asked for."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.to:
            return _moved(func, args, kwargs)
        if func is Tensor.__iter__ and isinstance(args[0], OnMPS):
            return iter(args[0].unbind(0))
        if (device := kwargs.get("device")) is not None and torch.device(device).type == "mps":
            return _arrived(func(*args, **{**kwargs, "device": "cpu"}))
        return func(*args, **kwargs)


def _moved(func: Any, args: Any, kwargs: Any) -> Any:
    tensor, *rest = args
    where = [one for one in [*rest, *kwargs.values()] if isinstance(one, torch.device | str)]
    like = [one for one in rest if isinstance(one, Tensor)]
    to_mps = isinstance(tensor, OnMPS)
    if where:
        to_mps = torch.device(where[0]).type == "mps"
    elif like:
        to_mps = isinstance(like[0], OnMPS)

    def on_host(one: Any) -> Any:
        return torch.device("cpu") if isinstance(one, torch.device | str) else _plain(one)

    moved = func(_plain(tensor), *map(on_host, rest), **{name: on_host(one) for name, one in kwargs.items()})
    return _arrived(moved) if to_mps else moved


def _plain(one: Any) -> Any:
    return one.as_subclass(Tensor) if isinstance(one, OnMPS) else one


def _arrived(tensor: Tensor) -> Tensor:
    if tensor.dtype == torch.float64:
        raise TypeError("mps has no float64")
    return tensor.as_subclass(OnMPS)


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(value.values())


@contextmanager
def apples_gpu() -> Iterator[torch.device]:
    """Within the block the device mps is the stand-in."""
    with _Factories():
        yield MPS
