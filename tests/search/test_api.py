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


def test_a_search_is_given_its_name_and_its_trials_in_every_form(told):
    """It is refused, since one of that name stands there; the number is checked as `--set` would be."""
    for form in ("digits", load_spec("digits"), load_spec("digits").dump()):
        with pytest.raises(InputError, match="a search 'told' exists"):
            api.run(form, name="told", trials=3, results=told)
        with pytest.raises(InputError, match=r"search\.trials: "):
            api.run(form, name="new", trials=-1, results=told)


@pytest.mark.parametrize(
    "call",
    [
        lambda root: api.resume("tolt", results=root),
        lambda root: api.extend("tolt", 3, results=root),
        lambda root: search.confirm("tolt", results=root),
        lambda root: api.stop("tolt", results=root),
    ],
    ids=["resume", "extend", "confirm", "stop"],
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
        search.confirm("begun", results=told, console=paper(80))


def test_to_extend_is_to_resume_with_more_trials():
    resumed, extended = (list(inspect.signature(word).parameters) for word in (api.resume, api.extend))
    assert [name for name in resumed if name != "extend_by"] == [name for name in extended if name != "trials"]


def test_a_spec_is_a_path_a_name_its_values_or_a_checked_one(tmp_path):
    spec = load_spec("digits", ["search.trials=3"], name="mine")
    path = tmp_path / "mine.yaml"
    path.write_text(spec.dump_yaml())
    for form in (path, str(path), spec.dump(), spec):
        assert api.checked_spec(form) == spec
    for form in ("digits", load_spec("digits").dump(), load_spec("digits")):
        assert api.checked_spec(form, ["search.trials=9"], name="mine", trials=3) == spec


def test_changes_leave_what_was_given_as_it_was(tmp_path):
    values = load_spec("digits").dump()
    before = load_spec("digits").dump()
    made = api.checked_spec(values, ["model.width=4"], trials=2, tracking_uri="http://mlflow", storage="file:///x")
    assert values == before
    assert (made.model.width, made.search.trials) == (4, 2)
    assert (made.tracking.uri, made.storage.uri) == ("http://mlflow", "file:///x")


def test_a_path_among_the_values_is_taken_as_its_text(tmp_path):
    values = load_spec("digits").dump() | {"data": {"dataset": "folder", "path": tmp_path, "image_size": 8}}
    assert api.checked_spec(values).data.path == str(tmp_path)


def test_values_that_are_wrong_are_refused_with_their_path(tmp_path):
    values = load_spec("digits").dump()
    with pytest.raises(InputError, match=r"^search\.trials: .*'many'"):
        api.checked_spec(values | {"search": {"trials": "many"}})
    with pytest.raises(InputError, match=r"did you mean search\.trials"):
        api.checked_spec(values, ["search.trails=3"])


def test_a_store_of_the_environment_counts_unless_the_spec_is_checked_already(monkeypatch):
    monkeypatch.setenv("AFCL_STORAGE", "s3://bucket")
    assert api.store_for("digits", None) == "s3://bucket"
    assert api.store_for("digits", "file:///here") == "file:///here"
    assert api.store_for(load_spec("digits"), None) is None


def test_a_plan_is_numbers_and_lines(typed):
    planned = api.plan("digits", trials=6)
    assert planned.plan.trials == 6 + planned.plan.baselines
    assert planned.calibration is None
    assert str(planned).splitlines()[0].startswith("digits: ")
    assert planned.as_json()["notes"] == list(planned.notes)


def test_a_stop_asks_whoever_drives_and_says_how_to_go_on(told):
    folder = SearchFolder(told / "begun")
    with folder.lock():
        said = api.stop("begun", results=told)
        assert folder.is_asked_to_stop()
    assert "to stop begun; go on with `afcl resume begun" in said
    with pytest.raises(InputError, match="search begun is not running"):
        api.stop("begun", results=told)
