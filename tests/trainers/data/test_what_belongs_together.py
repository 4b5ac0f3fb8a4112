"""Through the front door: what belongs together is on one side of every split, and what is not is told."""

import shutil

import lesions
import numpy as np
import patients
import pytest
from PIL import Image

from trainers.data import check, config_of_folder, faults, load, load_test
from trainers.data.datasets.isic2018_tables import CLASS_NAMES
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.older_configs import as_meant_then


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that no test changes."""
    return patients.in_folder(tmp_path_factory.mktemp("own") / "photos")


@pytest.fixture(scope="module")
def isic(tmp_path_factory):
    return in_isic2018(tmp_path_factory.mktemp("isic") / "tree")


def in_isic2018(top):
    """The layout of ISIC 2018: six classes have three lesions each, and the last has two."""
    images = top / "ISIC2018_Task3_Training_Input"
    images.mkdir(parents=True)
    listed, shown = [], []
    for patient in range(patients.PATIENTS):
        for number in range(patients.PICTURES):
            image = f"ISIC_{24000 + len(listed):07}"
            patients.picture(images / f"{image}.jpg", patient, number)
            listed.append((image, CLASS_NAMES[patient // 3]))
            shown.append((image, f"HAM_{patient:07}"))
    lesions.write_truth(top, "Training", listed)
    lesions.write_csv(top / "ISIC2018_Task3_Training_LesionGroupings.csv", ("image", "lesion_id"), shown)
    return top


def own(top, **fields):
    return DataConfig(dataset="folder", path=str(top), **{"val_per_class": 3} | fields)


def sides(data):
    """Who trains and who validates."""
    return [set(patients.patients_of(part.images)) for part in (data.train, data.validation)]


def refusal(config, door=load):
    with pytest.raises(InputError) as refused:
        door(config)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def copy_of(picture, copy):
    """The same pixels in another file: no metadata, another compression."""
    Image.open(picture).save(copy, compress_level=1)
    assert copy.suffix != picture.suffix or copy.read_bytes() != picture.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"val_per_class": 8, "val_per_group": 3},
        *(pytest.param(one, marks=pytest.mark.slow) for one in ({}, {"ratio": (3, 1), "train_size": 12})),
    ],
)
def test_no_patient_of_a_folder_is_on_two_sides_whatever_the_seed(folder, fields):
    for seed in range(50):
        data = load(own(folder, seed=seed, **fields))
        train, validation = sides(data)
        assert train.isdisjoint(validation)
        wanted = fields.get("val_per_class", 3)
        assert data.validation.counts(2) == (wanted, wanted)
        if not fields:
            assert len(train | validation) == patients.PATIENTS, "nobody is lost"


@pytest.mark.slow
def test_no_lesion_of_isic2018_is_on_two_sides_whatever_the_seed(isic):
    for seed in range(50):
        data = load(DataConfig(dataset="isic2018", path=str(isic), image_size=16, val_per_class=1, seed=seed))
        train, validation = sides(data)
        assert train.isdisjoint(validation)
        assert len(train | validation) == patients.PATIENTS
        assert data.validation.counts(7) == (1,) * 7


def test_the_same_seed_makes_the_same_split_and_another_seed_another(folder):
    prints = [load(own(folder, seed=seed)).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.slow
def test_a_column_of_another_name_is_told_and_taken_when_it_is_named(tmp_path):
    top = patients.in_folder(tmp_path / "photos", column="lesion_id")
    assert check(own(top)).remarks == (
        "labels.csv: the column lesion_id is not used; data.group: lesion_id keeps images of one value on one side of "
        "the split",
    )
    assert any(
        not train.isdisjoint(validation) for train, validation in (sides(load(own(top, seed=s))) for s in (0, 1))
    )
    named = own(top, group="lesion_id")
    assert check(named).remarks == (
        "60 training images in 20 groups (labels.csv: lesion_id): a group never both trains and validates",
    )
    assert load(named).fingerprint == load(own(patients.in_folder(tmp_path / "same"))).fingerprint


def test_a_search_is_told_too(tmp_path):
    top = patients.in_folder(tmp_path / "photos", column="lesion_id")
    assert load(own(top)).remarks == check(own(top)).remarks


@pytest.mark.slow
def test_an_image_without_a_group_stands_for_itself_and_a_group_of_two_classes_is_told(tmp_path):
    top = tmp_path / "photos"
    top.mkdir()
    rows = []
    for k in range(12):
        patients.picture(top / f"{k}.png", k, 0)
        rows.append((f"{k}.png", ("benign", "malignant")[k % 2], "" if k < 6 else "ann" if k < 8 else f"p{k}"))
    patients.write_labels(top, ("file", "label", "group"), rows)
    assert check(own(top, val_per_class=2)).remarks == (
        "6 training images in 5 groups (labels.csv: group): a group never both trains and validates",
        "6 training images without a group (labels.csv: group): each stands for itself",
        "1 group has images of more than one class (ann: benign, malignant)",
    )
    for seed in range(50):
        train, validation = sides(load(own(top, val_per_class=2, seed=seed)))
        assert not ({6, 7} & train and {6, 7} & validation)


def test_a_class_of_one_group_cannot_be_split(tmp_path):
    top = patients.in_folder(tmp_path / "photos")
    table = top / "labels.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    patients.write_labels(
        top, ("file", "label", "group"), [(f, k, "ann" if k == "malignant" else g) for f, k, g in rows]
    )
    assert refusal(own(top, val_per_class=1)) == (
        "data.val_per_class: class 'malignant' is one group of 30 images that belong together, so it cannot both train "
        "and validate"
    )


def test_a_class_that_other_classes_leave_nothing_is_told_so(tmp_path):
    top = tmp_path / "photos"
    top.mkdir()
    rows = [(f"{k}.png", ("benign", "malignant")[k % 2], f"p{k // 2}") for k in range(4)]
    for k, (file, _, _) in enumerate(rows):
        patients.picture(top / file, k, 0)
    patients.write_labels(top, ("file", "label", "group"), rows)
    told = {refusal(own(top, val_per_class=1, seed=seed)) for seed in range(20) if fails(own(top, seed=seed))}
    assert any("has no image left to train on: all its groups validate in another class" in line for line in told)


def fails(config):
    try:
        load(config.model_copy(update={"val_per_class": 1}))
    except InputError:
        return True
    return False


def class_folders(top, per_class=8, first=0):
    for k, name in enumerate(("cat", "dog")):
        (top / name).mkdir(parents=True)
        for number in range(per_class):
            patients.picture(top / name / f"{number}.png", first + 8 * k + number, 0)
    return top


@pytest.mark.slow
def test_equal_pixels_train_or_validate_and_never_both(tmp_path):
    top = class_folders(tmp_path / "photos")
    for number in range(8):
        copy_of(top / "cat" / f"{number}.png", top / "cat" / f"again-{number}.bmp")
    for seed in range(50):
        data = load(own(top, val_per_class=4, seed=seed))
        train, validation = sides(data)
        assert train.isdisjoint(validation)
        assert len(validation) == len(data.validation), "a copy validates once"
    assert data.description.endswith("from a folder, without 4 of the same groups as validation images")
    found = check(own(top))
    assert found.remarks == (
        "8 training images are copies of others (cat/again-0.bmp of cat/0.png; cat/again-1.bmp of cat/1.png; "
        "cat/again-2.bmp of cat/2.png; and 5 more): equal images never both train and validate",
    )
    assert found.faults == ()


@pytest.mark.slow
def test_a_folder_of_nothing_but_copies_is_checked_by_what_differs(tmp_path):
    top = class_folders(tmp_path / "photos", per_class=5)
    for name in ("cat", "dog"):
        for number in range(5):
            for copy in range(9):
                shutil.copy(top / name / f"{number}.png", top / name / f"{number}-{copy}.png")
    assert check(config_of_folder(top)).validation == (1, 1)


def test_whole_patients_validate_where_a_folder_is_only_looked_at(folder):
    config = config_of_folder(folder)
    assert (config.val_per_class, config.val_per_group) == (6, 3)
    assert check(config).train == (24, 24)


@pytest.mark.slow
def test_one_image_under_two_labels_is_told(tmp_path):
    top = class_folders(tmp_path / "photos")
    copy_of(top / "cat" / "3.png", top / "dog" / "odd.png")
    assert check(own(top)).faults == (
        "1 training image stands under different labels (cat/3.png as cat and dog/odd.png as dog)",
    )
    for seed in range(20):
        train, validation = sides(load(own(top, seed=seed)))
        assert train.isdisjoint(validation)


def test_test_images_that_are_copies_of_training_images_are_told(tmp_path):
    top = tmp_path / "photos"
    class_folders(top / "train")
    class_folders(top / "test", per_class=2, first=4)
    assert check(own(top)).faults == (
        "4 test images are copies of training images (test/cat/0.png of train/cat/4.png; test/cat/1.png of "
        "train/cat/5.png; test/dog/0.png of train/dog/4.png; and 1 more)",
    )
    assert faults(own(top)) == check(own(top)).faults


def test_a_group_in_training_and_in_test_is_told(tmp_path):
    top = tmp_path / "photos"
    patients.in_folder(top / "train", patients=16)
    patients.in_folder(top / "test", first=14, patients=6)
    for picture in (top / "test").glob("1[45]-*.png"):  # other pictures of the same two
        patients.picture(picture, int(picture.name[:2]), 7 + int(picture.stem[-1]))
    assert faults(own(top)) == ("2 groups stand in training and in test (patient 14; patient 15)",)


def test_a_test_split_without_groups_is_told_and_no_other_column_is_needed(tmp_path):
    top = tmp_path / "photos"
    patients.in_folder(top / "train", column="patient", patients=16)
    patients.in_folder(top / "test", column="nobody", first=16, patients=4)
    found = check(own(top, group="patient"))
    assert found.faults == ()
    assert (
        "the test split names no groups (labels.csv: patient), so a group that is also in train cannot be noticed"
        in found.remarks
    )
    assert len(load_test(own(top, group="patient"))) == 12


def test_where_nothing_belongs_together_nothing_changes(tmp_path):
    top = class_folders(tmp_path / "photos")
    now, before = load(own(top)), load(own(top, split_rules=1))
    assert (now.fingerprint, now.description, now.remarks) == (before.fingerprint, before.description, ())


@pytest.mark.parametrize("kept", [{"data": {"seed": 3}}, {"data": None}, {}])
def test_what_an_older_version_kept_has_the_rules_of_then(kept):
    assert as_meant_then(kept)["data"]["split_rules"] == 1
    assert as_meant_then({"data": {"split_rules": 2}})["data"]["split_rules"] == 2


def test_the_rules_of_before_look_at_neither_groups_nor_copies_and_say_so(tmp_path):
    top = patients.in_folder(tmp_path / "photos")
    copy_of(top / "0-0.png", top / "2-0.png")
    found = check(own(top, split_rules=1))
    assert found.remarks == (
        "labels.csv: the column group is not used; data.group: group keeps images of one value on one side of the "
        "split",
        "1 training image is a copy of another (2-0.png of 0-0.png): some may train and others validate, "
        "as before data.split_rules: 2",
    )
    assert found.fingerprint != check(own(top)).fingerprint


def test_digits_hold_no_copies():
    config = DataConfig(dataset="digits", val_per_class=40)
    assert check(config).remarks == faults(config) == ()
    assert load(config).fingerprint == load(config.model_copy(update={"split_rules": 1})).fingerprint


def test_broken_images_are_named_before_groups_are_looked_at(tmp_path):
    top = class_folders(tmp_path / "photos")
    (top / "cat" / "3.png").write_bytes(b"hello")
    assert refusal(own(top)).startswith("data.path: 1 image (cat/3.png (")


def test_an_image_that_becomes_a_copy_is_seen(tmp_path):
    top = class_folders(tmp_path / "photos")
    assert load(own(top)).remarks == ()
    shutil.copy(top / "cat" / "1.png", top / "cat" / "2.png")
    assert "1 training image is a copy" in load(own(top)).remarks[0]
    assert np.array_equal(*(np.asarray(Image.open(top / "cat" / f"{k}.png")) for k in (1, 2)))


def test_what_belongs_with_a_given_validation_split_does_not_train(tmp_path):
    top = tmp_path / "photos"
    patients.in_folder(top / "train", patients=16)
    patients.in_folder(top / "val", first=12, patients=8)
    shutil.copy(top / "val" / "18-0.png", top / "train" / "0-0.png")  # which joins the patients 0 and 18
    data = load(own(top))
    train, validation = sides(data)
    assert (train, validation) == (set(range(1, 12)), set(range(12, 20)))
    assert data.description.endswith("of their own, without 15 of the same groups as validation images")


def test_a_class_that_has_nothing_of_its_own_beside_a_given_validation_split_is_named(tmp_path):
    patients.in_folder(tmp_path / "photos" / "train", patients=4)
    patients.in_folder(tmp_path / "photos" / "val", patients=4)
    told = refusal(own(tmp_path / "photos"))
    assert told == "data.path: every training image of class 'benign' is in a group of which an image validates"
