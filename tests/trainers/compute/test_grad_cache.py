from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional
from trials import changed, run

from trainers.compute.grad_cache import backward_in_chunks
from trainers.contrastive_loss import BoundLoss
from trainers.data.transforms.augment import Normaliser
from trainers.losses.afcl import asymmetric_focal_contrastive_loss
from trainers.stages.batches import to_device
from trainers.stages.representation import new_representation, train_one_epoch

CPU = torch.device("cpu")
ROWS = torch.rand(23, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.arange(23) % 3


def network(*, norm: bool) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3), *([nn.BatchNorm2d(6)] if norm else []), nn.ReLU(), nn.Flatten(), nn.Linear(216, 5)]
    return nn.Sequential(*layers).double()


def embed(net, part):
    return functional.normalize(net(ROWS[part]), dim=1)


def loss(z):
    return asymmetric_focal_contrastive_loss(z, LABELS, eta=60, gamma=2, temperature=0.1)


def gradients(net):
    return [parameter.grad for parameter in net.parameters()]


def assert_same(ours, expected):
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("chunk", [2, 5, 8, 22])
@pytest.mark.parametrize("norm", [False, True])
def test_the_gradient_is_that_of_the_whole_batch_where_rows_do_not_see_each_other(norm, chunk):
    """Without BatchNorm, or with the one that normalises by its running statistics."""
    net, twin = network(norm=norm).eval(), network(norm=norm).eval()
    value = backward_in_chunks(partial(embed, net), len(ROWS), chunk, loss, net)
    expected = loss(embed(twin, slice(None)))
    expected.backward()
    torch.testing.assert_close(value, expected.detach())
    assert not value.requires_grad
    assert_same(gradients(net), gradients(twin))


def test_with_batchnorm_in_training_it_is_that_of_the_batch_normalised_by_chunks():
    net, twin = network(norm=True), network(norm=True)
    backward_in_chunks(partial(embed, net), len(ROWS), 8, loss, net)
    parts = [slice(0, 7), slice(7, 15), slice(15, 23)]
    loss(torch.cat([embed(twin, part) for part in parts])).backward()
    assert_same(gradients(net), gradients(twin))
    undivided = network(norm=True)
    loss(embed(undivided, slice(None))).backward()
    assert not torch.allclose(net[0].weight.grad, undivided[0].weight.grad)  # as the docstring says


def test_running_statistics_move_once_for_each_chunk():
    net, twin = network(norm=True), network(norm=True)
    backward_in_chunks(partial(embed, net), len(ROWS), 8, loss, net)
    for part in (slice(0, 7), slice(7, 15), slice(15, 23)):
        embed(twin, part)
    assert net[1].num_batches_tracked == 3
    assert torch.equal(net[1].running_mean, twin[1].running_mean)
    assert torch.equal(net[1].running_var, twin[1].running_var)


def test_batchnorm_keeps_track_again_after_a_loss_that_raised():
    net = network(norm=True)
    with pytest.raises(ZeroDivisionError):
        backward_in_chunks(partial(embed, net), len(ROWS), 8, lambda z: 1 / 0, net)
    assert net[1].track_running_stats


def test_no_more_rows_than_a_chunk_pass_at_once_and_none_passes_alone():
    for chunk in (2, 3, 4, 11, 22):
        net, seen = network(norm=False), []
        backward_in_chunks(lambda part: seen.append(part) or embed(net, part), len(ROWS), chunk, loss, net)  # noqa: B023
        sizes = [part.stop - part.start for part in seen]
        assert min(sizes) >= 2
        assert max(sizes) <= chunk + 1
        assert sum(sizes) == 2 * len(ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [64, 1000])
def test_a_chunk_that_holds_the_batch_changes_nothing(whole, tiny_config, digits, chunk):
    told = run(changed(tiny_config, representation={"chunk": chunk}), digits)[0]
    assert told == whole[0]


def test_an_epoch_in_chunks_trains_as_one_without(tiny_config, digits):
    """End to end, without BatchNorm: augmentation, views, loss and optimiser are those of the whole batch."""

    def trained(chunk):
        config = changed(tiny_config, representation={"chunk": chunk, "optimizer": "sgd", "lr": 0.1}).representation
        stage = new_representation(tiny_config.model, config, 1, 0, CPU)
        for block in stage.encoder.blocks:
            block[1] = nn.Identity()
        split = to_device(digits.train, 2, CPU)
        settings = BoundLoss(asymmetric_focal_contrastive_loss, {"eta": 60, "gamma": 2, "temperature": 0.1})
        metrics = train_one_epoch(stage, split, Normaliser.of(split.images), settings, config, 1, 0)
        return metrics["train_loss"], torch.cat([p.detach().flatten() for p in stage.encoder.parameters()])

    loss_of_one, weights = trained(None)
    loss_in_chunks, weights_in_chunks = trained(10)
    assert loss_in_chunks == pytest.approx(loss_of_one, rel=1e-5)
    torch.testing.assert_close(weights_in_chunks, weights, rtol=1e-3, atol=1e-5)
