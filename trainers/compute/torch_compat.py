"""What the oldest PyTorch that is supported calls by another name. Nothing else here asks for PyTorch's version."""

from inspect import signature

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def share_gradients(network: nn.Module) -> DistributedDataParallel:
    """The network as each worker of a trial trains it. Its buffers are left alone.

    They are BatchNorm's: each worker begins with the same ones and updates them from the same statistics.
    """
    if "forward_sync_buffers" in signature(DistributedDataParallel).parameters:
        return DistributedDataParallel(network, forward_sync_buffers=False)
    return DistributedDataParallel(network, broadcast_buffers=False)  # its name before PyTorch 2.13
