"""Real processes with gloo between them, against one process that has the whole batch."""

import pytest
import torch
from steps import CASES, CPU, work
from torch import multiprocessing, nn

from trainers.compute.batch_norm import synchronise
from trainers.compute.data_parallel import ALONE, Group
from trainers.errors import InputError

GPU = torch.device("cuda")


@pytest.fixture(scope="module", params=[2, 3])
def by_rank(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("group")
    multiprocessing.spawn(work, args=(request.param, folder), nprocs=request.param)  # raises what a worker raises
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(request.param)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_loss_gradients_and_batchnorm_are_those_of_one_worker_with_the_whole_batch(by_rank, name):
    expected = CASES[name](ALONE)
    for done in by_rank:
        assert done[name].keys() == expected.keys()
        for key, one in expected.items():
            torch.testing.assert_close(done[name][key], one, rtol=1e-9, atol=1e-11, msg=key)


def test_shares_cover_the_rows_in_order_and_differ_by_one_at_most():
    for rows in range(9):
        for size in range(1, 5):
            shares = Group(0, size).shares(rows)
            assert [i for share in shares for i in range(rows)[share]] == list(range(rows))
            lengths = [share.stop - share.start for share in shares]
            assert max(lengths) - min(lengths) <= 1


class WithActivation(nn.BatchNorm2d):
    """As timm's BatchNormAct2d is: it does more than normalise."""

    def forward(self, x):
        return super().forward(x).relu()


@pytest.mark.parametrize(
    "layer",
    [
        WithActivation(3),
        nn.BatchNorm1d(3),
        nn.BatchNorm3d(3),
        nn.BatchNorm2d(3, affine=False),
        nn.BatchNorm2d(3, track_running_stats=False),
    ],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize("device", [CPU, GPU], ids=str)
def test_a_batchnorm_that_would_become_another_layer_is_refused(layer, device):
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), layer)
    with pytest.raises(InputError, match=rf"resources\.workers: the encoder has a {type(layer).__name__}"):
        synchronise(network, Group(0, 2), device)
    assert type(network[1]) is nn.BatchNorm2d, "nothing was replaced"
    synchronise(network, ALONE, device)
    assert network[2] is layer


def test_a_batchnorm_that_is_the_whole_network_is_refused():
    with pytest.raises(InputError, match="the encoder has a BatchNorm2d"):
        synchronise(nn.BatchNorm2d(3), Group(0, 2), CPU)


def test_alone_nothing_is_changed():
    net = nn.Sequential(nn.BatchNorm2d(3))
    synchronise(net, ALONE, CPU)
    assert type(net[0]) is nn.BatchNorm2d
    z = torch.rand(4, 2)
    assert ALONE.gather(z, [4]) is z


def test_on_gpus_a_worker_without_rows_speaks_of_them_in_the_dtype_of_the_others(monkeypatch):
    """Of bfloat16 rows torch's SyncBatchNorm tells statistics in float32, of no rows zeros in bfloat16."""
    net = nn.Sequential(nn.BatchNorm2d(3))
    weight = net[0].weight
    synchronise(net, Group(0, 2), GPU)
    assert type(net[0]) is nn.SyncBatchNorm
    assert net[0].weight is weight
    seen = []
    monkeypatch.setattr(nn.SyncBatchNorm, "forward", lambda layer, x: seen.append(x.dtype) or x)
    for rows in (0, 2):
        net(torch.rand(rows, 3, 4, 4, dtype=torch.bfloat16))
    assert seen == [torch.float32, torch.bfloat16]
