"""Searches that are kept in an S3 store, real drivers in processes of their own: hosts lost, the store frozen."""

import json
import random
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
import torch
from killing import kill, start, wait_for_lines
from run import complete, identical
from s3 import BUCKET, S3

import search
from search.exports import export
from search.storage import lease
from search.storage.addresses import sqlite_uri
from search.storage.journal_segments import joined, segments
from search.storage.lease import Holder, Lease, holder_of
from search.storage.object_store import storage_at
from search.storage.ownership import taken
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(find_spec("moto") is None, reason="needs moto, of the extra cluster-test"),
]

TRIALS = 11  # eight proposals and three baselines
SPEC = [
    "digits",
    *("--set", "search.trials=8", "--set", "search.max_concurrent=1"),
    *("--set", "representation.epochs=10", "--set", "classifier.solver=adamw", "--set", "classifier.epochs=4"),
    *("--set", "search.scheduler.grace=1", "--set", "search.scheduler.reduction=2"),
]
BOUND = 1.0  # seconds, and the time of a request


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    server = S3(tmp_path_factory.mktemp("s3") / "server.log")
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in server.variables.items():
                patch.setenv(name, value)
            yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> SearchFolder:
    """The search without a store, in one go."""
    results = tmp_path_factory.mktemp("undisturbed")
    end(start("search", *SPEC, results=results), results)
    return SearchFolder(results / "digits")


def end(process, results):
    assert process.wait() == 0, printed(results)


def printed(results):
    return (results / "printed.txt").read_text()[-3000:]


def stored_journal(place) -> bytes:
    return joined(segments(place.names("journal")), place.find)


def begun(process, results, lines, name="digits"):
    """Wait until the search has so many lines in its journal."""
    assert wait_for_lines(process, results / name / "journal.jsonl", lines, random.Random(lines)), printed(results)


def test_a_search_outlives_its_hosts_and_comes_to_the_same(s3, undisturbed, tmp_path):
    """Three hosts are lost, each with its folder. MLflow, which stands elsewhere, sees nothing twice."""
    uri = f"s3://{BUCKET}/lost"
    place = storage_at(uri) / "digits"
    tracking = ("--tracking-uri", sqlite_uri(tmp_path / "mlflow.db"))
    process = start("search", *SPEC, *tracking, "--storage", uri, results=tmp_path / "host-0")
    draws, lines, lost = random.Random(0), 0, []
    for number in range(3):
        host = tmp_path / f"host-{number}"
        lines += draws.randint(15, 30)
        begun(process, host, lines)
        killed_at = time.time()
        kill(process, with_workers=True)
        journal, stored = (host / "digits" / "journal.jsonl").read_bytes(), stored_journal(place)
        assert journal.startswith(stored), "what is stored is the journal's beginning"
        missing = [json.loads(line)["time"] / 1000 for line in journal[len(stored) :].splitlines(keepends=True)[:-1]]
        assert all(at > killed_at - BOUND - 4.0 for at in missing), "a busy machine's request takes a while"
        lost.append(len(missing))
        lines = stored.count(b"\n")
        shutil.rmtree(host)
        process = start("resume", "digits", "--storage", uri, results=tmp_path / f"host-{number + 1}")
    end(process, tmp_path / "host-3")
    folder = SearchFolder(tmp_path / "host-3" / "digits")
    same = identical(undisturbed, folder)
    assert all(same.values()), same
    counted = complete(folder, TRIALS)
    assert all(counted.values()), counted
    assert stored_journal(place) == folder.journal.read_bytes()
    best = search.export("digits", results=folder.root)[0]
    exported = export.read_export(best)
    assert exported.expected is not None
    assert exported.expected.value == undisturbed.history().ranked()[0].score
    assert torch.load(best.with_suffix(".pt"), weights_only=True)["epoch"] == 14
    print("events lost with each host:", lost)


