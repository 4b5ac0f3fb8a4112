"""The diagnostics of class collapse. See trainers.stages.alignment."""

import pytest
import torch
from rows_of_images import batch
from torch.nn.functional import normalize
from trials import changed, run

from trainers.stages.alignment import alignment_metrics, class_alignment, sample_alignment

LABELS = [0] * 12 + [1] * 5 + [2] * 3


def nearest(z, i):
    """The other rows, nearest first, by distance and not by product."""
    return sorted((j for j in range(len(z)) if j != i), key=lambda j: float((z[i] - z[j]).norm()))


def by_class(of_row, labels, classes):
    return [
        sum(of_row[i] for i in range(len(labels)) if labels[i] == c) / sum(int(one) == c for one in labels)
        for c in range(classes)
    ]


@pytest.mark.parametrize("views", [2, 3])
def test_they_match_nested_loops_written_from_their_definitions(views):
    z, labels, images = batch(LABELS, views)
    own_view = [float(images[nearest(z, i)[0]] == images[i]) for i in range(len(z))]
    assert sample_alignment(z, images, labels, 3).tolist() == pytest.approx(by_class(own_view, labels, 3))
    for share, count in ((0.05, max(1, int(0.05 * len(z)))), (0.3, int(0.3 * len(z)))):
        alike = [sum(float(labels[j] == labels[i]) for j in nearest(z, i)[:count]) / count for i in range(len(z))]
        assert class_alignment(z, labels, 3, share).tolist() == pytest.approx(by_class(alike, labels, 3))


def test_a_majority_that_collapsed_keeps_its_class_and_loses_its_images():
    """As supervised contrastive learning does on imbalanced data: the finding for which the measures were made."""
    z, labels, images = batch(LABELS, dim=64)
    spread = normalize(z[images] + 0.01 * z, dim=1)  # both views of an image near each other
    assert sample_alignment(spread, images, labels, 3).tolist() == [1.0, 1.0, 1.0]
    point = torch.eye(64, dtype=z.dtype)[0]
    collapsed = torch.where((labels == 0).unsqueeze(1), normalize(point + 1e-4 * z, dim=1), spread)
    assert sample_alignment(collapsed, images, labels, 3)[0] < 0.5
    assert class_alignment(collapsed, labels, 3)[0] == 1.0


def test_a_class_without_rows_reports_nothing():
    z, labels, _ = batch([0, 0, 2])
    assert torch.isnan(class_alignment(z, labels, 3)).tolist() == [False, True, False]
    told = alignment_metrics(lambda chosen: z[chosen], labels[:3], ["a", "b", "c"], torch.Generator().manual_seed(0))
    assert sorted(told) == [f"val_{one}_alignment/{name}" for one in ("class", "sample") for name in "ac"]


@pytest.mark.slow
def test_a_trial_reports_them_by_epoch_where_asked_and_learns_the_same(tiny_config, digits):
    plain, _, _ = run(tiny_config, digits)
    asked = changed(tiny_config, representation={"alignment": True})
    told, saved, _ = run(asked, digits)
    names = {f"val_{one}_alignment/{name}" for one in ("class", "sample") for name in digits.class_names}
    for (epoch, metrics), (_, before) in zip(told, plain, strict=True):
        in_stage_one = epoch <= tiny_config.representation.epochs
        assert metrics.keys() - before.keys() == (names if in_stage_one else set())
        assert {key: metrics[key] for key in before} == before
        assert all(0 <= metrics[name] <= 1 for name in names & metrics.keys())
    assert run(asked, digits, resume=saved[1])[0] == told


@pytest.mark.slow
def test_several_workers_report_what_one_does(tiny_config, digits):
    asked = changed(tiny_config, representation={"alignment": True, "epochs": 1})
    one, two = (run(asked, digits, on=workers)[0] for workers in (1, 2))
    for name in (name for name in one[0][1] if "alignment" in name):
        assert two[0][1][name] == pytest.approx(one[0][1][name], abs=0.1)
