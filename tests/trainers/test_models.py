import pytest
import torch

from trainers.config import ModelConfig
from trainers.errors import InputError
from trainers.models import SMALLEST, LinearClassifier, build_encoder, build_projection, refuse_small_images


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("encoder", "stem", "size", "features"),
    [
        ("small", "small", 8, 64),
        ("small", "small", 28, 64),
        ("resnet18", "small", 28, 512),
        ("resnet18", "imagenet", 64, 512),
    ],
)
def test_an_encoder_takes_grey_and_colour_images(encoder, stem, size, features, channels, request):
    if encoder.startswith("resnet"):
        request.getfixturevalue("torchvision")
    net = build_encoder(ModelConfig(encoder=encoder, stem=stem), channels, seed=0)
    assert net(torch.zeros(2, channels, size, size)).shape == (2, features) == (2, net.feature_dim)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("resnet34", 512),
        pytest.param("resnet50", 2048, marks=pytest.mark.slow),
        pytest.param("resnet101", 2048, marks=pytest.mark.slow),
        pytest.param("resnet152", 2048, marks=pytest.mark.slow),
    ],
)
def test_every_resnet_of_the_config_can_be_built(name, features, torchvision):
    assert build_encoder(ModelConfig(encoder=name), 3, seed=0).feature_dim == features


def test_weights_depend_on_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (build_encoder(ModelConfig(), 1, seed).blocks[0][0].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.rand(1), expected)


def test_the_projection_gives_unit_rows():
    head = build_projection(ModelConfig(), 64, seed=0)
    rows = head(100 * torch.randn(5, 64, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(5))


@pytest.mark.slow
def test_a_grey_image_means_the_same_to_a_pretrained_colour_stem(monkeypatch, torchvision):
    from torchvision import models

    original = models.get_model
    monkeypatch.setattr(
        models, "get_model", lambda name, weights: original(name)
    )  # no download: only its shape is tested
    torch.manual_seed(0)
    colour = build_encoder(ModelConfig(encoder="resnet18", stem="imagenet", pretrained=True), 3, seed=0).eval()
    grey = build_encoder(ModelConfig(encoder="resnet18", stem="imagenet", pretrained=True), 1, seed=0).eval()
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(grey(image), colour(image.expand(-1, 3, -1, -1)))


def test_the_classifier_sees_standardised_features():
    features = 1000 + 50 * torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    features[:, 2] = 7  # a dead feature
    classifier = LinearClassifier(3, 2)
    classifier.standardise_by(features)
    classifier.linear.weight.data.fill_(1)
    assert classifier(features).abs().max() < 10
    assert torch.isfinite(classifier(features)).all()


@pytest.mark.parametrize(("encoder", "height", "width"), [("small", 7, 30), ("small", 30, 7)])
def test_images_that_an_encoder_would_halve_away_are_refused(encoder, height, width):
    with pytest.raises(InputError, match=f"small needs images of 8×8 pixels or more, but these are {width}×{height}"):
        refuse_small_images(ModelConfig(encoder=encoder), (3, height, width))


@pytest.mark.parametrize("encoder", ["small", "resnet18"])
def test_the_smallest_images_that_are_not_refused_have_features(encoder, request):
    if encoder.startswith("resnet"):
        request.getfixturevalue("torchvision")
    side = SMALLEST.get(encoder, 1)
    refuse_small_images(ModelConfig(encoder=encoder), (side, side))
    for stem in ("small", "imagenet"):
        network = build_encoder(ModelConfig(encoder=encoder, stem=stem), 3, seed=0)
        assert network(torch.rand(4, 3, side, side)).isfinite().all()
