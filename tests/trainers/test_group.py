"""Real processes with gloo between them, against one process that has the whole batch."""

from functools import partial

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from trainers.batch_norm import synchronise
from trainers.grad_cache import backward_in_chunks
from trainers.group import ALONE, Group
from trainers.losses import asymmetric_focal_contrastive_loss

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
    shared = DistributedDataParallel(net, forward_sync_buffers=False) if group.size > 1 else net
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


def work(rank, size, place, results):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=size)
    done = {name: case(Group(rank, size)) for name, case in CASES.items()}
    results.put((rank, {name: {key: one.numpy() for key, one in case.items()} for name, case in done.items()}))
    distributed.destroy_process_group()


@pytest.fixture(scope="module", params=[2, 3])
def by_rank(request, tmp_path_factory):
    start, size = multiprocessing.get_context("spawn"), request.param
    results, place = start.Queue(), tmp_path_factory.mktemp("meeting") / "store"
    workers = [start.Process(target=work, args=(rank, size, place, results), daemon=True) for rank in range(size)]
    for worker in workers:
        worker.start()
    done = dict(results.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    return done


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_loss_gradients_and_batchnorm_are_those_of_one_worker_with_the_whole_batch(by_rank, name):
    expected = CASES[name](ALONE)
    for done in by_rank.values():
        assert done[name].keys() == expected.keys()
        for key, one in expected.items():
            torch.testing.assert_close(torch.as_tensor(done[name][key]), one, rtol=1e-9, atol=1e-11, msg=key)


def test_shares_cover_the_rows_in_order_and_differ_by_one_at_most():
    for rows in range(9):
        for size in range(1, 5):
            shares = Group(0, size).shares(rows)
            assert [i for share in shares for i in range(rows)[share]] == list(range(rows))
            lengths = [share.stop - share.start for share in shares]
            assert max(lengths) - min(lengths) <= 1


def test_alone_nothing_is_changed():
    net = nn.Sequential(nn.BatchNorm2d(3))
    synchronise(net, ALONE, CPU)
    assert type(net[0]) is nn.BatchNorm2d
    z = torch.rand(4, 2)
    assert ALONE.gather(z, [4]) is z
