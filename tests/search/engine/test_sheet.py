"""`afcl data check` on a person's own images: what it says, and the sheet that it draws (search.engine.sheet)."""

import json

import numpy as np
import pytest
from pictures import folders
from PIL import Image


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_sheet_is_drawn_and_named(typed, tmp_path):
    folders(tmp_path / "images", per_class=6)
    target = tmp_path / "sheet.png"
    told = typed("data", "check", str(tmp_path / "images"), "--sheet", str(target))
    assert told.returncode == 0, told.stderr
    assert str(target) in told.stdout.splitlines()
    assert pixels_of(target).shape[1] > 500


def test_a_specs_own_augmentation_is_shown(typed, tmp_path):
    folders(tmp_path / "images", per_class=6)
    spec = tmp_path / "spec.yaml"
    plain = f"name: a\ndata: {{dataset: folder, path: {tmp_path / 'images'}, val_per_class: 2}}\n"
    search = "space: {loss.temperature: {loguniform: [0.03, 1.0]}}\nsearch: {trials: 2}\n"
    drawn = []
    for augment in ("{crop_scale: 1, flip: 0, brightness: 0, contrast: 0}", "{crop_scale: 0.2}"):
        spec.write_text(plain + search + f"representation: {{augment: {augment}}}\n")
        told = typed("data", "check", str(spec), "--json", "--sheet", str(tmp_path / "s.png"))
        assert json.loads(told.stdout)["sheet"] == str(tmp_path / "s.png")
        drawn.append(pixels_of(tmp_path / "s.png"))
    halves = [(sheet[44:116, 4:456], sheet[44:116, 484:936]) for sheet in drawn]  # the first class
    assert np.array_equal(*halves[0])
    assert not np.array_equal(*halves[1])


@pytest.mark.parametrize("name", ["sheet.jpg", "nowhere/sheet.png", "sheet"])
def test_a_sheet_that_cannot_be_written_is_refused_before_images_are_read(typed, tmp_path, name):
    told = typed("data", "check", str(tmp_path / "no images"), "--sheet", str(tmp_path / name))
    assert told.returncode == 2
    assert told.stderr.startswith("afcl: --sheet: ")
    assert len(told.stderr.splitlines()) == 1


def test_what_is_not_used_is_said_below_the_counts(typed, tmp_path):
    folders(tmp_path, per_class=6)
    (tmp_path / "cat" / "1.heic").write_bytes(b"x")
    told = typed("data", "check", str(tmp_path))
    assert "not used: 1 .heic (cat/1.heic); HEIC is not read: convert to JPEG or PNG" in told.stdout.splitlines()


def test_where_val_is_given_nobody_is_asked_for_val_per_class(typed, tmp_path):
    folders(tmp_path / "train", per_class=6)
    folders(tmp_path / "val", per_class=2)
    told = typed("data", "check", str(tmp_path)).stdout.splitlines()
    assert f"in a spec: data: {{dataset: folder, path: {tmp_path}, image_size: 64}}" in told
