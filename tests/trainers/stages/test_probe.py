import pytest
import torch
from trials import changed, run

from trainers.config import RepresentationConfig
from trainers.stages.probe import probe_rows

AUTOMATIC = RepresentationConfig()


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def labels_of(*counts):
    labels = torch.cat([torch.full((count,), c) for c, count in enumerate(counts)])
    return labels[torch.randperm(len(labels), generator=drawn(1))]


@pytest.mark.parametrize("config", [AUTOMATIC, RepresentationConfig(views=1)])
def test_a_small_training_set_is_probed_whole(config):
    assert probe_rows(labels_of(4500, 500), 500, config, drawn()) is None


@pytest.mark.parametrize(("views", "count"), [(1, 2000 - 210), (2, 4000 - 210)])
def test_a_probe_of_many_images_costs_a_tenth_of_an_epoch(views, count):
    config = RepresentationConfig(views=views)
    rows = probe_rows(labels_of(7000, 3000), 210, config, drawn())
    assert len(rows) == count
    assert (len(rows) + 210) / 2 == pytest.approx(0.1 * views * 10_000)  # two passes forward are one in training


def test_however_many_validate_a_thousand_images_are_left_to_learn_from():
    assert len(probe_rows(labels_of(7000, 3000), 9000, AUTOMATIC, drawn())) == 1000


def test_the_rows_are_each_there_once_in_order_and_the_same_each_time():
    labels = labels_of(60, 30, 10)
    config = RepresentationConfig(probe_images=50)
    rows = probe_rows(labels, 10, config, drawn())
    assert torch.equal(rows, rows.unique())
    assert torch.equal(rows, probe_rows(labels, 10, config, drawn()))
    assert not torch.equal(rows, probe_rows(labels, 10, config, drawn(1)))


@pytest.mark.parametrize(
    ("probe_images", "expected"),
    [(30, [10, 10, 10]), (50, [20, 20, 10]), (80, [40, 30, 10]), (31, [11, 10, 10]), (2, [1, 1, 1])],
)
def test_classes_come_alike_and_what_the_rare_ones_lack_the_common_ones_fill(probe_images, expected):
    labels = labels_of(60, 30, 10)
    rows = probe_rows(labels, 10, RepresentationConfig(probe_images=probe_images), drawn())
    assert torch.bincount(labels[rows]).tolist() == expected


@pytest.mark.parametrize("probe_images", [100, 5000])
def test_as_many_as_there_are_is_all(probe_images):
    assert probe_rows(labels_of(60, 30, 10), 10, RepresentationConfig(probe_images=probe_images), drawn()) is None


@pytest.mark.slow
def test_a_smaller_probe_tells_other_scores_and_leaves_the_training_as_it_was(whole, tiny_config, digits):
    told, saved, result = run(changed(tiny_config, representation={"probe_images": 8}), digits)
    stage_one = tiny_config.representation.epochs
    for (_, ours), (_, before) in zip(told[:stage_one], whole[0][:stage_one], strict=True):
        assert ours["train_loss"] == before["train_loss"]
    assert [metrics for _, metrics in told[:stage_one]] != [metrics for _, metrics in whole[0][:stage_one]]
    assert told[stage_one:] == whole[0][stage_one:]
    assert result.score == whole[2].score
    last = tiny_config.last_epoch
    assert all(torch.equal(saved[last].encoder[name], weight) for name, weight in whole[1][last].encoder.items())
