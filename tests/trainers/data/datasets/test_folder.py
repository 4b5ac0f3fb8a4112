import csv

import numpy as np
import pytest
from PIL import Image

from trainers.data import check, load, load_test, missing_test
from trainers.data_config import DataConfig
from trainers.errors import InputError


def picture(path, number, size=(12, 10), mode="RGB"):
    """A PNG (or what the suffix says) whose pixels tell its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    values = np.random.PCG64(number).random_raw(int(np.prod(shape))) % 256
    Image.fromarray(values.reshape(shape).astype(np.uint8)).save(path)


def class_folders(top, per_class=8, **how):
    for k, name in enumerate(("cat", "dog")):
        for number in range(per_class):
            picture(top / name / f"{number}.png", 100 * k + number, **how)
    return top


def own(top, **fields):
    return DataConfig(dataset="folder", path=str(top), **{"val_per_class": 2} | fields)


def message_of(config, door=load):
    with pytest.raises(InputError) as refused:
        door(config)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_subfolders_are_classes(tmp_path):
    data = load(own(class_folders(tmp_path), counts=(5, 1)))
    assert data.class_names == ("cat", "dog")
    assert data.train.images.shape == (6, 3, 10, 12)
    assert data.train.counts(2) == (5, 1)
    assert data.description == "Own images cat, dog 5:1 from a folder"


def test_pixels_arrive_as_they_are_in_the_file(tmp_path):
    data = load(own(class_folders(tmp_path)))
    files = {np.asarray(Image.open(path)).transpose(2, 0, 1).tobytes() for path in tmp_path.rglob("*.png")}
    images = np.concatenate([data.train.images, data.validation.images])
    assert {image.tobytes() for image in images} == files


def test_a_csv_names_files_and_labels_and_its_row_order_does_not_matter(tmp_path):
    class_folders(tmp_path / "byfolder")
    rows = []
    for k, name in enumerate(("cat", "dog")):
        for number in range(8):
            picture(tmp_path / "bycsv" / "images" / name / f"{number}.png", 100 * k + number)
            rows.append((f"images/{name}/{number}.png", name))
    prints = []
    for order in (rows, rows[::-1]):
        with (tmp_path / "bycsv" / "labels.csv").open("w", newline="") as table:
            csv.writer(table).writerows([("file", "label"), *order])
        prints.append(load(own(tmp_path / "bycsv")).fingerprint)
    assert prints == [load(own(tmp_path / "byfolder")).fingerprint] * 2


def test_images_of_many_sizes_are_squeezed_into_the_square_asked_for(tmp_path):
    class_folders(tmp_path)
    picture(tmp_path / "cat" / "wide.jpg", 1, size=(40, 9))
    assert load(own(tmp_path, image_size=16)).train.images.shape[1:] == (3, 16, 16)


def test_images_of_many_sizes_without_one_asked_for_are_refused(tmp_path):
    class_folders(tmp_path)
    picture(tmp_path / "dog" / "wide.png", 1, size=(40, 9))
    assert message_of(own(tmp_path)) == (
        "data.image_size: must be given, because images differ in size, as cat/0.png (12×10) and dog/wide.png (40×9) do"
    )


def test_grey_images_stay_grey_and_one_in_colour_among_them_makes_all_rgb(tmp_path):
    class_folders(tmp_path, mode="L")
    assert load(own(tmp_path)).train.images.shape[1] == 1
    picture(tmp_path / "dog" / "colour.png", 1)
    data = load(own(tmp_path))
    assert data.train.images.shape[1] == 3
    assert data.validation.images.shape[1] == 3


def test_only_the_chosen_classes_decide_and_are_opened(tmp_path):
    class_folders(tmp_path, mode="L")
    picture(tmp_path / "colour" / "0.png", 1)
    (tmp_path / "colour" / "1.png").write_bytes(b"not even an image")
    assert load(own(tmp_path, classes=("dog", "cat"))).train.images.shape[1] == 1


def test_sixteen_bit_grey_keeps_its_upper_byte(tmp_path):
    class_folders(tmp_path, mode="L")
    for path in tmp_path.rglob("*.png"):
        Image.fromarray(np.asarray(Image.open(path)).astype(np.uint16) * 256 + 7).save(path)
    deep = load(own(tmp_path)).fingerprint
    class_folders(tmp_path, mode="L")
    assert load(own(tmp_path)).fingerprint == deep


def test_a_photo_is_turned_as_its_exif_says(tmp_path):
    class_folders(tmp_path, size=(16, 16))
    upright = load(own(tmp_path)).fingerprint
    path = tmp_path / "cat" / "0.png"
    exif = Image.Exif()
    exif[0x0112] = 3  # held upside down
    Image.open(path).rotate(180).save(path, exif=exif)
    assert load(own(tmp_path)).fingerprint == upright


def test_broken_images_are_reported_together_by_name(tmp_path):
    class_folders(tmp_path)
    (tmp_path / "cat" / "3.png").write_bytes(b"hello")
    whole = (tmp_path / "dog" / "5.png").read_bytes()
    (tmp_path / "dog" / "5.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "dog" / "6.png").write_bytes(b"")
    message = message_of(own(tmp_path))
    assert message.startswith("data.path: 3 images (cat/3.png (is no image), dog/5.png (")
    assert message.endswith("dog/6.png (is no image)) that are not usable")


def test_a_long_list_of_broken_images_is_cut(tmp_path):
    class_folders(tmp_path)
    for path in (tmp_path / "cat").iterdir():
        path.write_bytes(b"hello")
    assert " and 3 more) that are not usable" in message_of(own(tmp_path))


def test_hidden_files_and_files_that_are_no_images_are_passed_over(tmp_path):
    class_folders(tmp_path)
    (tmp_path / "cat" / "notes.txt").write_text("mine")
    (tmp_path / "cat" / "._0.png").write_bytes(b"left by a Mac")
    (tmp_path / ".cache").mkdir()
    assert check(own(tmp_path)).train == (6, 6)


def test_a_test_folder_beside_train_is_the_test_split_and_a_search_does_not_open_it(tmp_path):
    class_folders(tmp_path / "train")
    class_folders(tmp_path / "test", per_class=3)
    picture(tmp_path / "test" / "cat" / "grey.png", 7, mode="L")
    assert load_test(own(tmp_path)).counts(2) == (4, 3)
    assert load_test(own(tmp_path)).images.shape == (7, 3, 10, 12)
    assert load(own(tmp_path)).fingerprint == load(own(class_folders(tmp_path / "same"))).fingerprint
    for path in (tmp_path / "test").rglob("*.png"):
        path.write_bytes(b"nobody may look at this")
    assert len(load(own(tmp_path)).train) == 12
    assert "test/cat/0.png" in message_of(own(tmp_path), load_test)


def test_a_test_image_of_another_size_is_named(tmp_path):
    class_folders(tmp_path / "train")
    class_folders(tmp_path / "test", size=(9, 9))
    assert "test/cat/0.png (is 9×9, others are 12×10; give data.image_size)" in message_of(own(tmp_path), load_test)


def test_an_undivided_folder_has_no_test_split(tmp_path):
    class_folders(tmp_path)
    assert check(own(tmp_path)).test is None
    assert "has no test split" in message_of(own(tmp_path), load_test)


def test_what_is_said_of_a_missing_test_split_mends_it_and_a_search_before_stays_good(tmp_path):
    before = load(own(class_folders(tmp_path)))
    mend = missing_test(own(tmp_path))
    assert f"into {tmp_path / 'train'} and put other images, arranged alike, into {tmp_path / 'test'}" in mend
    assert mend in message_of(own(tmp_path), load_test)
    assert check(own(tmp_path)).missing_test == mend
    (tmp_path / "train").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / name).rename(tmp_path / "train" / name)
    assert f"arranged like those in train, into {tmp_path / 'test'}" in missing_test(own(tmp_path))
    class_folders(tmp_path / "test", per_class=3)
    assert missing_test(own(tmp_path)) is None
    assert load(own(tmp_path)).fingerprint == before.fingerprint
    assert load_test(own(tmp_path)).counts(2) == (3, 3)


def test_a_class_may_be_called_train(tmp_path):
    class_folders(tmp_path)
    for number in range(5):
        picture(tmp_path / "train" / f"{number}.png", 900 + number)
    assert load(own(tmp_path)).class_names == ("cat", "dog", "train")


def nothing(top):
    (top / "1.png").write_bytes(b"")


def one_class(top):
    for number in range(4):
        picture(top / "cat" / f"{number}.png", number)


def empty_class(top):
    class_folders(top)
    (top / "eel").mkdir()


def nested_class(top):
    class_folders(top)
    picture(top / "cat" / "indoor" / "1.png", 1)


def lone_test(top):
    class_folders(top / "test")
    (top / "cat").mkdir()


def csv_without_columns(top):
    (top / "labels.csv").write_text("name,class\n1.png,cat\n")


def csv_with_a_gap(top):
    (top / "labels.csv").write_text("file,label\n1.png,\n")


def csv_with_absent_files(top):
    (top / "labels.csv").write_text("file,label\n1.png,cat\n2.png,dog\n")


def csv_with_a_file_twice(top):
    picture(top / "1.png", 1)
    (top / "sub").mkdir()
    (top / "labels.csv").write_text("file,label\n1.png,cat\nsub/../1.png,dog\n")


def csv_of_bytes(top):
    (top / "labels.csv").write_bytes(b"file,label\n\xff\xfe,cat\n")


def csv_without_rows(top):
    (top / "labels.csv").write_text("file,label\n")


WRONG = [
    (nothing, "has neither a subfolder per class nor a labels.csv"),
    (one_class, "at least 2 classes are needed, but"),
    (empty_class, "eel holds no image"),
    (nested_class, "indoor is a folder within a class"),
    (lone_test, "has a test folder of classes, but no train folder beside it"),
    (csv_without_columns, "labels.csv needs the columns file and label, but has ['name', 'class']"),
    (csv_with_a_gap, "labels.csv, line 2: file and label must both be given"),
    (csv_with_absent_files, "labels.csv names 2 files (1.png, 2.png) that are not there"),
    (csv_with_a_file_twice, "labels.csv, line 3: sub/../1.png is listed twice"),
    (csv_of_bytes, "labels.csv is no CSV file in UTF-8"),
    (csv_without_rows, "labels.csv lists no image"),
]


@pytest.mark.parametrize(("arrange", "message"), WRONG, ids=[arrange.__name__ for arrange, _ in WRONG])
def test_a_folder_that_is_not_arranged_as_it_should_be_is_told_how(arrange, message, tmp_path):
    arrange(tmp_path)
    told = message_of(own(tmp_path))
    assert told.startswith("data.path: ")
    assert message in told


def test_a_folder_that_is_not_there_is_the_users_to_mend(tmp_path):
    assert message_of(own(tmp_path / "nowhere")) == f"data.path: no folder {tmp_path / 'nowhere'}"
    assert message_of(own("~no-such-user/images")).startswith("data.path: ~no-such-user/images cannot be read: ")


def test_a_test_class_that_training_does_not_know_is_named(tmp_path):
    class_folders(tmp_path / "train")
    class_folders(tmp_path / "test")
    picture(tmp_path / "test" / "eel" / "0.png", 1)
    assert message_of(own(tmp_path), load_test) == "data.path: test class 'eel' is not among the training classes"
