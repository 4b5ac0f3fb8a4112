import numpy as np
import pytest
import torch

from trainers.config import AugmentConfig
from trainers.data.augment import Normaliser, augment, channel_statistics

NOTHING = {"crop_scale": 1.0, "flip": 0.0, "brightness": 0.0, "contrast": 0.0}


def only(**parts):
    return AugmentConfig(**NOTHING | parts)


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(64, 3, 12, 10, generator=drawn(1))


def test_with_every_part_switched_off_images_come_back_as_they_are(images):
    assert torch.equal(augment(images, only(), drawn()), images)


def test_the_same_generator_state_gives_the_same_bits(images):
    first, again, other = (augment(images, AugmentConfig(), drawn(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmented_images_keep_their_shape_and_range_and_the_given_ones_their_values(images):
    before = images.clone()
    out = augment(images, AugmentConfig(crop_scale=0.1, brightness=0.9, contrast=0.9), drawn())
    assert out.shape == images.shape
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.equal(images, before)


def test_a_certain_flip_is_the_mirror_image_to_the_bit(images):
    assert torch.equal(augment(images, only(flip=1.0), drawn()), images.flip(-1))


def test_half_of_the_images_flip_at_one_half():
    images = torch.rand(2000, 1, 4, 4, generator=drawn(1))
    out = augment(images, only(flip=0.5), drawn())
    kept, mirrored = ((out == twin).all(dim=(1, 2, 3)) for twin in (images, images.flip(-1)))
    assert torch.all(kept | mirrored)
    assert 900 < mirrored.sum() < 1100


def test_a_crop_that_keeps_nearly_all_is_nearly_the_image():
    smooth = torch.linspace(0, 1, 28).expand(16, 1, 28, 28)
    config = only(crop_scale=0.999999, flip=1.0)
    # the aspect still varies, by up to sqrt(4/3) and bounded by the image: compare with what that can do to a ramp
    assert (augment(smooth, config, drawn()) - smooth.flip(-1)).abs().max() < 0.15


def test_a_crop_lies_inside_the_image_and_keeps_at_least_its_share():
    ramp = torch.linspace(0, 1, 100).expand(500, 1, 100, 100)
    out = augment(ramp, only(crop_scale=0.5), drawn())
    width = out[:, 0, 0, -1] - out[:, 0, 0, 0]
    assert out.min() >= 0
    assert out.max() <= 1
    assert width.min() > (0.5 * 3 / 4) ** 0.5 - 0.03  # narrowest: the smallest area at the narrowest aspect
    assert width.max() <= 1
    assert width.std() > 0.05


def test_a_crop_of_a_constant_image_is_that_image_up_to_its_border():
    grey = torch.full((32, 1, 9, 9), 0.7)
    assert torch.allclose(augment(grey, only(crop_scale=0.2), drawn()), grey)


def test_brightness_multiplies_each_image_by_its_own_factor():
    images = torch.rand(500, 1, 5, 5, generator=drawn(1)) / 2
    factor = (augment(images, only(brightness=0.2), drawn()) / images).flatten(1)
    assert torch.allclose(factor, factor[:, :1].expand_as(factor), rtol=1e-3)
    assert 0.8 <= factor.min() < 0.81
    assert 1.19 < factor.max() <= 1.2001


def test_contrast_keeps_the_mean_and_scales_the_spread():
    images = 0.4 + torch.rand(500, 1, 8, 8, generator=drawn(1)) / 5
    out = augment(images, only(contrast=0.3), drawn())
    assert torch.allclose(out.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)), atol=1e-5)
    spread = out.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert 0.7 <= spread.min() < 0.71
    assert 1.29 < spread.max() <= 1.3001


def test_switching_one_part_off_leaves_the_others_as_they_were():
    images = torch.rand(20, 1, 6, 6, generator=drawn(1))
    both = augment(images, only(flip=0.5, brightness=0.2), drawn())
    assert torch.equal(both, augment(augment(images, only(flip=0.5), drawn()), only(brightness=0.2), drawn()))


def test_channel_statistics_are_those_of_numpy():
    images = torch.randint(0, 256, (50, 3, 7, 9), dtype=torch.uint8, generator=drawn())
    mean, std = channel_statistics(images)
    values = images.numpy() / 255
    np.testing.assert_allclose(mean.numpy(), values.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.numpy(), values.std(axis=(0, 2, 3)), rtol=1e-6)


def test_channel_statistics_do_not_depend_on_the_order_of_the_images():
    images = torch.randint(0, 256, (50, 1, 300, 300), dtype=torch.uint8, generator=drawn())  # more than one chunk
    for one, other in zip(channel_statistics(images), channel_statistics(images.flip(0)), strict=True):
        assert torch.equal(one, other)


def test_normalised_training_images_have_mean_zero_and_deviation_one_per_channel():
    images = torch.randint(0, 200, (50, 2, 7, 9), dtype=torch.uint8, generator=drawn())
    images[:, 1] //= 3
    out = Normaliser.of(images)(images.float() / 255)
    assert out.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert out.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_a_channel_without_any_variation_stays_finite():
    images = torch.full((4, 1, 3, 3), 9, dtype=torch.uint8)
    out = Normaliser.of(images)(images.float() / 255)
    assert torch.allclose(out, torch.zeros_like(out), atol=1e-4)
