"""The losses that are trained end to end come through one door. See trainers.end_to_end_loss."""

import pytest
import torch
from class_logits import LABELS, logits

from trainers.config import TrialConfig
from trainers.end_to_end_loss import ASKED, OF_THE_TRAINER, OURS, end_to_end_loss
from trainers.loss_config import END_TO_END
from trainers.losses.cross_entropy import cross_entropy_loss
from trainers.losses.focal import focal_loss
from trainers.losses.logit_adjusted import logit_adjusted_loss
from trainers.own_parts import load_part, parameters_of
from trainers.parsing import parse

SHARES = torch.tensor([0.7, 0.2, 0.1])
WEIGHTS = 1 / (3 * SHARES)


def loss_of(name, **given):
    return end_to_end_loss(parse(TrialConfig, {"loss": {"name": name}, name: given}), SHARES)


@pytest.mark.parametrize("name", END_TO_END.values())
def test_a_loss_takes_what_its_section_has_and_what_the_trainer_passes(name):
    assert OURS.keys() == set(END_TO_END.values())
    taken = set(parameters_of(load_part("loss.name", OURS[name]), 2))
    fields = set(type(getattr(TrialConfig(), name)).model_fields)
    assert taken - set(ASKED) == fields - set(OF_THE_TRAINER)
    assert ("weights" in taken) == ("class_weight" in fields)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("cross_entropy", {}, lambda f, y: cross_entropy_loss(f, y, WEIGHTS)),
        ("cross_entropy", {"class_weight": "none"}, lambda f, y: cross_entropy_loss(f, y, None)),
        ("focal", {"gamma": 3.0}, lambda f, y: focal_loss(f, y, WEIGHTS, 3.0)),
        ("focal", {"class_weight": "none"}, lambda f, y: focal_loss(f, y, None, 2.0)),
        ("logit_adjusted", {"tau": 0.5}, lambda f, y: logit_adjusted_loss(f, y, SHARES, 0.5)),
    ],
)
def test_its_parameters_come_from_its_section_its_weights_and_prior_from_the_images_drawn(name, given, expected):
    f = logits().float()
    assert torch.equal(loss_of(name, **given)(f, LABELS), expected(f, LABELS))


def test_a_loss_is_a_file_and_a_line_of_the_table(tmp_path, monkeypatch):
    (tmp_path / "lossinafile.py").write_text(
        "def squared(logits, labels, *, gamma, prior):\n    return gamma * prior\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(OURS, "focal", "lossinafile:squared")
    assert torch.equal(loss_of("focal", gamma=3.0)(logits(), LABELS), 3.0 * SHARES)
