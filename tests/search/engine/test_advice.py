"""What is worth knowing before a search begins, though nothing is wrong. See search.engine.advice."""

import json

import pytest
import yaml
from PIL import Image
from words import done

from spaces.spec import load_spec


@pytest.fixture
def moles(tmp_path):
    """The spec of a search on own images, a folder a class, of which two train in each."""
    for number in range(8):
        path = tmp_path / "moles" / ("nevus" if number % 2 else "melanoma") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(path)
    spec = load_spec("digits").dump() | {"name": "moles", "model": {"width": 2}}
    spec["data"] = {"dataset": "folder", "path": str(tmp_path / "moles"), "val_per_class": 2}
    (tmp_path / "moles.yaml").write_text(yaml.safe_dump(spec))
    return str(tmp_path / "moles.yaml")


def test_own_images_without_a_test_split_are_told_of_before_a_search_and_not_after(typed, moles):
    note = "no test split: `afcl confirm` will not be possible; to have one, move what is in"
    assert f"note        {note}" in done(typed("plan", moles))
    assert json.loads(done(typed("plan", moles, "--json")))["notes"][-1].startswith(note)
    assert note in done(typed("data", "check", moles))
    began = typed("search", moles, "--address", "127.0.0.1:1", "--set", "resources.cpus=1000")  # no Ray for that
    assert note in began.stdout
    assert "no test split" not in done(typed("plan", "digits")) + done(typed("data", "check", "digits"))


@pytest.mark.parametrize(
    ("change", "most"),
    [
        ("representation.batch_size=101", "101"),
        ("space.representation.batch_size={choice: [64, 4096]}", "up to 4096"),
        ("representation.batch_size=100", None),
    ],
)
def test_a_plan_says_where_a_batch_is_larger_than_the_training_images(change, most, typed):
    printed = done(typed("plan", "digits", "--set", change))
    note = f"representation.batch_size is {most}, but 100 images train: each batch holds all of them"
    assert note in printed if most else "batch_size" not in printed
