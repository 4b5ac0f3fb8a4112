"""`afcl data check` on folders with groups and copies, as a user types it."""

import json
import shutil

import patients
import pytest

from spaces.spec import load_spec


@pytest.fixture
def photos(tmp_path):
    patients.in_folder(tmp_path / "photos" / "train", column="lesion_id", patients=16)
    patients.in_folder(tmp_path / "photos" / "test", column="lesion_id", first=16, patients=4)
    return tmp_path / "photos"


@pytest.mark.slow
def test_a_column_can_be_tried_before_a_spec_is_written(photos, typed):
    told = typed("data", "check", str(photos))
    assert "the column lesion_id is not used; data.group: lesion_id keeps" in told.stdout
    told = typed("data", "check", str(photos), "--set", "data.group=lesion_id", "--set", "data.seed=3")
    assert told.returncode == 0, told.stderr
    assert "48 training images in 16 groups (labels.csv: lesion_id)" in told.stdout
    line = next(line for line in told.stdout.splitlines() if line.startswith("in a spec: "))
    assert line.endswith('val_per_class: 3, val_per_group: 3, group: "lesion_id", seed: 3}')
    spec = photos.parent / "spec.yaml"
    spec.write_text(f"name: x\n{line.removeprefix('in a spec: ')}\nsearch: {{trials: 0, baselines: [CL]}}\n")
    assert load_spec(spec).data.group == "lesion_id"
    assert json.loads(typed("data", "check", str(spec), "--json").stdout)["validation"] == [3, 3]


@pytest.mark.slow
def test_what_stops_a_confirmation_is_said_with_the_way_out(photos, typed):
    shutil.copy(photos / "train" / "0-0.png", photos / "test" / "16-0.png")
    told = typed("data", "check", str(photos))
    assert "1 test image is a copy of training images (16-0.png of 0-0.png)" in told.stdout
    assert "`afcl confirm` refuses these faults; mend them, or allow them with --allow-copies" in told.stdout
    assert json.loads(typed("data", "check", str(photos), "--json").stdout)["faults"]


def test_only_data_can_be_set(photos, typed):
    told = typed("data", "check", str(photos), "--set", "seed=3")
    assert (told.returncode, told.stderr) == (2, "afcl: --set seed: only fields of data can be set here\n")
    told = typed("data", "check", "digits", "--set", "data.val_per_class=20")
    assert " 20 " in told.stdout


def test_a_plan_tells_what_data_check_tells_of_the_training_images(photos, typed):
    spec = photos.parent / "spec.yaml"
    spec.write_text(
        f"name: x\ndata: {{dataset: folder, path: {photos}, val_per_class: 3}}\n"
        "search: {trials: 0, baselines: [CL], scheduler: {name: none}}\n"
    )
    assert "the column lesion_id is not used" in typed("plan", str(spec)).stdout
