"""`data check` says what of a folder is not used, and how images are read that are not simply what lies there."""

import os
import unicodedata

import numpy as np
import pytest
from pictures import folders, noise, own, save
from PIL import Image

from trainers.data import check, load
from trainers.data.io.formats import suffixes
from trainers.errors import InputError


def remarks_of(top, **fields):
    """All but those on equal images, which stand here for want of better ones."""
    return [line for line in check(own(top, **fields)).remarks if " of other" not in line and " of another" not in line]


def write(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_of_a_folder_that_is_used_whole_there_is_nothing_to_say(tmp_path):
    assert remarks_of(folders(tmp_path)) == []


def test_files_beside_images_are_counted_by_suffix(tmp_path):
    folders(tmp_path)
    for name in ("cat/notes.txt", "cat/more.TXT", "dog/third.txt", "README", "dog/Thumbs.db"):
        write(tmp_path / name)
    assert remarks_of(tmp_path) == [
        "not used: 1 without suffix (README)",
        "not used: 1 .db (dog/Thumbs.db)",
        "not used: 3 .txt (cat/more.TXT, cat/notes.txt, …)",
    ]


def test_kinds_of_images_that_are_not_read_say_how_to_have_them_read(tmp_path):
    folders(tmp_path)
    write(tmp_path / "cat" / "IMG_1.HEIC")
    write(tmp_path / "dog" / "scan.dcm")
    told = remarks_of(tmp_path)
    assert "not used: 1 .dcm (dog/scan.dcm); DICOM is not read: convert to PNG of 16 bits" in told
    assert "not used: 1 .heic (cat/IMG_1.HEIC); HEIC is not read: convert to JPEG or PNG" in told


def test_hidden_files_and_what_systems_leave_are_named_and_never_a_class(tmp_path):
    folders(tmp_path)
    write(tmp_path / "cat" / "._0.png")
    write(tmp_path / ".cache" / "x")
    write(tmp_path / "__MACOSX" / "cat" / "._0.png")
    write(tmp_path / "@eaDir" / "thumb.jpg")
    checked = check(own(tmp_path))
    assert checked.class_names == ("cat", "dog")
    assert list(checked.remarks) == [
        "not used: the folder @eaDir (1 .jpg)",
        "not used: the folder __MACOSX (1 .png)",
        "not used: 2 hidden (.cache/x, cat/._0.png)",
    ]


def test_a_folder_beside_the_splits_is_named(tmp_path):
    folders(tmp_path / "train")
    folders(tmp_path / "test")
    folders(tmp_path / "unlabelled" / "more")
    assert remarks_of(tmp_path) == ["not used: the folder unlabelled (8 .png)"]


def test_a_folder_that_seems_to_be_a_split_is_told_what_to_be_called(tmp_path):
    folders(tmp_path / "train")
    folders(tmp_path / "Val")
    assert remarks_of(tmp_path) == ["not used: the folder Val (8 .png); if it is a split, call it val"]


def test_images_that_a_table_does_not_list_and_columns_are_named(tmp_path):
    for number in range(6):
        save(tmp_path / f"{number}.png", noise(number, 10, 10, 3))
    rows = "".join(f"{k}.png,{'cat' if k % 2 else 'dog'},55,f\n" for k in range(4))
    (tmp_path / "labels.csv").write_text(f"file,label,age,sex\n{rows}")
    assert remarks_of(tmp_path) == [
        "labels.csv: the columns age, sex are not used; data.group: COLUMN keeps images of one value on one side of "
        "the split",
        "not used: 2 .png (4.png, 5.png)",
    ]


def test_classes_that_are_left_out_are_named(tmp_path):
    folders(tmp_path)
    save(tmp_path / "eel" / "1.png", noise(9, 10, 10, 3))
    assert remarks_of(tmp_path, classes=("cat", "dog")) == ["not used: the classes eel, which data.classes leaves out"]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_folder_validates_whole_and_training_is_all_of_train(tmp_path, name):
    folders(tmp_path / "train", per_class=5)
    folders(tmp_path / name, per_class=3, first=50)
    checked = check(own(tmp_path, split_rules=2))
    assert (checked.train, checked.validation) == ((5, 5), (3, 3))
    assert checked.has_given_validation
    assert remarks_of(tmp_path, split_rules=2) == [
        f"{name}/ is the whole validation split: val_per_class and data.seed have no effect on it",
    ]
    one, other = (load(own(tmp_path, split_rules=2, seed=seed)).validation for seed in (0, 1))
    assert one.images.tobytes() == other.images.tobytes()


def test_a_search_that_was_begun_before_goes_on_without_the_validation_folder(tmp_path):
    """It passed such a folder over, and its images' fingerprint must stay."""
    folders(tmp_path / "train", per_class=5)
    before = load(own(tmp_path)).fingerprint
    folders(tmp_path / "val", per_class=3, first=50)
    assert load(own(tmp_path)).fingerprint == before
    assert "val/ is not used, because data.split_rules is 1" in remarks_of(tmp_path)


def test_a_seed_still_chooses_which_images_train_where_a_shape_leaves_some_out(tmp_path):
    folders(tmp_path / "train", per_class=9)
    folders(tmp_path / "val", per_class=2, first=50)
    one, other = (load(own(tmp_path, split_rules=2, counts=(4, 2), seed=seed)) for seed in (0, 1))
    assert one.train.counts(2) == other.train.counts(2) == (4, 2)
    assert one.train.images.tobytes() != other.train.images.tobytes()
    assert one.validation.images.tobytes() == other.validation.images.tobytes()


def test_a_validation_folder_that_does_not_fit_is_told(tmp_path):
    folders(tmp_path / "train")
    save(tmp_path / "val" / "cat" / "1.png", noise(1, 10, 10, 3))
    with pytest.raises(InputError, match="the validation split has no image of class 'dog'"):
        load(own(tmp_path, split_rules=2))
    save(tmp_path / "val" / "eel" / "1.png", noise(1, 10, 10, 3))
    with pytest.raises(InputError, match="validation class 'eel' is not among the training classes"):
        load(own(tmp_path, split_rules=2))
    folders(tmp_path / "valid")
    with pytest.raises(InputError, match="has val and valid; keep only one of them as the validation split"):
        load(own(tmp_path, split_rules=2))


@pytest.mark.parametrize(("name", "split"), [("Train", "train"), ("Training", "train"), ("Testing", "test")])
def test_a_split_under_another_name_is_told_what_to_be_called(tmp_path, name, split):
    folders(tmp_path / name)
    with pytest.raises(InputError, match=rf"is a folder within a class; .* or is {name} a split\? Call it {split}$"):
        load(own(tmp_path))


def test_without_train_a_folder_called_val_is_a_class(tmp_path):
    folders(tmp_path)
    save(tmp_path / "val" / "1.png", noise(1, 10, 10, 3))
    save(tmp_path / "val" / "2.png", noise(2, 10, 10, 3))
    assert check(own(tmp_path)).class_names == ("cat", "dog", "val")


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("Cat", "cat", "classes 'Cat' and 'cat' differ only in case: are they one?"),
        ("cat", "cat ", "classes 'cat' and 'cat ' differ only in spaces: are they one?"),
        (
            unicodedata.normalize("NFC", "névus"),
            unicodedata.normalize("NFD", "névus"),
            r"classes 'ne\u0301vus' and 'n\xe9vus' differ only in Unicode form: are they one?",
        ),
    ],
)
def test_classes_that_a_person_cannot_tell_apart_are_named(tmp_path, one, other, told):
    for name in (one, other):
        for number in range(2):
            save(tmp_path / name / f"{number}.png", noise(number, 10, 10, 3))
    assert remarks_of(tmp_path) == [told]


