"""What an export leaves beside the configuration. See search.reporting.exported."""

import sys

import pytest
import torch
import yaml
from scored import scored_search
from words import BAD_INPUT, done

import search
from search.exports.export import read_export
from trainers.data import load
from trainers.errors import EnvironmentProblem


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return scored_search(tmp_path_factory.mktemp("results")).root


@pytest.mark.slow
def test_an_export_has_its_card_and_a_new_one_takes_the_old_ones_place(results, typed):
    paths = done(typed("export", "scored", results=results)).splitlines()
    folder = results / "scored"
    assert paths == [str(folder / "best-1.yaml")]
    assert sorted(path.name for path in folder.glob("best-*")) == ["best-1.md", "best-1.pt", "best-1.yaml"]
    (folder / "best-2.md").write_text("of an older choice")
    (folder / "best-1.onnx").write_text("the same")
    search.export("scored", results=results)
    assert sorted(path.name for path in folder.glob("best-*")) == ["best-1.md", "best-1.pt", "best-1.yaml"]


def test_a_threshold_for_a_wanted_sensitivity_is_exported(results, typed):
    path = done(typed("export", "scored", "--sensitivity", "3=.9", results=results)).strip()
    document = yaml.safe_load((results / "scored" / "best-1.yaml").read_text())
    kept = document["thresholds"]["3"]
    assert kept["wanted_sensitivity"] == 0.9
    assert kept["sensitivity"] >= 0.9
    assert kept["images"] == 40
    assert read_export(results / "scored" / "best-1.yaml").thresholds == {"3": kept["probability"]}
    card = (results / "scored" / "best-1.md").read_text()
    assert f"3 is predicted if its probability is at least {kept['probability']!r}" in card
    assert path.endswith("best-1.yaml")
    search.export("scored", results=results)
    assert read_export(results / "scored" / "best-1.yaml").thresholds == {}


def test_a_wish_that_cannot_be_met_is_told_and_what_was_exported_stays(results, typed):
    search.export("scored", results=results)
    for words, said in (
        (["--sensitivity", "33=.9"], "scored has no class '33'"),
        (["--sensitivity", "3=2"], "must be above 0 and at most 1"),
        (["--top", "2"], "--top: 1 trial of scored finished, but got 2"),
    ):
        refused = typed("export", "scored", *words, results=results)
        assert (refused.returncode, said in refused.stderr) == (BAD_INPUT, True)
        assert (results / "scored" / "best-1.md").exists()


@pytest.mark.slow
def test_onnx_is_written_where_it_is_asked_for_and_torch_warns_of_nothing(results, recwarn):
    """It warns of arrays that cannot be written, such as the images of digits."""
    (path,) = search.export("scored", results=results)
    assert not load(read_export(path).config.data).validation.images.flags.writeable
    torch.set_warn_always(True)  # else once in a process, perhaps in another test
    try:
        search.export("scored", onnx=True, results=results)
    finally:
        torch.set_warn_always(False)
    assert (results / "scored" / "best-1.onnx").stat().st_size > 1000
    assert [str(one.message) for one in recwarn if "not writable" in str(one.message)] == []


def test_where_onnx_cannot_be_written_nothing_that_was_exported_goes(results, monkeypatch):
    search.export("scored", results=results)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (results / "scored" / "best-1.md").write_text("of before")
    with pytest.raises(EnvironmentProblem, match="--onnx needs onnxruntime"):
        search.export("scored", onnx=True, results=results)
    assert (results / "scored" / "best-1.md").read_text() == "of before"
