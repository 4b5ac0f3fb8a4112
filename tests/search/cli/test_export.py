"""The words that take something away: export, train, rm. See search.cli.export."""

import json
import re

import pytest
import yaml
from words import BAD_INPUT, done

from search.exports.export import read_export
from spaces.spec import READY


@pytest.mark.slow
def test_train_says_in_words_that_the_score_is_the_same(exported, afcl):
    """In a process of its own, as its user would."""
    printed = done(afcl("train", str(exported[0]), results=None)).splitlines()
    assert printed[0].startswith("val_balanced_accuracy 0.")
    assert printed[1].split()[-1] == printed[0].split()[1]
    assert printed[2] == "the same, to the last digit"


@pytest.mark.slow
def test_train_says_that_a_score_is_another_and_what_differs(exported, typed):
    document = yaml.safe_load(exported[0].read_text())
    document["expected"]["value"] = 0.123
    document["expected"]["versions"]["torch"] = "1.0"
    exported[0].write_text(yaml.safe_dump(document))
    assert re.search(r"not the same: torch 1\.0 there, \S+ here", done(typed("train", str(exported[0]))))


@pytest.mark.slow
def test_a_plain_config_trains(exported, typed, tmp_path):
    config = read_export(exported[0]).config
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude={"deterministic"})))
    trained = json.loads(done(typed("train", str(plain), "--json")))
    assert (trained["expected"], trained["same"]) == (None, None)
    assert trained["value"] == yaml.safe_load(exported[0].read_text())["expected"]["value"]
    assert "same" not in done(typed("train", str(plain)))


def test_rm_takes_the_folder_and_nothing_beside_it(typed, told):
    done(typed("rm", "told", "--yes", results=told))
    assert [path.name for path in told.iterdir()] == ["begun"]


def test_train_says_how_a_spec_is_searched(typed, tmp_path):
    spec = tmp_path / "small.yaml"
    spec.write_text((READY / "digits.yaml").read_text())
    refused = typed("train", str(spec))
    assert refused.returncode == BAD_INPUT
    assert f"is a search's spec, not one configuration; run it with `afcl search {spec}`" in refused.stderr
