"""search.live_page.submitted_searches: a played cluster, whose reading jobs run here; tests/cluster has a real one."""

import pytest

from search.cluster.submit import JobStatus
from search.journal.log import Journal
from search.live_page import submitted_searches as bringing
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.searches import Searches
from search.live_page.submitted_searches import SubmittedSearches
from search.storage.search_folder import SearchFolder
from search.storage.sent_folder import packed
from trainers.errors import EnvironmentProblem, InputError
from trainers.locking import lock_at


class Cluster:
    """Searches of a results folder as jobs."""

    def __init__(self, root):
        self.root, self.states, self.read, self.refuses = root, {"begun": "running", "told": "done"}, [], None

    def status(self, address):
        if self.refuses is not None:
            raise self.refuses
        return [JobStatus(n, s, f"afcl-{n}-1", 2.0, "/shared", "1 of 9 ended") for n, s in self.states.items()]

    def reads(self, address, name, words):
        assert words[:2] == ["send-folder", name]
        self.read.append(name)
        return f"Ray's own words\n{packed(SearchFolder(self.root / name))}\n"


@pytest.fixture
def cluster(told, monkeypatch) -> Cluster:
    played = Cluster(told)
    monkeypatch.setattr(bringing.submit, "status", played.status)
    monkeypatch.setattr(bringing.submit, "read", played.reads)
    return played


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(bringing, "monotonic", lambda: now[0])
    monkeypatch.setattr("search.live_page.searches.REST", 0.0)
    return now


@pytest.fixture
def seen(cluster, clock, tmp_path):
    """The searches, looked at after so many seconds; a reading job has ended by then."""
    root = tmp_path / "copies"
    root.mkdir()
    source = SubmittedSearches("http://head:8265", root)
    searches = Searches(root, MlflowRuns(), source)

    def look(seconds=11.0, name=None):
        clock[0] += seconds
        if name is not None:
            searches.named(name)
        for _ in range(2):
            searches.look()
            if source._asked is not None:
                source._asked[3].exception(timeout=30)
        return searches

    return look


def test_the_list_is_what_the_jobs_tell_and_no_folder_is_read_before_somebody_looks(seen, cluster):
    begun, done = seen().all()
    assert (begun.name, begun.state, begun.counts, begun.took) == ("begun", "running", "1 of 9 ended", "2 min")
    assert done.state == "done"
    assert cluster.read == []


def test_a_search_that_is_looked_at_is_read_once_a_minute_while_it_runs(seen, cluster, told):
    assert seen(name="begun").named("begun").counts != "1 of 9 ended"
    assert "once a minute at most" in seen().named("begun").note
    assert seen().followed("begun").explained(0)
    seen(10, "begun")
    assert cluster.read == ["begun"]
    journal = Journal(told / "begun" / "journal.jsonl")
    journal.append({"event": "end", "trial": 0, "state": "failed", "reason": "diverged", "score": None, "time": 1})
    journal.close()
    found = seen(60, "begun")
    assert cluster.read == ["begun"] * 2
    assert found.named("begun").groups[0].trials[0].state == "failed"
    seen(100)
    assert cluster.read == ["begun"] * 2, "nobody looks"


def test_a_search_whose_job_has_ended_is_read_once_more(seen, cluster):
    seen(name="told")
    seen(100, "told")
    assert cluster.read == ["told"]
    seen(name="begun")
    cluster.states["begun"] = "done"
    seen(11, "begun")
    seen(100, "begun")
    assert cluster.read == ["told", "begun", "begun"], "at once, and then no more"


def test_a_driver_there_is_a_driver_here_until_its_job_ends(seen, cluster, told):
    with lock_at(told / "begun" / "driver.lock"):
        (told / "begun" / "driver.lock").write_text('{"host": "head", "pid": 7}')
        found = seen(name="begun")
    assert found.named("begun").is_running
    cluster.states["begun"] = "failed"
    assert seen().named("begun").state == "interrupted"


def test_a_folder_that_cannot_be_read_is_said_and_the_job_is_shown(seen, cluster, monkeypatch):
    def refuse(*_):
        raise InputError("No such command 'send-folder'.")

    monkeypatch.setattr(bringing.submit, "read", refuse)
    assert "could not be read: No such command" in seen(name="begun").named("begun").note
    monkeypatch.setattr(bringing.submit, "read", lambda *_: "something else")
    assert "is no folder of a search" in seen(100, "begun").named("begun").note


def test_a_folder_that_is_not_there_yet_is_asked_for_again_soon(seen, cluster, monkeypatch):
    def lack(*_):
        raise InputError("no search 'begun' in /shared, which has none yet; start one")

    with monkeypatch.context() as patch:
        patch.setattr(bringing.submit, "read", lack)
        assert "it is not there yet" in seen(name="begun").named("begun").note
    assert seen(bringing.AGAIN_AFTER, "begun").named("begun").groups


def test_a_cluster_that_does_not_answer_is_one_line_and_what_was_seen_stays(seen, cluster):
    seen()
    cluster.refuses = EnvironmentProblem("--address http://me:swordfish@head:8265: nothing answers there")
    found = seen()
    assert found.problem == "--address http://…@head:8265: nothing answers there"
    assert len(found.all()) == 2