def test_a_store_that_answers_nothing_for_a_while_delays_and_loses_nothing(s3, undisturbed, tmp_path):
    uri = f"s3://{BUCKET}/frozen"
    process = start("search", *SPEC, "--storage", uri, results=tmp_path)
    begun(process, tmp_path, 25)
    s3.freeze(40.0)
    end(process, tmp_path)
    assert (tmp_path / "printed.txt").read_text().count("the storage does not answer now (") == 1
    folder = SearchFolder(tmp_path / "digits")
    assert all(identical(undisturbed, folder).values())
    counted = complete(folder, TRIALS)
    assert all(counted.values()), counted
    assert stored_journal(storage_at(uri) / "digits") == folder.journal.read_bytes()


def test_a_second_driver_is_refused_and_one_that_lost_the_search_stops(s3, tmp_path):
    """Another host takes over: what the first one writes from then on is nowhere but in its own folder."""
    uri = f"s3://{BUCKET}/two"
    place = storage_at(uri) / "digits"
    more = ("--set", "representation.epochs=60", "--set", "search.scheduler.name=none")
    process = start("search", *SPEC, *more, "--storage", uri, results=tmp_path / "first")
    begun(process, tmp_path / "first", 20)
    second = start("resume", "digits", "--storage", uri, results=tmp_path / "second")
    assert second.wait() == 3
    assert f"search digits is run by process {process.pid} on " in printed(tmp_path / "second")
    assert process.poll() is None
    taker = Holder("somebody", 2, "elsewhere", 1, "another machine")
    place.put(lease.FILE, json.dumps(vars(taker)).encode())
    assert process.wait(timeout=60) == 3, printed(tmp_path / "first")
    assert "was taken over by process 1 on elsewhere" in printed(tmp_path / "first")
    assert holder_of(place) == taker
    there = stored_journal(place)
    assert (tmp_path / "first" / "digits" / "journal.jsonl").read_bytes().startswith(there)
    assert b'"close"' not in there


def test_a_lease_that_nobody_renews_is_taken_over(s3, monkeypatch):
    monkeypatch.setattr(lease, "STALE_AFTER", 2.0)
    monkeypatch.setattr(lease, "SETTLES", 0.1)
    place, told = storage_at(f"s3://{BUCKET}/stale") / "search", []
    place.put(lease.FILE, json.dumps(vars(Holder("dead", 6, "gone", 1, "another machine", beat=12))).encode())
    started = time.monotonic()
    with lease.leased(place, "search", told.append) as ours:
        assert time.monotonic() - started >= 2.0
        assert ours.number == 7
        with _renewed(ours), pytest.raises(EnvironmentProblem, match="search search is run by process"):
            Lease(place, "search", told.append)
    assert told[0] == "process 1 on gone had the search; waiting up to 2 s for a sign of its life"
    assert holder_of(place).released
    with lease.leased(place, "search", told.append) as next_one:
        assert next_one.number == 8
    assert len(told) == 1, "one that was given back is not waited for"


@contextmanager
def _renewed(ours):
    """Renew a lease fast inside."""
    ended = threading.Event()

    def renew():
        while not ended.wait(0.1):
            ours.renew()

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_store_that_refuses_is_one_line(s3, afcl_words, tmp_path):
    done = afcl_words("search", *SPEC, "--storage", "s3://there-is-no-such-bucket/x", results=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    complaint = "storage: a request to s3://there-is-no-such-bucket/x/digits failed (there is no such bucket)"
    assert complaint in done.stderr


def test_removing_a_search_removes_it_there(s3, tmp_path, afcl_words):
    uri = f"s3://{BUCKET}/frozen"
    assert (storage_at(uri) / "digits").names()
    brought = afcl_words("resume", "digits", "--storage", uri, results=tmp_path)
    assert "complete" in brought.stdout, brought.stderr
    with taken(SearchFolder(tmp_path / "digits"), print) as hold:
        assert hold is not None
        refused = afcl_words("rm", "digits", "--yes", results=tmp_path)
        assert refused.returncode == 2
    done = afcl_words("rm", "digits", "--yes", results=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "digits").exists()
    assert not (storage_at(uri) / "digits").names()


@pytest.fixture
def afcl_words(s3):
    """Run the command line to its end."""

    def run(*words, results):
        from killing import AFCL

        command = [str(AFCL), *words, "--results", str(results)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run
