"""labels.csv as people and spreadsheets write it, through the front door."""

import patients
import pytest

from trainers.data import check, load
from trainers.data.datasets import label_table
from trainers.data_config import DataConfig
from trainers.errors import InputError

NAMES = [f"{k}.png" for k in range(12)]
ROWS = [(name, ("benign", "malignant")[k % 2], f"p{k // 4}") for k, name in enumerate(NAMES)]


@pytest.fixture
def top(tmp_path):
    for k, name in enumerate(NAMES):
        patients.picture(tmp_path / name, k, 0)
    return tmp_path


def table(rows=ROWS, header=("file", "label"), between=",", end="\n"):
    columns = len(header)
    return end.join(between.join(row[:columns]) for row in (header, *rows)) + end


def own(top, **fields):
    return DataConfig(dataset="folder", path=str(top), **{"val_per_class": 2} | fields)


def refusal(config):
    with pytest.raises(InputError) as refused:
        load(config)
    assert "\n" not in str(refused.value)
    return str(refused.value)


WRITTEN = {
    "plain": table().encode(),
    "by Excel, in Europe": table(between=";", end="\r\n").encode("utf-8-sig"),
    "with tabs": table(between="\t").encode(),
    "as Excel's Unicode text": table(between="\t", end="\r\n").encode("utf-16"),
    "on an old Mac": table(end="\r").encode(),
    "with empty rows": (table() + ",\n\n , \n").encode(),
    "with capitals": table(header=("File", " LABEL ")).encode(),
    "with the paths of Windows": table([(f".\\{name}", *rest) for name, *rest in ROWS]).encode(),
    "without suffixes": table([(name.removesuffix(".png"), *rest) for name, *rest in ROWS]).encode(),
    "with spaces": table([(f" {name} ", f" {label} ", group) for name, label, group in ROWS]).encode(),
}


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN)
def test_a_table_is_read_however_it_was_saved(content, top, tmp_path_factory):
    (top / "labels.csv").write_bytes(content)
    plain = tmp_path_factory.mktemp("plain")
    for label in ("benign", "malignant"):
        (plain / label).mkdir()
    for name, label, _ in ROWS:
        (plain / label / name).hardlink_to(top / name)
    assert load(own(top)).fingerprint == load(own(plain)).fingerprint
    assert load(own(top)).remarks == ()


def test_ham10000s_own_table_works_with_its_columns_named(top):
    rows = [(f"HAM_{k // 4}", name.removesuffix(".png"), label, "55.0") for k, (name, label, _) in enumerate(ROWS)]
    (top / "labels.csv").write_text(table(rows, header=("lesion_id", "image_id", "dx", "age")))
    told = refusal(own(top))
    assert "needs the columns file and label, but has ['lesion_id', 'image_id', 'dx', 'age']" in told
    assert told.endswith("data.file and data.label name others")
    named = own(top, file="image_id", label="dx")
    assert check(named).remarks == (
        "labels.csv: the columns lesion_id, age are not used; data.group: lesion_id keeps images of one value on one "
        "side of the split",
    )
    grouped = own(top, file="image_id", label="dx", group="lesion_id", val_per_class=1)
    assert check(grouped).remarks == (
        "labels.csv: the column age is not used",
        "12 training images in 3 groups (labels.csv: lesion_id): a group never both trains and validates",
        "3 groups have images of more than one class (HAM_0: benign, malignant; HAM_2: benign, malignant; HAM_1: "
        "benign, malignant)",
    )


def test_a_column_that_tells_images_apart_or_nothing_is_not_proposed_for_groups(top):
    rows = [(name, label, str(k), "1") for k, (name, label, _) in enumerate(ROWS)]
    (top / "labels.csv").write_text(table(rows, header=("file", "label", "id", "study")))
    assert "data.group: COLUMN keeps" in check(own(top)).remarks[0]


def test_a_misspelt_column_gets_a_hint(top):
    (top / "labels.csv").write_text(table(header=("file", "label", "patient")))
    assert refusal(own(top, group="pateint")) == (
        f"data.group: {top / 'labels.csv'} has no column pateint; did you mean patient?"
    )


def test_a_column_of_a_table_that_is_not_there_is_refused(tmp_path):
    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        patients.picture(tmp_path / label / "1.png", 1, 0)
    assert "has a folder for each class" in refusal(own(tmp_path, group="patient"))


@pytest.mark.parametrize("field", ["file", "label", "group"])
@pytest.mark.parametrize("dataset", ["digits", "fmnist", "isic2018"])
def test_only_a_folder_has_columns(dataset, field):
    config = DataConfig(dataset=dataset, image_size=64 if dataset == "isic2018" else None, **{field: "x"})
    assert refusal(config) == f"data.{field}: is only for dataset: folder, not for {dataset}"


ODD = {
    "file,label,label\n0.png,a,b\n": "has the column label 2 times",
    "file,label\n0.png,benign\n./0.png,malignant\n": "line 3: ./0.png is listed twice, as 'benign' and as 'malignant'",
    "file,label\n0.png,benign\n0.png,benign\n": "line 3: 0.png is listed twice",
    "file,label\n0.png\n": "line 2: file and label must both be given",
    f"file,label\n{'a' * 300},benign\n": "that is not there",
    "file,label\na\0.png,benign\n": "names 1 file (a\\x00.png) that is not there",
    "file,label\n": "lists no image",
    "": "needs the columns file and label, but has []",
    '"file,label\n0.png,benign\n': "needs the columns file and label",
}


@pytest.mark.parametrize(("content", "message"), ODD.items(), ids=ODD.values())
def test_what_is_odd_is_one_line(content, message, top):
    (top / "labels.csv").write_text(content)
    assert message in refusal(own(top))


def test_a_name_without_a_suffix_that_two_images_have_is_not_guessed(top):
    patients.picture(top / "0.bmp", 3, 0)
    (top / "labels.csv").write_text("file,label\n0,benign\n1,malignant\n")
    assert "0 may be 0.bmp or 0.png" in refusal(own(top))


def test_cells_without_a_column_are_told(top):
    (top / "labels.csv").write_text(table().replace("0.png,benign", "0.png,benign,blurred", 1))
    assert check(own(top)).remarks == ("labels.csv: 1 row has more cells than there are columns; those are not used",)


def test_what_stands_in_quotes_parts_no_columns(top):
    (top / "labels.csv").write_text('file,label,"a;b;c;d"\n0.png,cat,x\n')
    header, rows, _ = label_table._parsed(top / "labels.csv")
    assert header == ["file", "label", "a;b;c;d"]
    assert rows == [(2, ["0.png", "cat", "x"])]
