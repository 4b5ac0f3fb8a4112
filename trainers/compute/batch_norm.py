"""BatchNorm over the rows of all workers of a trial: each normalises as a single worker with the whole batch would."""

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from trainers.compute.data_parallel import Group
from trainers.errors import InputError


def synchronise(network: nn.Module, group: Group, device: torch.device) -> None:
    """Let every BatchNorm in `network` share its statistics with the group. Parameters, buffers and names are kept.

    Raises InputError for a BatchNorm whose statistics cannot be shared; see `refuse_unshared`.
    """
    if group.size == 1:
        return
    refuse_unshared(network)
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, _synchronised(layer, device))


def refuse_unshared(network: nn.Module) -> None:
    """Raise InputError for a BatchNorm whose statistics cannot be shared between workers.

    `synchronise` replaces only torch's own BatchNorm2d, with weights and moving statistics. A subclass may do more
    (timm's apply an activation), which the replacement would not do. A layer that is not replaced would normalise by
    the rows of its own worker.
    """
    for layer in network.modules():
        if not isinstance(layer, nn.modules.batchnorm._BatchNorm):
            continue
        is_inside = layer is not network  # only a layer within another module can be replaced
        if not (is_inside and type(layer) is nn.BatchNorm2d and layer.affine and layer.track_running_stats):
            raise InputError(
                f"resources.workers: the encoder has a {type(layer).__name__}, whose statistics cannot be shared by "
                "workers; take one worker, or an encoder with BatchNorm2d (affine, with moving statistics) alone"
            )


def _synchronised(layer: nn.BatchNorm2d, device: torch.device) -> nn.Module:
    if device.type == "cuda":
        synchronised = cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(layer))
        synchronised.register_forward_pre_hook(_no_rows_in_float32)
        return synchronised
    return CPUSyncBatchNorm2d.sharing(layer)


def _no_rows_in_float32(layer: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """Return the batch; an empty batch is made float32.

    Under autocast a worker without rows would send zeros in bfloat16, while the other workers send float32.
    """
    (x,) = inputs
    return x if len(x) else x.float()


class CPUSyncBatchNorm2d(nn.BatchNorm2d):
    """Synchronised BatchNorm for CPU tensors, which torch.nn.SyncBatchNorm refuses."""

    @classmethod
    def sharing(cls, layer: nn.BatchNorm2d) -> "CPUSyncBatchNorm2d":
        """A new layer that uses the parameters and buffers of `layer`, without copying them."""
        twin = cls(layer.num_features, layer.eps, layer.momentum)
        for name, parameter in layer.named_parameters():
            setattr(twin, name, parameter)
        for name, buffer in layer.named_buffers():
            setattr(twin, name, buffer)
        return twin.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise this worker's images [n, C, H, W]; n may be 0.

        In training by mean and variance over all workers' images; in evaluation by the running statistics.
        """
        if not self.training:
            return super().forward(x)
        y, mean, variance, count = _Normalise.apply(x, self.weight, self.bias, self.eps)
        if self.track_running_stats:
            moving = (self.momentum, self.running_mean, self.running_var, self.num_batches_tracked)
            momentum, running_mean, running_var, batches = cast(tuple[float, Tensor, Tensor, Tensor], moving)
            batches.add_(1)
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * count / (count - 1), momentum)
        return cast(Tensor, y)


class _Normalise(torch.autograd.Function):
    """y = w (x - μ) / √(σ² + ε) + b with μ and σ² over the values of all workers (Ioffe & Szegedy 2015).

    With x̂ = (x - μ) / √(σ² + ε), and with each mean taken over all workers' values,

        ∂L/∂x = w / √(σ² + ε) · (∂L/∂y - mean(∂L/∂y) - x̂ · mean(∂L/∂y · x̂)).

    The gradients of w and b are this worker's part of the sum over workers, as those of all other parameters are.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mean, variance, count = _statistics(x)
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance, count)
        return functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps), mean, variance, count

    @staticmethod
    def backward(ctx: Any, by_y: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, variance, count = ctx.saved_tensors
        scale = torch.rsqrt(variance + ctx.eps)
        normalised = (x - _wide(mean)) * _wide(scale)
        sums = torch.stack([by_y.sum((0, 2, 3)), (by_y * normalised).sum((0, 2, 3))])
        by_bias, by_weight = sums.clone()
        distributed.all_reduce(sums)
        mean_by_y, mean_by_y_x = sums / count
        by_x = _wide(weight * scale) * (by_y - _wide(mean_by_y) - normalised * _wide(mean_by_y_x))
        return by_x, by_weight, by_bias, None


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance [C] of each channel over the values of all workers, and how many values a channel has.

    Each worker computes mean and variance of its own values, and these are combined as by Chan et al. 1979. Plain sums
    of squares would lose digits if the mean is large. The combination is in float64, so that the result hardly depends
    on how the rows are divided between the workers.
    """
    count = x.numel() // x.shape[1]
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0) if count else (x.new_zeros(x.shape[1]),) * 2
    own = torch.stack([torch.full_like(mean, count), mean, variance]).double()
    everyones = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(everyones, own)
    counts, means, variances = torch.stack(everyones).unbind(1)
    total = counts.sum(0)
    common = (counts * means).sum(0) / total
    spread = (counts * (variances + (means - common).square())).sum(0) / total
    return common.to(x.dtype), spread.to(x.dtype), total[0].to(x.dtype)


def _wide(by_channel: Tensor) -> Tensor:
    return by_channel.view(1, -1, 1, 1)
