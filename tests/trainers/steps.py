"""One step of training, with or without a group, in whichever process: spawned ones import this file by its name."""

import os
from functools import partial

import torch
from torch import distributed, nn
from torch.nn import functional

from trainers.compute.batch_norm import synchronise
from trainers.compute.data_parallel import Group
from trainers.compute.grad_cache import backward_in_chunks
from trainers.compute.torch_compat import share_gradients
from trainers.launch.multi_worker import LOOPBACK, _interface_of
from trainers.losses.afcl import asymmetric_focal_contrastive_loss

CPU = torch.device("cpu")
ROWS = torch.rand(23, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.arange(23) % 3


def network(group):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(6)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(216, 5)).double()
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    synchronise(net, group, CPU)
    return net


def step(group, rows, chunk=None, loss=None):
    """Loss, gradients, BatchNorm's buffers and the outputs in eval mode after one step on so many rows."""
    net = network(group)
    shared = share_gradients(net) if group.size > 1 else net
    loss = loss or partial(afcl, labels=LABELS[:rows])

    def embed(part):
        start, end, _ = part.indices(rows)
        z = functional.normalize(shared(ROWS[start:end][group.share(end - start)]), dim=1)
        return group.gather(z, [share.stop - share.start for share in group.shares(end - start)])

    if chunk is None:
        value = loss(embed(slice(None)))
        value.backward()
    else:
        value = backward_in_chunks(embed, rows, chunk, loss, shared)
    gradients = {name: parameter.grad.clone() for name, parameter in net.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    return {"loss": value.detach(), "scores": net.eval()(ROWS).detach()} | gradients | buffers


def afcl(z, labels):
    return asymmetric_focal_contrastive_loss(z, labels, eta=60, gamma=2, temperature=0.1)


def of_two_rows(z):  # the AFCL of two rows is 0
    return (z * torch.arange(10.0).view(2, 5)).square().sum()


CASES = {
    "even": partial(step, rows=18),
    "uneven": partial(step, rows=23),
    "in chunks": partial(step, rows=23, chunk=9),
    "fewer rows than workers": partial(step, rows=2, loss=of_two_rows),
}


def work(rank, size, folder):
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = _interface_of(LOOPBACK)  # as workers of one machine do
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=size)
    torch.save({name: case(Group(rank, size)) for name, case in CASES.items()}, folder / f"{rank}.pt")
    distributed.destroy_process_group()
