"""How many images of each class validate with `data.val_per_class: auto`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import folders

from trainers.data import config_of_folder, load
from trainers.data.splits import split_indices
from trainers.data.validation_size import auto_val_per_class
from trainers.data_config import DataConfig
from trainers.errors import InputError

TWO = ("common", "rare")


def auto(*there, **shape):
    """The number for classes of so many images."""
    labels = np.repeat(np.arange(len(there)), there)
    return auto_val_per_class(labels, range(len(there)), [str(k) for k in range(len(there))], **shape)


def test_where_images_are_to_spare_twice_as_many_validate_as_train():
    assert auto(6000, 6000, train_size=1000, ratio=(90, 10)) == 1000
    assert auto(6000, 6000, 6000, counts=(900, 300, 60)) == 840


def test_no_more_validate_than_tell_something_beside_the_noise_of_seeds():
    assert auto(6000, 6000, counts=(990, 10)) == 713  # 36 times the harmonic mean, 19.8
    assert auto(6000, 6000, counts=(300, 3)) == 214


def test_training_takes_its_images_first():
    assert auto(1500, 1500, counts=(900, 100)) == 600
    assert auto(901, 1500, counts=(900, 100)) == 1


def test_training_sizes_that_leave_none_to_validate_are_refused():
    with pytest.raises(InputError, match=r"class '0' would need 900 training images, but validation leaves 899 of it"):
        auto(900, 1500, counts=(900, 100))


def test_where_all_images_are_wanted_for_training_a_fifth_of_the_smallest_class_validates():
    assert auto(700, 64) == 12
    assert auto(6000, 6000, ratio=(90, 10)) == 1200
    assert auto(50, 3) == 1


def test_images_that_belong_together_are_counted_by_groups():
    groups = np.arange(80) // 4  # twenty groups of four, ten of each class
    assert auto(40, 40, groups=groups) == 2
    assert auto(40, 40, groups=groups, val_per_group=3) == 6
    assert auto(40, 40, groups=groups, val_per_group=10) == 8, "no group has more than four"
    assert auto(40, 40, groups=groups, counts=(8, 8)) == 8
    assert auto(40, 40, groups=groups, counts=(30, 8)) == 2


def test_two_equal_images_change_next_to_nothing():
    groups = np.arange(2000)
    groups[1] = 0
    assert auto(1000, 1000, counts=(900, 100)) == 100
    assert auto(1000, 1000, counts=(900, 100), groups=groups) == 99


def test_a_size_alone_does_not_take_the_rare_class_out_of_training():
    """The classes train in the proportions that validation leaves, which must stay near those that there are."""
    there, number = (6000, 600), auto(6000, 600, train_size=1000)
    assert number == 120
    common, rare = (have - number for have in there)
    assert 1000 * rare / (common + rare) > 70


shapes = st.sampled_from(["counts", "ratio", "long_tail", "train_size", "nothing"])


@given(st.lists(st.integers(6, 300), min_size=2, max_size=4), shapes, st.integers(1, 4), st.data())
def test_whatever_the_sizes_a_split_with_that_number_can_be_made(there, shape, largest, data):
    """If the training sizes leave one image of each class, and where groups are small."""
    labels, names = np.repeat(np.arange(len(there)), there), [str(k) for k in range(len(there))]
    sizes = data.draw(st.lists(st.integers(1, largest), min_size=len(labels), max_size=len(labels)))
    groups = np.repeat(np.arange(len(sizes)), sizes)[: len(labels)] + 1000 * labels
    has_groups, chosen = data.draw(st.booleans()), {}
    if shape == "counts":
        chosen["counts"] = [data.draw(st.integers(1, max(1, number // 2))) for number in there]
    elif shape != "nothing":
        chosen["train_size"] = sum(there) // 2 if shape == "train_size" else min(there)
        chosen |= {"ratio": [1] * len(there)} if shape == "ratio" else {}
        chosen |= {"long_tail": 2.0} if shape == "long_tail" else {}
    more = {"groups": groups if has_groups else None, **chosen}
    number = auto_val_per_class(labels, range(len(there)), names, **more)
    train, validation = split_indices(labels, range(len(there)), names, val_per_class=number, seed=0, **more)
    assert np.bincount(labels[validation], minlength=len(there)).tolist() == [number] * len(there)
    assert set(train).isdisjoint(validation)


def test_a_folder_is_split_as_data_check_shows_it(tmp_path):
    folder = folders(tmp_path / "photos", per_class=11)
    shown = config_of_folder(folder)
    assert shown.val_per_class == 2
    plain = DataConfig(dataset="folder", path=str(folder), image_size=64)
    assert load(plain).fingerprint == load(shown).fingerprint


def test_digits_spare_what_training_leaves():
    data = load(DataConfig(dataset="digits", classes=("3", "8"), train_size=60, ratio=(80, 20)))
    assert data.train.counts(2) == (48, 12)
    assert data.validation.counts(2) == (60, 60)


@pytest.mark.parametrize("value", ["Auto", "many", 0, -3, 2.5, True, None])
def test_the_number_is_auto_or_whole(value):
    with pytest.raises(ValueError, match="must be auto or a whole number of at least 1"):
        DataConfig(val_per_class=value)
