"""search.live_page.searches: the searches of a folder, as they come, change and go."""

import shutil
import time

import pytest

from search.live_page import searches as looking
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.searches import Searches
from search.live_page.standing import Standing
from search.storage.search_folder import SearchFolder
from trainers.locking import lock_at


@pytest.fixture
def searches(told) -> Searches:
    found = Searches(told, MlflowRuns())
    found.look()
    return found


def names(searches):
    return [one.name for one in searches.all()]


def test_searches_come_and_go(searches, told):
    assert names(searches) == ["begun", "told"]
    shutil.copytree(told / "told", told / "another")
    searches.look()
    assert names(searches) == ["another", "begun", "told"]
    shutil.rmtree(told / "told")
    searches.look()
    assert names(searches) == ["another", "begun"]
    assert searches.named("told") is None
    assert searches.followed("told") is None


def test_a_driver_that_takes_a_search_is_seen(searches, told):
    assert searches.named("begun").state == "interrupted"
    with lock_at(told / "begun" / "driver.lock") as _:
        (told / "begun" / "driver.lock").write_text("{}")
        searches.look()
        assert searches.named("begun").is_running
    searches.look()
    assert searches.named("begun").state == "interrupted"


def test_an_unchanged_search_is_not_read_again(searches, monkeypatch):
    monkeypatch.setattr(Searches, "_look_at", lambda *_: pytest.fail("it was read"))
    searches.look()


def test_a_search_that_takes_long_to_read_is_left_alone_for_ten_times_as_long(told, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(looking, "REST", 10.0)
    monkeypatch.setattr(looking.time, "monotonic", lambda: clock[0])
    reads = []

    def read(self, folder):
        reads.append(folder.name)
        clock[0] += 6.0 if folder.name == "told" else 0.0
        return looking.not_shown(folder.name, "")

    monkeypatch.setattr(Searches, "_look_at", read)
    searches = Searches(told, MlflowRuns())
    searches.look()
    for name in ("told", "begun"):
        (told / name / "journal.jsonl").touch()
    searches.look()
    assert reads == ["begun", "told", "begun"]
    clock[0] += 61.0
    searches.look()
    assert reads == ["begun", "told", "begun", "told"]


def test_a_mistake_of_ours_hides_one_search_and_not_the_others(told, monkeypatch):
    made = looking.standing_of
    monkeypatch.setattr(
        looking, "standing_of", lambda one, *more: 1 / 0 if one.folder.name == "told" else made(one, *more)
    )
    searches = Searches(told, MlflowRuns())
    searches.look()
    assert searches.named("told").problem == "ZeroDivisionError: division by zero"
    assert searches.named("begun").problem == ""


def test_a_folder_that_cannot_be_read_is_a_line_and_what_was_read_stays(searches, monkeypatch):
    def refuse(root):
        raise PermissionError(13, "Permission denied", str(root))

    monkeypatch.setattr(looking, "all_folders", refuse)
    searches.look()
    assert "Permission denied" in searches.problem
    assert names(searches) == ["begun", "told"]


class Elsewhere:
    """A source that has one more search, and a problem."""

    def __init__(self, root):
        self.root, self.wanted = root, []

    def bring(self):
        return "the store does not answer"

    def others(self):
        return [Standing("another", "pending"), Standing("told", "pending")]

    def want(self, name):
        self.wanted.append(name)

    def note(self, name):
        return f"{name} is a minute old"


def test_what_brings_searches_is_asked_before_each_look_and_told_what_is_looked_at(told):
    source = Elsewhere(told)
    searches = Searches(told, MlflowRuns(), source)
    searches.look()
    assert searches.problem == "the store does not answer"
    assert [one.state for one in searches.all()] == ["pending", "interrupted", "done"]
    told = searches.named("told")
    assert (told.state, told.note) == ("done", "told is a minute old"), "the copy says more than the source does"
    assert source.wanted == ["told"]


def test_the_thread_sees_a_change_by_itself(told, monkeypatch):
    monkeypatch.setattr(looking, "EVERY", 0.01)
    searches = Searches(told, MlflowRuns())
    searches.start()
    try:
        deadline = time.monotonic() + 20
        while not (searches.named("told") and searches.named("told").counts) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert searches.named("told").counts
    finally:
        searches.close()
    assert SearchFolder(told / "told").holder() is None, "a reader holds nothing"
