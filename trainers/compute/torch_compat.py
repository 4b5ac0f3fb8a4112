"""Names that differ between the supported versions of PyTorch. No other file asks for PyTorch's version."""

from inspect import signature

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def share_gradients(network: nn.Module) -> DistributedDataParallel:
    """Wrap the network for training by several workers. Its buffers are not synchronised.

    The buffers are BatchNorm's running statistics: all workers begin with the same values and update them alike.
    """
    if "forward_sync_buffers" in signature(DistributedDataParallel).parameters:
        return DistributedDataParallel(network, forward_sync_buffers=False)
    return DistributedDataParallel(network, broadcast_buffers=False)  # the argument's name before PyTorch 2.13