def test_names_that_are_no_text_are_refused(tmp_path):
    folders(tmp_path)
    no_text = (tmp_path / "cat").rename(tmp_path / os.fsdecode(b"n\xe9vus"))  # from an old archive
    with pytest.raises(InputError, match=r"the class name 'n\\xe9vus' is no text in UTF-8; rename it"):
        check(own(tmp_path))
    no_text.rename(tmp_path / "cat")
    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / os.fsdecode(b"\xff.png"))
    with pytest.raises(InputError, match=r"the file name 'cat/\\xff\.png' is no text in UTF-8"):
        check(own(tmp_path))


@pytest.mark.parametrize("suffix", sorted(suffixes()))
def test_every_suffix_is_read_and_in_capitals_too(tmp_path, suffix):
    forms = {
        ".dib": "BMP",
        ".apng": "PNG",
        ".jfif": "JPEG",
        ".jpe": "JPEG",
        ".pnm": "PPM",
        ".pbm": "PPM",
        ".pgm": "PPM",
    }
    for k, name in enumerate(("cat", "dog")):
        for number, end in enumerate((suffix, suffix.upper())):
            path = tmp_path / name / f"{number}{end}"
            form = forms.get(suffix) or Image.registered_extensions()[suffix]
            save(path, Image.fromarray(noise(10 * k + number, 10, 10, 3)), format=form)
    checked = check(own(tmp_path))
    assert (checked.train, checked.validation, checked.remarks) == ((1, 1), (1, 1), ())


