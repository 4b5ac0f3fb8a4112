"""Trials of one stage: CE, FOCAL and LA, trained end to end."""

import dataclasses

import pytest
import torch
from trials import changed, run

from trainers.compute import grad_cache
from trainers.config import METRIC, TrialConfig
from trainers.errors import DivergedError, InputError
from trainers.parsing import parse
from trainers.pipeline import run_trial
from trainers.predictor import Predictor, score_split
from trainers.seeds import derive_seed
from trainers.stages import end_to_end
from trainers.stages.batches import class_weights, shuffled_batches, to_device

LOSSES = ["cross_entropy", "focal", "logit_adjusted"]


def end_to_end_config(tiny_config, name="cross_entropy", **sections) -> TrialConfig:
    raw = {"data": tiny_config.data, "model": {"width": 4}, "representation": {"epochs": 4, "batch_size": 32}}
    config = parse(TrialConfig, raw | {"loss": {"name": name}, name: {"lr": 5e-3}})
    return changed(config, **sections)


@pytest.fixture(scope="module", params=LOSSES)
def whole_one(request, tiny_config, digits):
    """A trial of each loss in one go: its config, and what came of it."""
    config = end_to_end_config(tiny_config, request.param)
    return config, *run(config, digits)


@pytest.mark.slow
def test_every_epoch_is_reported_once_with_its_own_heads_score_and_the_last_one_ends_the_trial(whole_one, digits):
    config, told, saved, result = whole_one
    assert config.last_epoch == config.representation.epochs == 4
    assert [step for step, _ in told] == [1, 2, 3, 4] == list(saved)
    assert result.score == told[-1][1][METRIC] == saved[4].metrics[METRIC]
    assert sum(map(sum, result.confusion)) == len(digits.validation)
    for epoch, checkpoint in saved.items():
        scores = score_split(Predictor(checkpoint), digits.validation)
        assert scores.metrics["balanced_accuracy"] == told[epoch - 1][1][METRIC]
        assert checkpoint.projection is None


def test_it_goes_on_from_any_epoch_to_the_bit(whole_one, digits):
    config, told, saved, result = whole_one
    for epoch in saved:
        again, _, end = run(config, digits, resume=saved[epoch])
        assert again == told[epoch - 1 :], epoch
        assert (end.score, end.confusion) == (result.score, result.confusion)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sections",
    [
        {"representation": {"optimizer": "sgd", "warmup_epochs": 2}, "end_to_end": {"match": "epochs"}},
        {"representation": {"balanced_batches": True, "chunk": 12}, "cross_entropy": {"class_weight": "none"}},
    ],
)
def test_every_option_of_it_resumes_to_the_bit(tiny_config, digits, sections):
    config = end_to_end_config(tiny_config, **sections)
    told, saved, _ = run(config, digits)
    assert run(config, digits, resume=saved[2])[0] == told[1:]


@pytest.mark.parametrize("name", [LOSSES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in LOSSES[1:])])
def test_it_learns(name, tiny_config, digits):
    longer = end_to_end_config(tiny_config, name, model={"width": 8}, representation={"epochs": 16})
    assert run(longer, digits)[2].score > 0.85


@pytest.mark.slow
def test_the_losses_differ_and_at_their_limits_are_cross_entropy(tiny_config, digits):
    plain = end_to_end_config(tiny_config, cross_entropy={"class_weight": "none"})
    expected = run(plain, digits)[0]
    without_focus = end_to_end_config(tiny_config, "focal", focal={"class_weight": "none", "gamma": 0.0})
    unadjusted = end_to_end_config(tiny_config, "logit_adjusted", logit_adjusted={"tau": 0.0})
    for config in (without_focus, unadjusted):
        assert [metrics["train_loss"] for _, metrics in run(config, digits)[0]] == pytest.approx(
            [metrics["train_loss"] for _, metrics in expected], rel=1e-4
        )
    told = [run(end_to_end_config(tiny_config, name), digits)[0][0][1]["train_loss"] for name in LOSSES]
    assert len({*told, expected[0][1]["train_loss"]}) == len(LOSSES) + 1


@pytest.mark.parametrize(("match", "views", "rounds"), [("passes", 2, 2), ("passes", 1, 1), ("epochs", 2, 1)])
def test_an_epoch_takes_the_encoder_as_many_passes_as_one_of_stage_one_or_a_real_epochs(
    match, views, rounds, tiny_config, digits, monkeypatch
):
    """Rows that went through the encoder in training, counted at the augmentation of each batch."""
    rows = []
    monkeypatch.setattr(end_to_end, "draw", lambda n, draws, inner=end_to_end.draw: rows.append(n) or inner(n, draws))
    config = end_to_end_config(tiny_config, representation={"epochs": 1, "views": views}, end_to_end={"match": match})
    run(config, digits)
    assert sum(rows) == rounds * len(digits.train)
    assert config.last_epoch == 1


