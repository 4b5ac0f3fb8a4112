"""The words about this machine: doctor, schema, data. See search.cli.machine."""

import json
import re

import jsonschema
import pytest
import yaml
from PIL import Image
from words import BAD_ENVIRONMENT, BAD_INPUT, done

from spaces.spec import READY, load_spec, ready_names


@pytest.mark.slow
def test_the_schema_is_one_and_every_ready_spec_fits_it(typed):
    schema = json.loads(done(typed("schema")))
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in ready_names():
        jsonschema.validate(yaml.safe_load((READY / f"{name}.yaml").read_text()), schema)
        jsonschema.validate(load_spec(name).dump(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "a", "search": {"trails": 3}}, schema)


def test_data_check_counts_digits(typed):
    checked = json.loads(done(typed("data", "check", "digits", "--json")))
    assert sum(map(sum, (checked["train"], checked["validation"], checked["test"]))) == 1797
    printed = done(typed("data", "check", "digits"))
    assert printed.splitlines()[-1] == f"fingerprint {checked['fingerprint']}"
    of_spec = json.loads(done(typed("data", "check", str(READY / "digits.yaml"), "--json")))
    assert of_spec["train"] == [70, 20, 10]


@pytest.mark.slow
def test_data_check_counts_fashion_mnist(typed):
    checked = typed("data", "check", "fmnist", "--json")
    if checked.returncode == BAD_ENVIRONMENT:
        pytest.skip("Fashion-MNIST is not on this machine: `afcl data fetch fmnist`")
    counts = json.loads(done(checked))
    assert counts["train"] == [4800] * 10
    assert counts["validation"] == [1200] * 10  # a fifth


def test_data_check_takes_a_folder_of_images(typed, tmp_path):
    for kind, count, first in (("cat", 12, 0), ("dog", 11, 100)):
        (tmp_path / "own" / kind).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8 + number, 8), first + number).save(tmp_path / "own" / kind / f"{number}.png")
    own = str(tmp_path / "own")
    printed = done(typed("data", "check", own, "--data", str(tmp_path / "data")))
    assert re.search(r"cat +10 +2", printed)
    assert f"in a spec: data: {{dataset: folder, path: {own}, image_size: 64, val_per_class: 2}}" in printed
    empty = typed("data", "check", str(tmp_path / "data"))
    assert empty.returncode == BAD_INPUT
    assert len(empty.stderr.splitlines()) == 1


def test_digits_need_no_fetching(typed, tmp_path):
    assert "nothing to fetch" in done(typed("data", "fetch", "digits"))
    assert not list(tmp_path.iterdir())
