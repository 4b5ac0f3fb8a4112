import pickle

import numpy as np
import pytest

from trainers.data import check, load, load_test
from trainers.data.catalog import default_config
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.parsing import parse


def digits(**fields):
    return DataConfig(dataset="digits", **{"val_per_class": 20} | fields)


THREE_EIGHT = digits(classes=("3", "8"), train_size=100, ratio=(90, 10))


def test_digits_load_with_the_classes_counts_and_types_asked_for():
    data = load(THREE_EIGHT)
    assert data.class_names == ("3", "8")
    assert data.train.images.shape == (100, 1, 8, 8)
    assert data.train.images.dtype == np.uint8
    assert data.train.images.max() == 255
    assert data.train.labels.dtype == np.int64
    assert data.train.counts(2) == (90, 10)
    assert data.validation.counts(2) == (20, 20)
    assert data.description == "Digits 3, 8 90:10 from scikit-learn"


def test_labels_follow_the_order_of_the_configs_classes():
    there, back = load(digits(classes=("3", "8"), counts=(9, 4))), load(digits(classes=("8", "3"), counts=(4, 9)))
    assert np.array_equal(there.train.images[:9], back.train.images[4:])
    assert there.train.labels.tolist() == [0] * 9 + [1] * 4
    assert back.train.labels.tolist() == [0] * 4 + [1] * 9


def test_the_fingerprint_is_the_same_on_every_machine():
    # written down from scikit-learn 1.9 and NumPy 2.4 on x86-64; the digits have not changed since they were bundled
    assert load(THREE_EIGHT).fingerprint == "1ddc018bc6ab85d8737f75409645462c120b26ec1f6834668f7165af94d3d56b"


@pytest.mark.parametrize("change", [{"seed": 1}, {"classes": ("8", "3")}, {"val_per_class": 21}, {"train_size": 110}])
def test_the_fingerprint_changes_with_what_the_trial_sees(change):
    assert load(THREE_EIGHT.model_copy(update=change)).fingerprint != load(THREE_EIGHT).fingerprint


def test_the_test_split_is_a_fixed_fifth_that_no_seed_mixes_with_training():
    everything = [load(digits(val_per_class=1, seed=seed)) for seed in (0, 1)]
    test = load_test(digits(seed=5))
    assert test.counts(10) == (35, 36, 35, 36, 36, 36, 36, 35, 34, 36)
    for data in everything:
        assert len(data.train) + len(data.validation) + len(test) == 1797
        seen = {image.tobytes() for split in (data.train, data.validation) for image in split.images}
        assert seen.isdisjoint(image.tobytes() for image in test.images)


def test_the_test_split_holds_the_configs_classes_alone():
    assert load_test(THREE_EIGHT).counts(2) == (36, 34)


def test_arrays_are_read_only_and_pickle_out_of_band_as_rays_object_store_wants_them():
    data = load(THREE_EIGHT)
    assert not data.train.images.flags.writeable
    buffers = []
    pickled = pickle.dumps(data, protocol=5, buffer_callback=buffers.append)
    assert len(pickled) < 2000
    assert sum(len(buffer.raw()) for buffer in buffers) == 140 * (64 + 8)
    back = pickle.loads(pickled, buffers=buffers)
    assert np.array_equal(back.train.images, data.train.images)
    assert back.fingerprint == data.fingerprint


def test_check_counts_every_class_of_every_split():
    found = check(default_config("digits"))
    assert found.image_shape == (1, 8, 8)
    assert found.validation == (28,) * 10  # a fifth of the smallest class
    assert found.test is not None
    assert sum(found.train) + sum(found.validation) + sum(found.test) == 1797
    assert len(found.fingerprint) == 64


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"classes": ["3", "eight"]},
            "data.classes: no class 'eight' in digits; known are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ),
        ({"path": "somewhere"}, "data.path: digits come with scikit-learn, so path must be left out"),
        ({"image_size": 32}, "data.image_size: is only for dataset: folder and isic2018, not for digits"),
        (
            {"val_per_class": 250},
            "data.val_per_class: class '0' has 143 images, so 250 for validation leave none to train on",
        ),
        ({"ratio": [90, 10]}, "data.ratio: needs one number per class, but got 2 for 10 classes"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_in_one_line(fields, message):
    config = parse(DataConfig, {"dataset": "digits", **fields}, "data")
    with pytest.raises(InputError) as refused:
        load(config)
    assert str(refused.value) == message


def test_default_config_knows_its_datasets():
    with pytest.raises(InputError, match="no dataset 'digit'; did you mean digits"):
        default_config("digit")
