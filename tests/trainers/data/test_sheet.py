"""The contact sheet: a row a class, as read on the left and as augmented on the right."""

import numpy as np
import torch
from pictures import own, save

from trainers.config import AugmentConfig
from trainers.data import load
from trainers.data.sheet import GAP, LINE, MIDDLE, augmented, draw_sheet
from trainers.data.transforms.augment import augment
from trainers.seeds import generator

COLOURS = {"blue": (0, 0, 200), "green": (0, 200, 0), "red": (200, 0, 0)}


def plain(top, **fields):
    """A folder whose classes are plain colours."""
    for name, colour in COLOURS.items():
        for number in range(5):
            save(top / name / f"{number}.png", np.full((12, 12, 3), colour, np.uint8))
    return load(own(top, **fields))


def test_each_class_stands_in_its_row_as_read_and_as_augmented(tmp_path):
    sheet = np.asarray(draw_sheet(plain(tmp_path), AugmentConfig(brightness=0, contrast=0), each=3, side=40))
    half = 3 * (40 + GAP)
    assert sheet.shape == (LINE + 3 * (LINE + 40 + GAP) + GAP, 2 * half + MIDDLE + GAP, 3)
    for row, colour in enumerate(COLOURS.values()):
        y = LINE + row * (LINE + 40 + GAP) + LINE + 20
        for x in (GAP + 20, half + MIDDLE + GAP + 20):
            assert sheet[y, x].tolist() == list(colour)


def test_the_right_side_shows_what_training_would_see(tmp_path):
    data, config = plain(tmp_path), AugmentConfig(rotation=30)
    images = data.train.images[:3]
    expected = augment(torch.from_numpy(images.copy()), config, generator(0, "contact sheet", 0))
    assert np.abs(augmented(images, config, 0) / 255 - expected.numpy()).max() <= 0.5 / 255 + 1e-6


def test_it_is_the_same_every_time(tmp_path):
    data = plain(tmp_path)
    assert draw_sheet(data, AugmentConfig()).tobytes() == draw_sheet(data, AugmentConfig()).tobytes()


def test_images_that_are_no_square_keep_their_shape_and_grey_ones_are_drawn(tmp_path):
    for name in ("a", "b"):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", np.full((10, 20), 9, np.uint8))
    sheet = np.asarray(draw_sheet(load(own(tmp_path)), AugmentConfig(), each=2, side=40))
    row = sheet[2 * LINE : 2 * LINE + 40, GAP + 5]
    assert (row[:20] == 9).all()
    assert (row[21:] != 9).all()


def test_more_classes_than_there_is_room_for_are_counted(tmp_path):
    data = plain(tmp_path)
    whole, cut = draw_sheet(data, AugmentConfig(), classes=3), draw_sheet(data, AugmentConfig(), classes=1)
    assert cut.height < whole.height
    assert cut.height > draw_sheet(load(own(tmp_path, classes=("blue", "red"))), AugmentConfig(), classes=1).height - 1
