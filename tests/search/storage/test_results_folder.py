"""A results folder: which searches stand in it, and how one is made, whole or not at all."""

import shutil

import pytest

from search.storage.results_folder import all_folders, create_folder, open_folder, refuse_existing, what_to_type
from search.storage.search_folder import SearchFolder, results_root
from trainers.errors import InputError


@pytest.fixture
def folder(told) -> SearchFolder:
    return SearchFolder(told / "told")


def test_what_a_killed_process_has_half_made_is_no_search(folder):
    partial = folder.root / f".{folder.name}.1.partial"
    shutil.copytree(folder.path, partial)
    assert partial not in [one.path for one in all_folders(folder.root)]
    assert folder in all_folders(folder.root)


def test_every_search_is_listed_by_name_and_no_other_folder(told):
    (told / "notes").mkdir()
    assert [folder.name for folder in all_folders(told)] == ["begun", "told"]
    assert all_folders(told / "nowhere") == []


def test_a_misspelt_name_is_told_with_the_nearest(told):
    with pytest.raises(InputError, match=r"no search 'tolt' in .*; did you mean told\?"):
        open_folder(told, "tolt")


def test_where_a_search_is_not_there_it_is_told_what_can_be_typed(told, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"no search 'mine' in .*; known are begun, told$"):
        open_folder(told, "mine")
    monkeypatch.chdir(tmp_path)
    first = "start one with `afcl search demo`, or name the folder that has your searches with --results"
    with pytest.raises(InputError) as refused:
        open_folder(results_root(), "mine")
    assert str(refused.value) == f"no search 'mine' in {tmp_path / 'results'}, which has none yet; {first}"
    assert what_to_type(results_root()) == f"no search in {tmp_path / 'results'} yet: {first}"
    assert what_to_type(told).endswith(f"`afcl show told --results {told}` shows one")


def test_a_new_search_begins_with_what_it_is_given_and_leaves_nothing_where_it_cannot_be_made(folder, tmp_path):
    spec = folder.spec().model_copy(update={"name": "new"})
    begun = [{"event": "known", "time": 1, "up": 0.0, "search": "older", "trials": []}]
    made = create_folder(tmp_path / "results", spec, folder.about()["provenance"], begun=begun)
    assert made.spec() == spec
    assert made.journal.read_text().count("\n") == 1
    with pytest.raises(InputError, match="a search 'new' exists"):
        create_folder(tmp_path / "results", spec, {})
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["new"]


def test_a_name_that_anything_has_is_refused_with_what_may_be_done(told):
    with pytest.raises(InputError, match=r"go on with `afcl resume told .*remove it with `afcl rm told"):
        refuse_existing(told, "told")
    refuse_existing(told, "free")
