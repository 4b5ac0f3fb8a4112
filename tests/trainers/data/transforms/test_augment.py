import colorsys
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainers.config import AugmentConfig
from trainers.data.transforms import augment as module
from trainers.data.transforms.augment import Normaliser, _resample, augment, change, channel_statistics, draw
from trainers.data.transforms.colour import chroma_matrix, recolour, relight

NOTHING = {"crop_scale": 1.0, "flip": 0.0, "brightness": 0.0, "contrast": 0.0}
EVERYTHING = AugmentConfig(
    crop_scale=0.1, vertical_flip=0.5, rotation=180, brightness=0.9, contrast=0.9, saturation=0.9, hue=0.5
)


def only(**parts):
    return AugmentConfig(**NOTHING | parts)


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(64, 3, 12, 10, generator=drawn(1))


def test_with_every_part_switched_off_images_come_back_as_they_are(images):
    assert torch.equal(augment(images, only(), drawn()), images)


@pytest.mark.parametrize("config", [only(), AugmentConfig()])
def test_bytes_are_changed_as_the_floats_that_they_stand_for(config):
    pixels = torch.randint(256, (9, 3, 12, 10), dtype=torch.uint8, generator=drawn(1))
    out = augment(pixels, config, drawn())
    assert out.dtype == torch.float32
    assert torch.equal(out, augment(pixels.float().div_(255), config, drawn()))


