"""What an exported model's card says. See search.reporting.model_card."""

import dataclasses

import pytest
from scored import scored_search

from search.exports.export import Choice
from search.reporting.context import read_view
from search.reporting.model_card import model_card


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    return scored_search(tmp_path_factory.mktemp("results"))


@pytest.fixture
def view(scored):
    return read_view(scored)


def test_a_card_says_what_the_model_is_what_it_learned_from_and_how_good_it_is(view):
    trial = view.ranked[0]
    card = model_card(view, Choice(trial), "best-1.yaml")
    assert card.startswith("# scored, trial 0: a model card\n")
    heads = [line for line in card.splitlines() if line.startswith("## ")]
    assert heads == ["## Model", "## Data", "## On the validation images", "## On the test images", "## Limits"]
    assert "A classifier of images into 3 classes: 3, 8, 9." in card
    assert "afcl predict best-1.yaml IMAGES" in card
    assert view.about["provenance"]["data"]["fingerprint"] in card
    assert f"Balanced accuracy {trial.score:.4f} ± {view.error_of(trial):.4f}" in card
    metrics = trial.epochs[trial.epoch]
    row = next(line for line in card.splitlines() if line.startswith("| 8 | 40 | 0") or line.startswith("| 8 | 40 | 1"))
    assert f"{metrics['val_recall/8']:.4f}" in row
    assert f"{metrics['val_auroc_ovr/8']:.4f}" in row
    assert "Not known: no `afcl confirm` has opened the test split." in card


def test_a_card_says_whether_the_encoder_is_frozen_or_fine_tuned(view):
    trial = view.ranked[0]
    assert "contrastive loss and then frozen; the classifier on it" in model_card(view, Choice(trial), "best-1.yaml")
    classifier = trial.config["classifier"] | {"fine_tune": True, "fine_tune_epochs": 7}
    tuned = dataclasses.replace(trial, config=trial.config | {"classifier": classifier})
    card = model_card(view, Choice(tuned), "best-1.yaml")
    assert "both were then trained on together for 7 epochs: the encoder is fine-tuned, not frozen." in card
    assert "then frozen" not in card


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cross_entropy", "Encoder and classifier were trained together, end to end."),
        ("k_positive", "The encoder was trained with the contrastive loss and then frozen"),
        ("mypkg.losses:my_loss", "The encoder was trained with the contrastive loss and then frozen"),
    ],
)
def test_a_card_says_in_how_many_stages_a_loss_is_trained(name, said, view):
    trial = view.ranked[0]
    other = dataclasses.replace(trial, config=trial.config | {"loss": {"name": name}})
    assert said in model_card(view, Choice(other), "best-1.yaml")


def test_a_card_says_what_fresh_seeds_gave(view):
    fresh = {"mean": 0.8123, "standard_error": 0.0123, "seeds": 3}
    card = model_card(view, Choice(view.ranked[0], "final", fresh), "best-1.yaml")
    assert "Trained again on 3 fresh splits and initialisations it had 0.8123 ± 0.0123." in card


def test_a_card_warns_of_classes_with_few_validation_images_and_of_models_that_read_no_files(view):
    view.about["provenance"]["data"]["validation"]["9"] = 12
    card = model_card(view, Choice(view.ranked[0]), "best-1.yaml")
    assert "- Fewer than 30 validation images: 9." in card
    assert "It was not trained on image files, so `afcl predict` cannot read any for it." in card
