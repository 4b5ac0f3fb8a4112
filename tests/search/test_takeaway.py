"""The words that take something away, as functions. See search.takeaway."""

import pytest
from consoles import paper

import search
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError


@pytest.mark.parametrize(
    "call", [lambda root: search.export("tolt", results=root), lambda root: search.rm("tolt", results=root)]
)
def test_a_search_that_there_is_not_is_told_with_what_was_meant(call, told):
    with pytest.raises(InputError, match=r"no search 'tolt' in .*; did you mean told"):
        call(told)


def test_tables_are_files_of_the_wanted_kind(told):
    paths = search.export("told", tables="csv", results=told)
    assert [path.name for path in paths] == [
        "trials.csv",
        "epochs.csv",
        "decisions.csv",
        "classes.csv",
        "confusions.csv",
    ]
    assert all(path.exists() for path in paths)


def test_what_is_not_there_to_export_is_said(told):
    with pytest.raises(InputError, match="has no whole checkpoint left"):
        search.export("told", by="search", results=told)
    with pytest.raises(InputError, match="has not been confirmed"):
        search.export("told", by="confirm", results=told)


@pytest.mark.slow
def test_an_exported_configuration_trains_again_to_the_same_digit(scored):
    """In this process, without Ray."""
    (path,) = search.export(scored.name, by="search", results=scored.root)
    told = []
    comparison = search.train(path, on_epoch=lambda epoch, last, metrics: told.append((epoch, last)))
    assert comparison.same
    assert comparison.test is None
    assert "test" not in comparison.as_json()
    last = told[0][1]
    assert told == [(epoch, last) for epoch in range(last + 1)]


def test_a_search_s_spec_is_no_configuration(told):
    with pytest.raises(InputError, match="is a search's spec, not one configuration"):
        search.train(SearchFolder(told / "told").path / "spec.yaml")


def test_a_search_is_removed_and_who_is_asked_may_keep_it(told):
    asked = []
    assert search.rm("told", ask=lambda question: bool(asked.append(question)), results=told, console=paper(80)) is None
    assert asked == [f"remove {told / 'told'} with everything in it?"]
    assert (told / "told").exists()
    assert search.rm("told", results=told, console=paper(80)) == told / "told"
    assert not (told / "told").exists()


def test_tables_and_what_is_of_models_alone_are_not_asked_for_together(told):
    for more in ({"onnx": True}, {"sensitivity": {"3": 0.9}}):
        with pytest.raises(InputError, match="--tables: writes tables instead of models"):
            search.export("told", tables="csv", results=told, **more)
