"""The words as functions. tests/integration runs them on a real Ray; here is what they refuse and whom they call."""

import inspect

import pytest
from consoles import paper

import search
from search import api
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.errors import EnvironmentProblem, InputError


def test_a_wrong_spec_is_refused_before_anything_is_written(tmp_path):
    for spec, overrides, complaint in (
        ("dmeo", [], "did you mean demo"),
        ("digits", ["search.trails=3"], "did you mean search.trials"),
    ):
        with pytest.raises(InputError, match=complaint):
            api.run(spec, overrides, results=tmp_path / "results")
    assert not list(tmp_path.iterdir())


def test_a_spec_by_name_with_overrides_is_the_spec_that_they_make(told):
    """Both are refused in the same words, since a search of that name stands there."""
    made = load_spec("digits", ["search.trials=3"]).model_copy(update={"name": "told"})
    with pytest.raises(InputError) as by_spec:
        api.run(made, results=told)
    with pytest.raises(InputError) as by_name:
        api.run("digits", ["search.trials=3", "name=told"], results=told)
    assert str(by_spec.value) == str(by_name.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda root: api.resume("tolt", results=root),
        lambda root: api.extend("tolt", 3, results=root),
        lambda root: api.confirm("tolt", results=root),
        lambda root: api.export("tolt", results=root),
    ],
    ids=["resume", "extend", "confirm", "export"],
)
def test_a_search_that_there_is_not_is_told_with_what_was_meant(call, told):
    with pytest.raises(InputError, match=r"no search 'tolt' in .*; did you mean told"):
        call(told)


def test_a_search_that_is_done_is_resumed_to_itself(told):
    """No Ray is started where nothing is left to run."""
    console = paper(200)
    found = api.resume("told", results=told, anyway=True, console=console)
    assert (found.reason, found.ran) == ("done", False)
    assert found.history.trials == SearchFolder(told / "told").history().trials
    assert "nothing left to run" in console.file.getvalue()


def test_a_cluster_that_is_not_there_is_told_and_leaves_no_search(tmp_path, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # whatever other tests started
    with pytest.raises(EnvironmentProblem, match="nothing answers there"):
        api.run("digits", results=tmp_path, address="127.0.0.1:9", console=paper(80))
    assert not (tmp_path / "digits").exists()


def test_nothing_finished_is_nothing_to_confirm(told):
    with pytest.raises(InputError, match="nothing has finished"):
        api.confirm("begun", results=told, console=paper(80))


def test_to_extend_is_to_resume_with_more_trials():
    resumed, extended = (list(inspect.signature(word).parameters) for word in (api.resume, api.extend))
    assert [name for name in resumed if name != "extend_by"] == [name for name in extended if name != "trials"]


def test_every_word_says_what_it_takes_and_what_it_raises():
    for word in (api.run, api.resume, api.confirm):
        described = inspect.getdoc(word)
        for name in inspect.signature(word).parameters:
            assert f"    {name}: " in described
        assert "InputError: " in described


def test_the_public_names_are_found_when_they_are_asked_for():
    for name in search.__all__:
        assert getattr(search, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        search.serach  # noqa: B018