@pytest.mark.slow
def test_it_begins_with_the_encoder_of_two_stages_of_the_same_seed(tiny_config, digits):
    config = end_to_end_config(tiny_config, cross_entropy={"lr": 1e-30}, representation={"weight_decay": 0.0})
    two = changed(tiny_config, representation={"lr": 1e-30, "weight_decay": 0.0}, model={"width": 4})
    one_stage, two_stages = run(config, digits)[1][1].encoder, run(two, digits)[1][1].encoder
    weights = [name for name in one_stage if name.endswith("weight")]
    assert weights
    for name in weights:
        torch.testing.assert_close(one_stage[name], two_stages[name], rtol=0, atol=1e-12)


def test_weights_and_priors_are_those_of_what_is_drawn(tiny_config, digits):
    split = to_device(digits.train, len(digits.class_names), torch.device("cpu"))
    drawn = torch.cat(list(shuffled_batches(split.labels, 16, torch.Generator().manual_seed(0), balanced=True)))
    for balanced, labels in ((False, split.labels), (True, split.labels[drawn])):
        shares = end_to_end.drawn_shares(split, balanced=balanced)
        torch.testing.assert_close(shares, torch.bincount(labels).float() / len(labels), rtol=0, atol=0.01)
    shares = end_to_end.drawn_shares(split, balanced=False)
    torch.testing.assert_close(1 / (2 * shares), class_weights(split.labels, 2))


def test_in_chunks_the_gradient_is_that_of_the_whole_batch(tiny_config, digits, monkeypatch):
    """BatchNorm's statistics are a chunk's, as in stage one: with one chunk for all rows nothing may differ."""
    config = end_to_end_config(tiny_config, representation={"epochs": 1})
    expected = run(config, digits)[0]
    monkeypatch.setattr(grad_cache, "_parts", lambda rows, chunk: [slice(0, rows)])
    chunked = run(changed(config, representation={"chunk": 16}), digits)[0]
    assert chunked[0][1]["train_loss"] == pytest.approx(expected[0][1]["train_loss"], rel=1e-5)
    assert chunked[0][1][METRIC] == expected[0][1][METRIC]


@pytest.mark.slow
def test_two_workers_report_what_one_does(tiny_config, digits):
    config = end_to_end_config(tiny_config, representation={"epochs": 2})
    one, two = run(config, digits)[0], run(config, digits, on=2)[0]
    for (_, alone), (_, shared) in zip(one, two, strict=True):
        assert shared["train_loss"] == pytest.approx(alone["train_loss"], rel=1e-3)


@pytest.mark.parametrize("lr", [1e8, 1e38])
def test_a_diverging_trial_says_so(lr, tiny_config, digits):
    wild = end_to_end_config(tiny_config, representation={"optimizer": "sgd"}, cross_entropy={"lr": lr})
    with pytest.raises(DivergedError):
        run(wild, digits)


def test_a_checkpoint_of_two_stages_is_of_another_configuration(tiny_config, digits, whole):
    with pytest.raises(InputError, match="another configuration"):
        run(end_to_end_config(tiny_config), digits, resume=whole[1][2])


def test_an_infinite_output_in_validation_is_a_divergence_too(tiny_config, digits, monkeypatch):
    def spoil(network, *_):
        network.head.linear.bias.data.fill_(torch.inf)
        return {}

    monkeypatch.setattr(end_to_end, "train_one_epoch", spoil)
    with pytest.raises(DivergedError, match="no longer finite"):
        run_trial(end_to_end_config(tiny_config), digits, lambda *_: None)


def test_the_head_starts_as_torchs_linear_layer_does_and_by_the_seed_alone(tiny_config, digits):
    config = end_to_end_config(tiny_config)
    made = [
        end_to_end.new_network(config.model, config.training, 1, 2, seed, torch.device("cpu")).head
        for seed in (0, 0, 1)
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(0, "head"))
        expected = torch.nn.Linear(made[0].linear.in_features, 2)
    assert torch.equal(made[0].linear.weight, expected.weight)
    assert torch.equal(made[0].linear.weight, made[1].linear.weight)
    assert not torch.equal(made[0].linear.weight, made[2].linear.weight)


def test_its_checkpoint_is_refused_on_other_data(tiny_config, digits, whole_one):
    config, _, saved, _ = whole_one
    with pytest.raises(InputError, match="other data"):
        run(config, digits, resume=dataclasses.replace(saved[1], fingerprint="0"))


def test_the_encoder_is_compiled_where_that_is_asked_for_and_its_weights_keep_their_names(
    tiny_config, digits, monkeypatch
):
    """A stand-in for torch.compile, which takes a minute."""
    asked, passed = [], []

    def compile_(module, **options):
        asked.append(options)
        return lambda images: passed.append(len(images)) or module(images)

    monkeypatch.setattr(torch, "compile", compile_)
    plain = end_to_end_config(tiny_config, representation={"epochs": 2})
    told, saved, _ = run(changed(plain, model={"compile": True}), digits)
    assert asked == [{"dynamic": False}]
    assert sum(passed) == 2 * 2 * len(digits.train)  # two rounds in each of two epochs; no validation
    expected, plain_saved, _ = run(plain, digits)
    assert told == expected
    assert list(saved[2].encoder) == list(plain_saved[2].encoder)
