import re
import shutil

import lesions
import numpy as np
import pytest
from PIL import Image

from trainers.data import check, load, load_test
from trainers.data.catalog import default_config
from trainers.data.datasets import isic2018
from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem, InputError
from trainers.parsing import parse

INPUT = "ISIC2018_Task3_Training_Input"
TRUTH = "ISIC2018_Task3_Training_GroundTruth"
GROUPS = "ISIC2018_Task3_Training_LesionGroupings.csv"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A tree that no test changes."""
    return lesions.make(tmp_path_factory.mktemp("isic") / "whole", test=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A tree of fewer images, which no test changes."""
    return lesions.make(tmp_path_factory.mktemp("isic") / "small", sizes=(33, 9, 8, 7, 9, 8, 7), test=3)


@pytest.fixture
def tree(small, tmp_path):
    """A copy of the small tree, to spoil."""
    return shutil.copytree(small, tmp_path / "tree")


def own(top, **fields):
    return DataConfig(dataset="isic2018", path=str(top), **{"val_per_class": 2, "image_size": 16} | fields)


def message_of(config, root=None, kind=InputError, door=load):
    with pytest.raises(kind) as refused:
        door(config, root)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def edit(table, change):
    table.write_text(change(table.read_text()))


def images_seen(top, images):
    """Names of the files that these arrays come from."""
    by_pixels = {}
    for path in (top / INPUT).glob("*.jpg"):
        small = Image.open(path).resize((16, 16), Image.Resampling.BILINEAR)
        by_pixels[np.asarray(small).transpose(2, 0, 1).tobytes()] = path.stem
    return [by_pixels[image.tobytes()] for image in images]


@pytest.mark.slow
def test_the_official_proportions_load_as_seven_classes_in_the_challenges_order(whole):
    found = check(own(whole))
    assert found.class_names == ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    assert found.image_shape == (3, 16, 16)
    assert found.validation == (2,) * 7
    assert found.test == (3,) * 7
    assert all(0 < size - train - 2 <= 4 for size, train in zip(lesions.SMALL, found.train, strict=True))


@pytest.mark.slow
def test_no_lesion_trains_and_validates_and_what_is_left_out_is_counted(whole):
    data = load(own(whole))
    lesion = lesions.lesions_of(whole)
    train, validation = (images_seen(whole, part.images) for part in (data.train, data.validation))
    validating = {lesion[image] for image in validation}
    assert len(validating) == len(validation) == 14
    assert validating.isdisjoint(lesion[image] for image in train)
    left = sum(lesion[image] in validating for image in lesion) - len(validation)
    assert len(train) + len(validation) + left == sum(lesions.SMALL)
    assert data.description.startswith("ISIC 2018 7 classes ")
    assert data.description.endswith(
        f" from the official files, without {left} of the same groups as validation images"
    )


@pytest.mark.slow
def test_labels_are_those_of_the_ground_truth(whole):
    data = load(own(whole, classes=("VASC", "MEL")))
    listed = (whole / TRUTH / f"{TRUTH}.csv").read_text()
    for image, label in zip(images_seen(whole, data.train.images), data.train.labels, strict=True):
        assert f"{image},{'0.0,0.0,0.0,0.0,0.0,0.0,1.0' if label == 0 else '1.0,0.0'}" in listed


@pytest.mark.slow
def test_validation_depends_on_neither_ratio_nor_size(whole):
    shapes = [{}, {"long_tail": 4}, {"train_size": 60}, {"counts": [5, 9, 5, 2, 3, 2, 1]}]
    loaded = [load(own(whole, **shape)) for shape in shapes]
    assert loaded[3].train.counts(7) == (5, 9, 5, 2, 3, 2, 1)
    assert len({data.validation.images.tobytes() for data in loaded}) == 1
    assert load(own(whole, seed=1)).validation.images.tobytes() != loaded[0].validation.images.tobytes()


@pytest.mark.slow
def test_the_tables_may_lie_at_the_top_and_their_rows_in_any_order(small, tree):
    for name in (TRUTH, "ISIC2018_Task3_Test_GroundTruth"):
        (tree / name / f"{name}.csv").rename(tree / f"{name}.csv")
    (tree / GROUPS.removesuffix(".csv")).mkdir()
    (tree / GROUPS).rename(tree / GROUPS.removesuffix(".csv") / GROUPS)
    head, *rows = (tree / f"{TRUTH}.csv").read_text().splitlines()
    (tree / f"{TRUTH}.csv").write_text("\n".join([head, *rows[::-1]]))
    assert load(own(tree)).fingerprint == load(own(small)).fingerprint
    assert load_test(own(tree)).counts(7) == (3,) * 7