def test_the_same_generator_state_gives_the_same_bits(images):
    first, again, other = (augment(images, AugmentConfig(), drawn(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmented_images_keep_their_shape_and_range_and_the_given_ones_their_values(images):
    before = images.clone()
    out = augment(images, EVERYTHING, drawn())
    assert out.shape == images.shape
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("config", [AugmentConfig(), EVERYTHING, only(brightness=0.5, contrast=0.5)])
@pytest.mark.parametrize("shape", [(21, 3, 150, 150), (9, 1, 224, 200)])
def test_a_large_batch_is_changed_a_few_images_at_a_time_to_the_same_bits(shape, config, threads, monkeypatch):
    torch.set_num_threads(threads)
    images, draws = torch.rand(shape, generator=drawn(1)), draw(shape[0], drawn())
    monkeypatch.setattr(module, "CHANGED_AT_ONCE", images.numel())
    at_once = change(images, config, draws)
    for few in (1, 200_000):
        monkeypatch.setattr(module, "CHANGED_AT_ONCE", few)
        assert torch.equal(change(images, config, draws), at_once)


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


def test_what_was_recorded_before_there_were_rotation_and_colour_comes_out_still():
    """Made by the code of commit ee74f49, with the config and the seed of this test."""
    images = (torch.arange(48, dtype=torch.float32) * 37 % 100 / 100).view(2, 2, 3, 4)
    recorded = """
        0.2218514 0.4901985 0.4925488 0.2922693 0.4941785 0.6839598 0.2549992 0.4760120 0.7031866 0.4131667 0.5283298
        0.2178580 0.5481083 0.5383411 0.3356806 0.3356498 0.7113671 0.3212754 0.5499260 0.1286030 0.4790548 0.5687644
        0.2532911 0.3634527 0.6748247 0.3801067 0.7088872 1.0000000 0.5797969 0.6357455 0.1509540 0.4797345 0.6287796
        0.3487348 0.6434727 0.9722531 0.5338364 0.5975193 0.0947835 0.4235640 0.5859462 0.2989628 0.6097988 0.9385793
        0.4939481 0.5429580 0.0742647 0.4030452
    """
    out = augment(images, AugmentConfig(), drawn(11))
    # to rounding: vector units of other widths add in another order
    torch.testing.assert_close(out.flatten(), torch.tensor([float(x) for x in recorded.split()]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (9, 31), (12, 10)])
def test_images_are_gathered_where_affine_grid_says(size):
    images, theta = torch.rand(30, 2, *size, generator=drawn(1)), torch.randn(30, 2, 3, generator=drawn(2))
    grid = functional.affine_grid(theta, [30, 2, *size], align_corners=False)
    expected = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(_resample(images, theta, "border"), expected, atol=1e-5, rtol=0)


def test_the_generator_goes_on_as_if_the_later_parts_did_not_exist():
    generator, twin = drawn(3), drawn(3)
    draws = draw(50, generator)
    assert torch.equal(draws[:7], torch.rand((7, 50), generator=twin))
    following = torch.rand(200, generator=generator)
    assert torch.equal(following, torch.rand(200, generator=twin))
    assert len(set(draws[7:].flatten().tolist()) & set(following.tolist())) < 5  # a stream of their own


def test_the_later_parts_differ_from_batch_to_batch_and_come_again_from_the_same_state():
    generator = drawn(3)
    state = generator.get_state()
    first, second = draw(9, generator), draw(9, generator)
    assert not torch.equal(first[7:], second[7:])
    generator.set_state(state)
    assert torch.equal(draw(9, generator), first)


def test_the_draws_are_uniform_and_unlike_each_other():
    draws = draw(4000, drawn())
    assert draws.shape == (11, 4000)
    assert (draws.mean(1) - 0.5).abs().max() < 0.02
    assert (torch.corrcoef(draws) - torch.eye(11)).abs().max() < 0.06


def at(images, config, **draws):
    """Changed by draws that are the middle of their range, which changes nothing, but for those given."""
    rows = ["area", "aspect", "x", "y", "flip", "brightness", "contrast", "upend", "angle", "saturation", "hue"]
    return change(images, config, torch.stack([torch.full((len(images),), draws.get(row, 0.5)) for row in rows]))


def test_a_certain_vertical_flip_is_the_image_upside_down_to_the_bit(images):
    assert torch.equal(augment(images, only(vertical_flip=1.0), drawn()), images.flip(-2))
    both = augment(images, only(flip=1.0, vertical_flip=1.0), drawn())
    assert torch.equal(both, images.flip(-2, -1))


def test_a_crop_flips_vertically_as_an_uncropped_image_does(images):
    upright, upended = (augment(images, only(crop_scale=0.5, vertical_flip=p), drawn()) for p in (0, 1))
    ramp = torch.linspace(0, 1, 50).view(1, 1, 50, 1).expand(20, 1, 50, 50)
    rising, falling = (augment(ramp, only(crop_scale=0.5, vertical_flip=p), drawn()) for p in (0, 1))
    torch.testing.assert_close(upended, upright.flip(-2), atol=1e-4, rtol=0)
    torch.testing.assert_close(falling, rising.flip(-2), atol=1e-5, rtol=0)
    assert torch.all(falling[..., 0, 0] > falling[..., -1, 0])


def test_a_rotation_by_a_right_angle_is_the_image_on_its_side():
    square = torch.rand(3, 2, 9, 9, generator=drawn(1))
    torch.testing.assert_close(at(square, only(rotation=90), angle=1.0), torch.rot90(square, 1, (2, 3)))
    torch.testing.assert_close(at(square, only(rotation=90), angle=0.0), torch.rot90(square, -1, (2, 3)))
    torch.testing.assert_close(at(square, only(rotation=90)), square)


def test_a_rotation_by_half_a_turn_is_both_flips(images):
    torch.testing.assert_close(at(images, only(rotation=180), angle=1.0), images.flip(-2, -1))


def test_a_rotation_does_not_shear_an_image_that_is_no_square():
    y, x = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(60) - 29.5, indexing="ij")
    disc = torch.exp(-(x**2 + y**2) / 50).expand(1, 1, 40, 60)
    middle = (..., slice(10, 30), slice(20, 40))  # further out it would find reflections
    assert (at(disc, only(rotation=180), angle=0.6) - disc)[middle].abs().max() < 0.01
    bar = torch.exp(-((x / 4) ** 2 + y**2) / 20).expand(1, 1, 40, 60)
    upright = at(bar, only(rotation=90), angle=1.0)
    assert (upright[middle] - bar[middle].mT).abs().max() < 0.01


def test_rotations_fill_their_range_on_both_sides():
    """The angle of each image is read off where a spot above the centre went."""
    image = torch.zeros(400, 1, 41, 41)
    image[:, :, 6, 20] = 1
    out = augment(image, only(rotation=30), drawn()).flatten(1)
    where = out.argmax(1)
    angle = torch.rad2deg(torch.atan2((where % 41 - 20).float(), (20 - where // 41).float()))
    assert -33 < angle.min() < -26
    assert 26 < angle.max() < 33
    assert angle.mean().abs() < 3


def test_a_rotation_finds_the_image_mirrored_beyond_its_border_and_never_black():
    bright = torch.full((16, 1, 8, 12), 0.7)
    assert torch.allclose(augment(bright, only(rotation=180, crop_scale=0.5), drawn()), bright)


def test_saturation_and_hue_are_those_of_yiq():
    """Against Python's own conversion, whose coefficients are rounded to two digits."""
    images = 0.3 + 0.4 * torch.rand(8, 3, 2, 2, generator=drawn(1))
    saturation, hue = torch.linspace(0.5, 1.4, 8), torch.linspace(-0.4, 0.5, 8)
    out = recolour(images, torch.ones(8), torch.ones(8), saturation, hue)
    for n in range(8):
        turn = complex(math.cos(2 * math.pi * hue[n]), math.sin(2 * math.pi * hue[n])) * saturation[n].item()
        for row in range(2):
            for column in range(2):
                luma, i, q = colorsys.rgb_to_yiq(*images[n, :, row, column].tolist())
                chroma = complex(i, q) * turn
                expected = colorsys.yiq_to_rgb(luma, chroma.real, chroma.imag)
                assert out[n, :, row, column].tolist() == pytest.approx(expected, abs=0.02)


def test_no_saturation_leaves_the_luma_and_a_whole_turn_leaves_the_colours():
    images = torch.rand(5, 3, 4, 4, generator=drawn(1))
    one = torch.ones(5)
    luma = (images * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(recolour(images, one, one, 0 * one, 0.2 * one), luma.expand_as(images))
    torch.testing.assert_close(recolour(images, one, one, one, one), images)


def test_a_turn_of_hue_and_its_opposite_meet_again():
    hue = torch.linspace(-0.5, 0.5, 9)
    there, back = chroma_matrix(torch.full((9,), 1.25), hue), chroma_matrix(torch.full((9,), 0.8), -hue)
    torch.testing.assert_close(there @ back, torch.eye(3).expand(9, 3, 3), atol=1e-5, rtol=0)


def test_greys_have_no_saturation_and_no_hue(images):
    config = only(saturation=0.9, hue=0.5)
    grey = images[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(augment(grey, config, drawn()), grey)
    for channels in (images[:, :1], images[:, :2]):
        assert torch.equal(augment(channels, config, drawn()), channels)


def test_brightness_and_contrast_in_colour_are_those_of_grey(images):
    brightness, contrast = torch.linspace(0.8, 1.2, 64), torch.linspace(1.3, 0.7, 64)
    one = torch.ones(64)
    plain = relight(images, brightness, contrast)
    torch.testing.assert_close(recolour(images, brightness, contrast, one, 0 * one), plain)


def test_contrast_keeps_the_mean_of_the_new_colours():
    images = 0.4 + torch.rand(6, 3, 8, 8, generator=drawn(1)) / 5
    one, hue = torch.ones(6), torch.linspace(-0.5, 0.4, 6)
    flat, wide = (recolour(images, one, contrast * one, one, hue) for contrast in (1.0, 1.3))
    torch.testing.assert_close(wide.mean(dim=(1, 2, 3)), flat.mean(dim=(1, 2, 3)))


def test_switching_a_later_part_on_leaves_the_earlier_ones_as_they_were():
    images = 0.4 + torch.rand(20, 3, 6, 6, generator=drawn(1)) / 5
    before = only(crop_scale=0.5, flip=0.5, brightness=0.2)
    after = before.model_copy(update={"saturation": 0.3, "hue": 0.1})
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    old, new = ((augment(images, config, drawn()) * luma).sum(1) for config in (before, after))
    torch.testing.assert_close(new, old)


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