def test_a_class_of_files_that_are_not_read_says_what_they_are(tmp_path):
    folders(tmp_path)
    write(tmp_path / "eel" / "1.dcm")
    with pytest.raises(InputError, match=r"eel holds no image that is read, but 1 \.dcm; DICOM is not read"):
        load(own(tmp_path))


@pytest.mark.parametrize(
    ("content", "told"),
    [(bytes(128) + b"DICM", "DICOM is not read"), (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC is not read")],
)
def test_a_file_of_such_a_kind_under_another_suffix_is_named_by_its_kind(tmp_path, content, told):
    folders(tmp_path)
    write(tmp_path / "cat" / "0.png", content)
    with pytest.raises(InputError, match=rf"cat/0\.png \({told}"):
        load(own(tmp_path))


def test_transparency_shapes_frames_and_16_bits_are_told(tmp_path):
    folders(tmp_path)
    save(tmp_path / "cat" / "clear.png", noise(1, 10, 10, 4))
    save(tmp_path / "cat" / "wide.png", noise(1, 10, 30, 3))
    save(tmp_path / "dog" / "deep.png", noise(1, 10, 10, high=4096, kind=np.uint16))
    first, second = (Image.fromarray(noise(k, 10, 10, 3)) for k in (1, 2))
    save(tmp_path / "dog" / "pages.tif", first, save_all=True, append_images=[second])
    opaque = noise(1, 10, 10, 4)
    opaque[..., 3] = 255
    save(tmp_path / "dog" / "opaque.png", opaque)
    assert remarks_of(tmp_path, image_size=10) == [
        "transparency: 1 image (cat/clear.png) is drawn on white (data.background)",
        "shape: 1 of 13 images are stretched to 10×10 (data.fit: pad or crop keeps their shape)",
        "16 bits: 1 image (dog/deep.png) is scaled: 0..4,095, the training images' range, is 0..255",
        "frames: of 1 image (dog/pages.tif), which have several, the first is used",
    ]
    assert "shape: 1 of 13 images are padded to 10×10" in remarks_of(tmp_path, image_size=10, fit="pad")


def test_pillows_warnings_are_remarks_and_print_nothing(tmp_path, capfd):
    folders(tmp_path)
    path = save(tmp_path / "cat" / "odd.tif", noise(1, 10, 10, 3))
    content = path.read_bytes()
    at = content.index(b"\x1c\x01\x03\x00\x01\x00\x00\x00")  # PlanarConfiguration: its offset beyond the end
    path.write_bytes(content[:at] + b"\x0e\x01\x02\x00\xff\x00\x00\x00\xff\xff\x00\x00" + content[at + 12 :])
    told = remarks_of(tmp_path)
    assert len(told) == 1
    assert told[0].startswith("Pillow says of 1 image (cat/odd.tif): ")
    assert capfd.readouterr().err == ""


def test_what_a_decoder_raises_names_the_file(tmp_path, monkeypatch):
    folders(tmp_path)
    original = Image.open

    def stumbling(path, *more):
        if str(path).endswith("cat/0.png"):
            raise RecursionError("in a\ndecoder")
        return original(path, *more)

    monkeypatch.setattr(Image, "open", stumbling)
    with pytest.raises(InputError) as refused:
        load(own(tmp_path))
    assert "cat/0.png (cannot be decoded: RecursionError, in a decoder)" in str(refused.value)


def test_a_bomb_is_named(tmp_path, monkeypatch):
    folders(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    save(tmp_path / "cat" / "0.png", noise(1, 50, 50, 3))
    with pytest.raises(InputError, match=r"cat/0\.png \(Image size \(2500 pixels\) exceeds limit of 200 pixels"):
        load(own(tmp_path, image_size=8))
