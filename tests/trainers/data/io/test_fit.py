"""How an image that is no square becomes one."""

import numpy as np
from pictures import noise, own, save
from PIL import Image

from trainers.data import load
from trainers.data.io.fit import fitted

WIDE = Image.fromarray(np.hstack([np.full((10, 10), value, np.uint8) for value in (50, 100, 150, 200)]))  # 40×10
BLACK = (0, 0, 0)


def test_stretch_is_the_plain_resize_that_it_was():
    image = Image.fromarray(noise(1, 30, 17, 3))
    assert np.array_equal(fitted(image, (16, 16), "stretch", BLACK), image.resize((16, 16), Image.Resampling.BILINEAR))


def test_pad_keeps_the_whole_image_and_its_shape_on_the_background():
    padded = np.asarray(fitted(WIDE, (16, 16), "pad", (255, 255, 255)))
    assert (padded[:6] == 255).all()
    assert (padded[10:] == 255).all()
    assert padded[8, [1, 6, 9, 14]].tolist() == [50, 100, 150, 200]


def test_crop_keeps_the_middle_and_its_shape():
    cropped = np.asarray(fitted(WIDE, (10, 10), "crop", BLACK))
    assert set(cropped[:, 0]) == {100}
    assert set(cropped[:, -1]) == {150}


def test_what_has_the_right_shape_is_the_same_by_every_fit():
    image = Image.fromarray(noise(1, 20, 20, 3))
    made = [np.asarray(fitted(image, (16, 16), fit, BLACK)).tobytes() for fit in ("stretch", "pad", "crop")]
    assert len(set(made)) == 1


def test_extreme_shapes_have_a_pixel_at_least():
    for size in ((1, 5000), (5000, 1)):
        for fit in ("pad", "crop", "stretch"):
            assert fitted(Image.new("RGB", size), (16, 16), fit, BLACK).size == (16, 16)


def test_a_folder_is_padded_as_its_config_says(tmp_path):
    for name in ("cat", "dog"):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", np.full((20, 10, 3), 90, np.uint8))
    images = load(own(tmp_path, image_size=16, fit="pad", background="#0000ff")).train.images
    assert images[0, :, 8, 0].tolist() == [0, 0, 255]
    assert images[0, :, 8, 8].tolist() == [90, 90, 90]
