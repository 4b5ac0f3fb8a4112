import copy
import dataclasses

import pytest
import torch
from trials import changed, run

from trainers.config import CALIBRATION_ERROR, CLASS_MEASURES, METRIC, TrialConfig
from trainers.errors import DivergedError, InputError
from trainers.parsing import parse
from trainers.predictor import Predictor, score_split
from trainers.stages import classifier, encoder_training
from trainers.stages.batches import shuffled_batches


def test_every_epoch_of_both_stages_is_reported_once_with_the_metric(whole, tiny_config):
    told, saved, result = whole
    assert [step for step, _ in told] == list(range(1, tiny_config.last_epoch + 1)) == list(saved)
    assert all(0 <= metrics[METRIC] <= 1 for _, metrics in told)
    assert result.score == told[-1][1][METRIC]


def test_the_pipeline_learns(digits, tiny_config):
    longer = changed(tiny_config, model={"width": 8}, representation={"epochs": 12, "lr": 5e-3})
    assert run(longer, digits)[2].score > 0.85


def test_the_result_tells_confusion_and_recall_of_the_validation_split(whole, digits):
    result = whole[2]
    assert sum(map(sum, result.confusion)) == len(digits.validation)
    assert result.score == pytest.approx(sum(result.recall.values()) / 2)
    assert tuple(result.recall) == digits.class_names


@pytest.mark.slow
@pytest.mark.parametrize("classifier", [{}, {"solver": "lbfgs"}])
def test_the_last_epoch_alone_tells_every_measure_of_every_class(tiny_config, digits, classifier):
    fields = tiny_config.model_dump() | ({"classifier": classifier} if classifier else {})
    told, saved, result = run(parse(TrialConfig, fields), digits)
    every = {f"val_{measure}/{name}" for measure in CLASS_MEASURES for name in digits.class_names}
    every.add(f"val_{CALIBRATION_ERROR}")
    last = result.metrics
    assert every <= last.keys()
    assert all(0 <= last[name] <= 1 for name in every)
    for _, metrics in told[:-1]:
        assert every & metrics.keys() == {f"val_recall/{name}" for name in digits.class_names}
    scores = score_split(Predictor(saved[result.epoch]), digits.validation)
    assert {name: last[f"val_{name}"] for name in scores.metrics} == scores.metrics


def test_the_same_config_gives_the_same_numbers_and_another_seed_others(whole, tiny_config, digits):
    assert run(tiny_config, digits)[0] == whole[0]
    assert run(changed(tiny_config, seed=1), digits)[0] != whole[0]


@pytest.mark.parametrize("epoch", [1, 3, 4, 5, 6, 7])  # within stage one, at its end, within stage two, at its end
def test_a_trial_resumed_at_any_epoch_goes_on_to_the_bit(whole, tiny_config, digits, epoch):
    told, saved, result = whole
    again, _, end = run(tiny_config, digits, resume=saved[epoch])
    assert again == told[epoch - 1 :]  # its own epoch first: that report may not have arrived
    assert (end.score, end.confusion) == (result.score, result.confusion)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sections",
    [
        {"representation": {"views": 1, "optimizer": "sgd", "lr": 0.05, "warmup_epochs": 2}},
        {"representation": {"balanced_batches": True}, "classifier": {"augment": True, "class_weight": "none"}},
        pytest.param(
            {"representation": {"chunk": 24, "probe_images": 30, "augment": {"vertical_flip": 0.5, "rotation": 20}}},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"representation": {"chunk": 7, "optimizer": "sgd", "views": 1}, "deterministic": True},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_every_option_resumes_to_the_bit(tiny_config, digits, sections):
    config = changed(tiny_config, **sections)
    told, saved, _ = run(config, digits)
    for epoch in (2, 5):
        assert run(config, digits, resume=saved[epoch])[0] == told[epoch - 1 :]


def test_stage_two_leaves_the_encoder_unchanged(whole, tiny_config):
    saved = whole[1]
    before, after = saved[tiny_config.representation.epochs].encoder, saved[tiny_config.last_epoch].encoder
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
def test_the_probe_leaves_training_as_it_was(tiny_config, digits, whole, monkeypatch):
    encode = classifier.encode

    def encode_twice(encoder, *arguments, **named):
        encode(encoder, *arguments, **named)
        return encode(encoder, *arguments, **named)

    monkeypatch.setattr(classifier, "encode", encode_twice)
    assert run(tiny_config, digits)[0] == whole[0]


@pytest.mark.slow
def test_nothing_of_the_global_random_state_matters_or_is_left_changed(tiny_config, digits, whole):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert run(tiny_config, digits)[0] == whole[0]
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("lr", [1e8, 1e38])  # outputs too long for a float32 norm, and infinite ones
def test_a_diverging_trial_says_so_and_when(lr, tiny_config, digits):
    wild = changed(tiny_config, representation={"optimizer": "sgd", "lr": lr})
    with pytest.raises(DivergedError, match="epoch"):
        run(wild, digits)


def test_a_checkpoint_of_another_config_or_other_data_is_refused(tiny_config, digits, whole):
    checkpoint = whole[1][2]
    with pytest.raises(InputError, match="another configuration"):
        run(changed(tiny_config, loss={"eta": 1}), digits, resume=checkpoint)
    with pytest.raises(InputError, match="other data"):
        run(tiny_config, dataclasses.replace(digits, fingerprint="0"), resume=checkpoint)


def test_a_checkpoint_from_before_a_field_existed_has_its_default(tiny_config, digits, whole):
    told, saved, _ = whole
    config = copy.deepcopy(saved[2].config)
    del config["representation"]["chunk"], config["representation"]["augment"]["rotation"], config["model"]["compile"]
    assert run(tiny_config, digits, resume=dataclasses.replace(saved[2], config=config))[0] == told[1:]
    config["representation"]["augment"]["shear"] = 1.0
    with pytest.raises(InputError, match=r"the checkpoint\.representation\.augment\.shear: unknown key"):
        run(tiny_config, digits, resume=dataclasses.replace(saved[2], config=config))


def test_batches_are_equal_in_size_cover_all_and_never_hold_one_row():
    for n in (2, 3, 5, 17, 100):
        for size in (2, 3, 16, 256):
            batches = list(shuffled_batches(torch.zeros(n, dtype=torch.int64), size, torch.Generator()))
            sizes = [len(batch) for batch in batches]
            assert sorted(torch.cat(batches).tolist()) == list(range(n))
            assert max(sizes) - min(sizes) <= 1
            assert min(sizes) >= 2
            assert max(sizes) <= size + 1


def test_balanced_batches_draw_rare_classes_as_often():
    labels = torch.tensor([0] * 96 + [1] * 4)
    order = torch.cat(list(shuffled_batches(labels, 20, torch.Generator().manual_seed(0), balanced=True)))
    assert torch.bincount(labels[order]).tolist() == [50, 50]
    assert len(set(order.tolist())) == 54  # each rare image again and again, each common one once


def test_the_learning_rate_warms_up_and_then_falls_to_zero():
    factors = [encoder_training.lr_factor(epoch, 5, 50) for epoch in range(50)]
    assert factors[:6] == sorted(factors[:6])
    assert max(factors) == factors[5] == 1
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert encoder_training.lr_factor(50, 5, 50) == pytest.approx(0)
