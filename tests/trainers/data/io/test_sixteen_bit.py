"""Images of more than 8 bits are scaled by what the training images use."""

import numpy as np
import pytest
from pictures import deep_png, noise, own, save
from PIL import Image

from trainers.data import load, load_test
from trainers.data.io.sixteen_bit import Levels, as_bytes, read_deep
from trainers.errors import InputError


def folder_of(top, *images, suffix=".png"):
    for name in ("cat", "dog"):
        for number, pixels in enumerate(images):
            save(top / name / f"{number}{suffix}", pixels)
    return own(top)


def levels_in(config):
    data = load(config)
    return np.unique(np.concatenate([data.train.images, data.validation.images]))


@pytest.mark.parametrize(
    ("kind", "used", "scale"),
    [
        ("integers", (0, 200), (0, 255)),
        ("integers", (0, 255), (0, 255)),
        ("integers", (3, 256), (0, 511)),
        ("integers", (0, 4095), (0, 4095)),
        ("integers", (13, 3912), (0, 4095)),
        ("integers", (0, 40000), (0, 65535)),
        ("integers", (-1024, 3071), (-1024, 3071)),
        ("integers", (0, 100_000), (0, 131_071)),
        ("floats", (0, 1), (0, 1)),
        ("floats", (0.1, 0.4), (0, 1)),
        ("floats", (0, 254.5), (0, 255)),
        ("floats", (0, 4095.2), (0, 8191)),
        ("floats", (-0.5, 0.5), (-0.5, 0.5)),
    ],
)
def test_the_scale_is_the_smallest_full_one_that_holds_what_is_used(kind, used, scale):
    assert Levels(*used).scale(kind) == scale


def test_twelve_bits_keep_256_levels_and_their_order(tmp_path):
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    assert levels_in(folder_of(tmp_path, ramp, ramp.T)).tolist() == list(range(256))


def test_eight_bits_in_a_file_of_16_stay_as_they_are(tmp_path):
    pixels = noise(1, 10, 10)
    data = load(folder_of(tmp_path, pixels.astype(np.uint16), pixels.astype(np.uint16)))
    assert np.array_equal(data.train.images[0, 0], pixels)


@pytest.mark.parametrize(
    "pixels",
    [
        np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10),
        np.linspace(-1024, 3071, 100).astype(np.int32).reshape(10, 10),
        np.linspace(0, 4095, 100).astype(np.uint16).reshape(10, 10),
    ],
    ids=["floats", "signed", "unsigned"],
)
def test_tiffs_of_floats_and_of_signed_levels_are_read(tmp_path, pixels):
    found = levels_in(folder_of(tmp_path, pixels, pixels, suffix=".tif"))
    assert (found[0], found[-1]) == (0, 255)
    assert len(found) == 100


def test_sixteen_bits_a_colour_keep_their_lower_bytes_too(tmp_path):
    samples = noise(3, 10, 12, 3, high=4096, kind=np.uint16)
    samples[0, 0] = 4095
    for name in ("cat", "dog"):
        for number in range(2):
            deep_png(tmp_path / name / f"{number}.png", samples)
    assert np.array_equal(read_deep(tmp_path / "cat" / "0.png").samples, samples)
    data = load(own(tmp_path))
    assert np.array_equal(data.train.images[0].transpose(1, 2, 0), samples >> 4)


def test_training_images_alone_decide_and_a_brighter_test_image_is_cut_off(tmp_path):
    pixels = np.full((10, 10), 3000, np.uint16)
    folder_of(tmp_path / "train", pixels, pixels)
    folder_of(tmp_path / "test", np.full((10, 10), 60000, np.uint16))
    data = load(own(tmp_path))
    assert data.look["scales"] == {"integers": [0, 4095]}
    assert set(np.unique(data.train.images)) == {3000 >> 4}
    assert set(np.unique(load_test(own(tmp_path)).images)) == {255}


def test_eight_bit_images_beside_deep_ones_stay_as_they_are(tmp_path):
    shallow = np.full((10, 10), 77, np.uint8)
    assert set(levels_in(folder_of(tmp_path, shallow, np.full((10, 10), 4095, np.uint16)))) == {77, 255}


def test_hidden_pixels_do_not_count_for_the_scale(tmp_path):
    samples = np.full((10, 10), 3000, np.uint16)
    samples[0] = 65535
    for name in ("cat", "dog"):
        for number in range(2):
            deep_png(tmp_path / name / f"{number}.png", samples, clear=(65535,))
    assert load(own(tmp_path)).look["scales"] == {"integers": [0, 4095]}


def test_levels_that_are_no_numbers_name_their_file(tmp_path):
    config = folder_of(tmp_path, np.ones((10, 10), np.float32), np.ones((10, 10), np.float32), suffix=".tif")
    save(tmp_path / "cat" / "1.tif", np.full((10, 10), np.nan, np.float32))
    with pytest.raises(InputError, match=r"cat/1\.tif \(has levels that are no finite numbers\)"):
        load(config)


def test_floats_that_only_test_images_have_are_named(tmp_path):
    folder_of(tmp_path / "train", *[noise(1, 10, 10)] * 2)
    folder_of(tmp_path / "test", np.ones((10, 10), np.float32), suffix=".tif")
    load(own(tmp_path))
    with pytest.raises(InputError, match=r"test/cat/0\.tif \(has more than 8 bits, but no training image has"):
        load_test(own(tmp_path))


def test_images_of_one_level_are_no_division_by_zero():
    assert as_bytes(np.full((2, 2), -5), (-5, -5)).tolist() == [[0, 0], [0, 0]]


def test_a_deep_photo_is_turned_as_its_exif_says(tmp_path):
    pixels = noise(1, 10, 10, high=65536, kind=np.uint16)
    pixels[0, 0] = 65535
    exif = Image.Exif()
    exif[0x0112] = 3
    save(tmp_path / "1.png", np.rot90(pixels, 2), exif=exif)
    assert np.array_equal(np.asarray(read_deep(tmp_path / "1.png").scaled((0, 65535))), pixels >> 8)


def test_a_scan_of_film_whose_white_is_zero_is_seen_as_it_is(tmp_path):
    pixels = np.linspace(0, 65535, 100).astype(np.uint16).reshape(10, 10)
    plain, film = tmp_path / "plain", tmp_path / "film"
    for name in ("cat", "dog"):
        for number in range(2):
            save(plain / name / f"{number}.tif", pixels)
            save(film / name / f"{number}.tif", pixels, tiffinfo={262: 0})
    assert np.array_equal(load(own(film)).train.images, 255 - load(own(plain)).train.images)
