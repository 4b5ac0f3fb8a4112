"""The word that classifies images with an exported model. See search.cli.predict."""

import json

import pandas as pd
import pytest
from exported_model import CLASSES, rows_of
from words import BAD_INPUT, DONE, done


@pytest.mark.slow
def test_json_and_files_tell_the_same_as_the_table(model, pictures, typed, tmp_path):
    table = rows_of(done(typed("predict", str(model), str(pictures))))
    told = json.loads(done(typed("predict", str(model), str(pictures), "--json")))
    assert told["classes"] == list(CLASSES)
    assert [one["class"] for one in told["images"]] == [row["class"] for row in table]
    for kind in ("csv", "json", "parquet"):
        out = tmp_path / f"found.{kind}"
        printed = done(typed("predict", str(model), str(pictures), "--out", str(out)))
        assert printed.splitlines() == ["3 images: 2 dark, 1 light", str(out)]
    assert rows_of((tmp_path / "found.csv").read_text()) == table
    assert json.loads((tmp_path / "found.json").read_text()) == told
    assert list(pd.read_parquet(tmp_path / "found.parquet")["class"]) == [row["class"] for row in table]


def test_an_image_that_cannot_be_read_is_a_row_with_its_reason_and_stops_nothing(model, pictures, typed):
    (pictures / "site" / "1.png").write_bytes(b"hello")
    said = typed("predict", str(model), str(pictures))
    assert said.returncode == DONE
    assert [row["class"] for row in rows_of(said.stdout)] == ["dark", "", "dark"]
    assert rows_of(said.stdout)[1]["problem"] == "is no image"
    assert f"1 image ({pictures / 'site' / '1.png'}: is no image) that is not usable" in said.stderr
    alone = typed("predict", str(model), str(pictures / "site" / "1.png"))
    assert (alone.returncode, alone.stdout) == (BAD_INPUT, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threshold", "drak=.5"], "--threshold: the model has no class 'drak'; did you mean dark?"),
        (["--threshold", "dark=1.5"], "--threshold: that of dark must be above 0 and at most 1, but got 1.5"),
        (["--threshold", "dark"], "--threshold: a class and a share are needed"),
        (["--device", "tpu"], "--device: must be cpu, cuda or mps, but got 'tpu'"),
        (["--out", "found.xls"], "--out: must end with .csv, .json or .parquet, but got found.xls"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(words, said, model, pictures, typed):
    refused = typed("predict", str(model), str(pictures), *words)
    assert (refused.returncode, refused.stdout) == (BAD_INPUT, "")
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
