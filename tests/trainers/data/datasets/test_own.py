"""A dataset of a user's own, by import path. See trainers.data.datasets.own."""

import json

import numpy as np
import pytest
from own_package import forget
from words import done

from trainers.data import check, load, load_test
from trainers.data.datasets import own
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.own_parts import metadata

MODULE = """
import numpy as np


def images(number, seed=0, **more):
    drawn = np.random.default_rng(seed).integers(0, 256, more.get("shape", (number, 3, 8, 8)))
    return drawn.astype(more.get("kind", "uint8"))


def load(split, path):
    if split == "test":
        return images(20, seed=1), ["mole"] * 10 + ["nevus"] * 10
    return images(60), ["nevus"] * 40 + ["mole"] * 20, [f"patient {k // 2}" for k in range(60)]


def from_path(split, path):
    return (images(60, seed=len(path.name)), [k % 2 for k in range(60)]) if split == "train" else None


def raises(split, path):
    raise OSError("no\\ndisk")


def floats(split, path):
    return images(6, kind="float32"), [0, 1] * 3


def grey(split, path):
    return images(60, shape=(60, 8, 8)), [0, 1] * 30


def short(split, path):
    return images(6), [0, 1]


def nothing(split, path):
    return None


def other(split, path):
    return {"images": images(6)}


def strange(split, path):
    return images(60), ["a", "b"] * 30 if split == "train" else ["a", "c"] * 30
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    (tmp_path / "owndata.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    forget("owndata")
    return tmp_path


def config(name, **more):
    return DataConfig(dataset=f"owndata:{name}", **{"val_per_class": 4} | more)


def test_it_is_split_shaped_and_described_as_any_other():
    data = load(config("load", ratio=(2, 1), classes=("nevus", "mole")))
    assert data.class_names == ("nevus", "mole")
    assert data.validation.counts(2) == (4, 4)
    assert data.train.counts(2)[0] == 2 * data.train.counts(2)[1]
    assert data.train.images.shape[1:] == (3, 8, 8)
    assert data.description.startswith("owndata nevus, mole ")
    assert "from owndata:load (source " in data.description
    assert load(config("load")).fingerprint == load(config("load")).fingerprint


def test_what_belongs_together_is_on_one_side_of_the_split():
    from owndata import images

    data, both = load(config("load")), [image.tobytes() for image in images(60)]
    validating = {both.index(image.tobytes()) for image in data.validation.images}
    training = {both.index(image.tobytes()) for image in data.train.images}
    assert {k // 2 for k in validating}.isdisjoint({k // 2 for k in training})


def test_the_test_split_has_the_classes_in_the_order_of_training():
    counts = check(config("load", classes=("nevus", "mole")))
    assert (counts.test, counts.missing_test) == ((10, 10), None)
    test = load_test(config("load"))  # mole, nevus: sorted
    assert test.counts(2) == (10, 10)
    assert list(test.labels[:10]) == [0] * 10


def test_the_function_is_given_the_path(tmp_path):
    one, other = (load(config("from_path", path=str(tmp_path / name))) for name in ("a", "bcd"))
    assert one.fingerprint != other.fingerprint


def test_grey_images_may_lack_their_channel():
    assert load(config("grey")).train.images.shape[1:] == (1, 8, 8)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", r"owndata:raises\('train', …\) raises OSError: no disk"),
        ("floats", r"must be \[N, C, H, W\] uint8 with 1 or 3 channels, but those of 'train' are .* float32"),
        ("short", "gives 6 images but 2 labels for 'train'"),
        ("nothing", "gives no images for the split 'train'"),
        ("other", "must return LabelledImages.*but gave dict"),
        ("absent", "owndata has no absent"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(name, said):
    with pytest.raises(InputError, match=said) as refused:
        load(config(name))
    assert len(str(refused.value).splitlines()) == 1


def test_a_split_that_there_is_not_and_a_class_of_the_test_alone_are_told():
    with pytest.raises(InputError, match="gives no images for the split 'test'"):
        load_test(config("from_path", path="x"))
    with pytest.raises(InputError, match="has the class 'c' in 'test' alone"):
        load_test(config("strange"))


def test_fields_that_are_of_files_are_refused():
    with pytest.raises(InputError, match=r"data\.image_size: is only for dataset: folder and isic2018"):
        load(config("load", image_size=64))


def test_data_check_counts_it(typed):
    counted = json.loads(done(typed("data", "check", "owndata:load", "--json")))
    assert counted["class_names"] == ["mole", "nevus"]
    assert np.array_equal(counted["test"], [10, 10])


def test_a_registered_name_means_its_import_path(monkeypatch):
    entry = metadata.EntryPoint("mine", "owndata:load", "afcl.datasets")
    monkeypatch.setattr(metadata, "entry_points", lambda group, name="mine": [entry] if name == "mine" else [])
    assert DataConfig(dataset="mine").dataset == "owndata:load"


READS = """

def read_image(path):
    if path.suffix == ".gone":
        raise FileNotFoundError("nobody\\nthere")
    return images(1, shape=tuple(int(part) for part in path.stem.split("x")), kind=path.suffix[1:])
"""


def test_files_are_read_by_the_function_beside_it_and_what_cannot_be_used_has_its_reason(package):
    assert not own.can_read_files(config("load"))
    file = package / "owndata.py"
    file.write_text(file.read_text() + READS)
    forget("owndata")
    assert own.can_read_files(config("load"))
    names = ["3x8x8.uint8", "a.gone", "8x8.uint8", "3x8x8.float32", "3x9x9.uint8", "3x8x8.uint8"]
    read = list(own.read_each(config("load"), [package / name for name in names], 3))
    assert [one if isinstance(one, str) else one.shape for one in read] == [
        (3, 8, 8),
        "read_image raises FileNotFoundError: nobody there",
        "read_image gives [1, 8, 8] uint8, but [3, H, W] uint8 is needed",
        "read_image gives [3, 8, 8] float32, but [3, H, W] uint8 is needed",
        "read_image gives [3, 9, 9], but [3, 8, 8] for the first",
        (3, 8, 8),
    ]