def test_loading_never_opens_the_test_files(tree):
    for path in tree.glob("ISIC2018_Task3_Test_*/*"):
        path.write_bytes(b"nobody may look at this")
    assert len(load(own(tree)).validation) == 14
    assert "lacks the columns image, MEL" in message_of(own(tree), door=load_test)


@pytest.mark.slow
def test_without_test_files_there_is_no_test_split(tree):
    shutil.rmtree(tree / "ISIC2018_Task3_Test_Input")
    assert check(own(tree)).test is None
    assert "ISIC2018_Task3_Test_Input/" in check(own(tree)).missing_test
    assert "has no test split" in message_of(own(tree), door=load_test)


def missing(tree, file):
    file.unlink()


def truncated(tree, file):
    file.write_bytes(file.read_bytes()[:-200])


def empty(tree, file):
    file.write_bytes(b"")


def grey(tree, file):
    lesions.photo(file, 1, mode="L")


def copied(tree, file):
    file.write_bytes((tree / INPUT / "ISIC_0024005.jpg").read_bytes())


def copied_with_another_label(tree, file):
    copied(tree, file)
    edit(tree / TRUTH / f"{TRUTH}.csv", lambda text: text.replace(f"{file.stem},1.0,0.0", f"{file.stem},0.0,1.0"))


def of_two_classes(tree, file):
    edit(tree / TRUTH / f"{TRUTH}.csv", lambda text: text.replace(f"{file.stem},1.0,0.0", f"{file.stem},1.0,1.0"))


def of_half_a_class(tree, file):
    edit(tree / TRUTH / f"{TRUTH}.csv", lambda text: text.replace(f"{file.stem},1.0,0.0", f"{file.stem},0.5,0.5"))


def of_no_number(tree, file):
    edit(tree / TRUTH / f"{TRUTH}.csv", lambda text: text.replace(f"{file.stem},1.0", f"{file.stem},yes"))


def listed_twice(tree, file):
    edit(tree / TRUTH / f"{TRUTH}.csv", lambda text: f"{text}{file.stem},1.0,0.0,0.0,0.0,0.0,0.0,0.0\n")


def without_lesion(tree, file):
    edit(tree / GROUPS, lambda text: re.sub(rf"{file.stem},.*\r?\n", "", text))


def not_listed(tree, file):
    edit(tree / TRUTH / f"{TRUTH}.csv", lambda text: re.sub(rf"{file.stem},.*\r?\n", "", text))


SPOILT = [
    (missing, "is not there"),
    (truncated, "image file is truncated"),
    (empty, "is no image"),
    (grey, "has mode L, not RGB"),
    (
        copied_with_another_label,
        "has the content of ISIC_0024005.jpg but another label; one of them must be left out, image and row",
    ),
    (of_two_classes, "has labels that sum to 2, not to 1"),
    (of_half_a_class, "has no single label"),
    (of_no_number, "has 'yes' for MEL, which is no number"),
    (listed_twice, "is listed twice"),
    (without_lesion, f"has no lesion in {GROUPS}"),
    (not_listed, f"is not in {TRUTH}.csv"),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
@pytest.mark.parametrize("before", ["nothing decoded", pytest.param("all decoded", marks=pytest.mark.slow)])
def test_a_spoilt_image_is_named_with_what_is_wrong(spoil, reason, before, tree):
    if before == "all decoded":
        load(own(tree))
    spoil(tree, tree / INPUT / "ISIC_0024007.jpg")
    message = message_of(own(tree))
    assert message.startswith(f"data.path: 1 image (ISIC_0024007.jpg ({reason}")
    assert message.endswith(") that is not usable")
    assert message_of(own(tree)) == message  # not forgotten when all else is decoded


def test_all_that_is_wrong_is_told_together_and_cut_after_five(tree):
    for number, (spoil, _) in enumerate(SPOILT):
        spoil(tree, tree / INPUT / f"ISIC_00240{20 + number}.jpg")
    message = message_of(own(tree))
    assert message.startswith("data.path: 11 images (ISIC_0024020.jpg (is not there), ISIC_0024021.jpg (")
    assert "ISIC_0024024.jpg (has the content of ISIC_0024005.jpg but another label; " in message
    assert message.endswith("and 6 more) that are not usable")


def test_an_unknown_column_is_told(tree):
    table = tree / TRUTH / f"{TRUTH}.csv"
    edit(table, lambda text: "\n".join(f"{line},{'SCC' if line[:5] == 'image' else 0}" for line in text.splitlines()))
    assert f"({TRUTH}.csv (has the unknown column SCC))" in message_of(own(tree))


@pytest.mark.slow
def test_what_is_wrong_with_fetched_files_is_mended_by_fetching(tree, tmp_path):
    root = tmp_path / "root"
    config = DataConfig(dataset="isic2018", image_size=16, val_per_class=2)
    told = message_of(config, root, EnvironmentProblem)
    assert told == (f"data: ISIC 2018 Task 3 is not on this machine ({INPUT}/); get it with `afcl data fetch isic2018`")
    root.mkdir()
    tree.rename(root / "ISIC2018")
    assert len(load(config, root).validation) == 14
    (root / "ISIC2018" / INPUT / "ISIC_0024007.jpg").unlink()
    told = message_of(config, root, EnvironmentProblem)
    assert told.endswith("is not there)) that is not usable; mend it with `afcl data fetch isic2018`")
    copied_with_another_label(root / "ISIC2018", root / "ISIC2018" / INPUT / "ISIC_0024007.jpg")
    told = message_of(config, root, EnvironmentProblem)
    assert told.endswith("`afcl data fetch isic2018`; if that changes nothing, correct a copy and name it in data.path")


def test_a_given_folder_without_the_layout_is_told_what_it_must_hold(tree, tmp_path):
    (tree / GROUPS).unlink()
    assert message_of(own(tree)) == f"data.path: {tree} must hold {GROUPS}, but that is not there"
    (tmp_path / "bare").mkdir()
    assert f"must hold {INPUT}/, {TRUTH}.csv, {GROUPS}," in message_of(own(tmp_path / "bare"))


@pytest.mark.slow
def test_too_many_validation_images_for_the_lesions_of_a_class_are_refused(whole):
    told = message_of(own(whole, val_per_class=9))
    assert "class 'AKIEC' has 7 groups of images" in told
    assert "that belong together, so 9 for validation leave none to train on" in told


def test_the_size_of_the_square_must_be_chosen():
    with pytest.raises(InputError, match=r"^data: dataset: isic2018 needs image_size, the side of the square [^\n]*$"):
        parse(DataConfig, {"dataset": "isic2018"}, "data")
    assert default_config("isic2018").image_size == 64


def test_files_of_one_length_and_other_content_are_no_copies(tmp_path):
    for name, content in (("a", b"one"), ("b", b"two"), ("c", b"one"), ("d", b"three")):
        (tmp_path / name).write_bytes(content)
    items = [isic2018.Item("", name, tmp_path / name) for name in "abcde"]
    assert isic2018.same_content(items) == [[0, 2]]


@pytest.mark.slow
def test_files_of_one_content_and_label_are_told_and_never_on_both_sides(whole, tmp_path):
    tree = shutil.copytree(whole, tmp_path / "tree")
    lesion = lesions.lesions_of(tree)
    names = [name for name in lesion if name < "ISIC_0024045"]  # MEL
    first, other = names[0], next(name for name in names if lesion[name] != lesion[names[0]])
    (tree / INPUT / f"{other}.jpg").write_bytes((tree / INPUT / f"{first}.jpg").read_bytes())
    told = f"1 training image is a copy of another ({other}.jpg of {first}.jpg): "
    assert any(remark.startswith(told) for remark in check(own(tree)).remarks)
    one_lesion = {name for name in names if lesion[name] in (lesion[first], lesion[other])}
    sides = []
    for seed in range(40):
        data = load(own(tree, seed=seed, val_per_class=4))
        train, validation = (set(images_seen(tree, part.images)) for part in (data.train, data.validation))
        assert len(validation) == len(data.validation)
        sides.append((bool(one_lesion & train), bool(one_lesion & validation)))
    assert set(sides) == {(True, False), (False, True)}


def test_no_copies_leave_the_split_as_it_was(whole):
    assert not any("copy" in remark or "copies" in remark for remark in check(own(whole)).remarks)


def test_what_of_the_challenge_is_not_used_and_what_changes_shape_is_told(tmp_path):
    tree = lesions.make(tmp_path / "tree", sizes=(4, 4, 4, 4, 4, 4, 4), test=2)
    extra = tree / "ISIC2018_Task3_Validation_Input"
    extra.mkdir()
    (extra / "ISIC_1.jpg").write_bytes(b"x")
    config = DataConfig(dataset="isic2018", path=str(tree), val_per_class=1, image_size=16)
    assert "not used: the folder ISIC2018_Task3_Validation_Input (1 .jpg)" in check(config, tmp_path).remarks
    padded = load(config.model_copy(update={"fit": "pad", "background": "red"}), tmp_path)
    assert padded.train.images[0, :, 0, 0].tolist() == [255, 0, 0]
    assert padded.fingerprint != load(config, tmp_path).fingerprint
