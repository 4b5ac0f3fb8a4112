"""Searches begun at the command line that end in every way, and their exit codes."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from words import BAD_ENVIRONMENT, BAD_INPUT, DONE, INTERRUPTED, NAME, NOTHING_FINISHED, done

from search.storage.search_folder import SearchFolder

AFCL = str(Path(sys.executable).with_name("afcl"))


@pytest.mark.slow
def test_resume_of_a_finished_search_changes_nothing(typed, mine):
    before = mine.journal.read_bytes()
    assert "there is nothing left to run" in done(typed("resume", NAME))
    assert mine.journal.read_bytes() == before


LONG = ["search.trials=0", "space={}", "search.baselines=[CL, FCL]", "search.max_concurrent=1"]
STAGES = ["representation.epochs=60", "classifier.solver=adamw", "classifier.epochs=3"]  # some seconds a trial
SLOW = [word for one in (*LONG, *STAGES) for word in ("--set", one)]


def until(holds, seconds: float) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(held)


def events(folder: SearchFolder, kind: str) -> list[dict]:
    """What a journal has of one kind."""
    lines = folder.journal.read_bytes().splitlines(keepends=True) if folder.journal.exists() else []
    return [event for line in lines if line.endswith(b"\n") and (event := json.loads(line))["event"] == kind]


def each_epoch_once(folder: SearchFolder) -> bool:
    """Whether both trials of a slow search have all their epochs, and no epoch twice."""
    told = Counter((event["trial"], event["epoch"]) for event in events(folder, "result"))
    return set(told) == {(trial, epoch) for trial in (0, 1) for epoch in range(1, 64)} and set(told.values()) == {1}


@pytest.fixture
def in_the_middle(root):
    """Do something to a search in this process once it has reported so many epochs."""
    threads = []

    def plan(name: str, results: int, act) -> SearchFolder:
        folder = SearchFolder(root / name)

        def wait_and_act():
            if until(lambda: len(events(folder, "result")) >= results, 120) and not events(folder, "close"):
                act()

        threads.append(threading.Thread(target=wait_and_act))
        threads[-1].start()
        return folder

    yield plan
    for thread in threads:
        thread.join()


@pytest.fixture
def begin(root, tmp_path, environment):
    """Start a session of a search in a process group of its own, as a terminal does, and wait for some epochs."""
    running = []

    def start(folder: SearchFolder, *words: str) -> subprocess.Popen:
        before = len(events(folder, "result"))
        session = subprocess.Popen(
            [AFCL, *words, "--results", str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(),
            start_new_session=True,
        )
        running.append(session)
        assert until(lambda: session.poll() is not None or len(events(folder, "result")) > before + 5, 120)
        assert session.poll() is None, session.communicate()
        return session

    yield start
    for session in running:
        if session.poll() is None:
            session.kill()
            session.communicate()


def state_of(folder: SearchFolder, typed) -> str:
    """What `afcl list` says of a search."""
    rows = json.loads(done(typed("list", "--json", results=folder.path.parent)))
    return next(row["state"] for row in rows if row["name"] == folder.name)


@pytest.mark.slow
def test_a_search_in_which_nothing_finishes_says_so(typed, shared_ray, root):
    hopeless = ["representation.optimizer=sgd", "representation.lr=1.0e+38", "search.max_failed_share=1"]
    words = [word for one in (*LONG, *hopeless) for word in ("--set", one)]
    ended = typed("search", "digits", "--name", "hopeless", *words, results=root)
    assert ended.returncode == NOTHING_FINISHED
    assert "nothing finished; see: afcl show hopeless" in ended.stdout
    shown = json.loads(done(typed("show", "hopeless", "--json", results=root)))
    assert [trial["state"] for trial in shown["trials"]] == ["failed", "failed"]
    assert "no longer finite" in done(typed("logs", "hopeless", "0", results=root))
    assert "diverged" in done(typed("explain", "hopeless", "0", results=root))


@pytest.mark.slow
def test_a_search_killed_and_then_interrupted_is_finished_by_resume(begin, typed, shared_ray, root):
    """While it lives nobody else may run, remove or replace it; no epoch is lost or told twice.

    A terminal sends Ctrl-C to every process of the group, Ray's among them.
    """
    folder = SearchFolder(root / "killed")
    search = begin(folder, "search", "digits", "--name", "killed", *SLOW)
    assert state_of(folder, typed) == "running"
    for words, code in (
        (["resume", "killed"], BAD_ENVIRONMENT),
        (["search", "digits", "--name", "killed"], BAD_INPUT),
        (["rm", "killed", "--yes"], BAD_INPUT),
    ):
        refused = typed(*words, results=root)
        assert refused.returncode == code
        assert len(refused.stderr.splitlines()) == 1
        assert f"process {search.pid} on " in refused.stderr or words[0] == "search"
    search.kill()
    search.communicate()
    assert state_of(folder, typed) == "interrupted"
    shown = json.loads(done(typed("show", "killed", "--json", results=root)))
    assert {trial["state"] for trial in shown["trials"]} <= {"pending", "finished"}

    impatient = begin(folder, "resume", "killed")
    os.killpg(impatient.pid, signal.SIGINT)
    heard = next(line for line in impatient.stdout if "Ctrl-C again ends at once" in line)
    os.killpg(impatient.pid, signal.SIGINT)
    printed, complaints = impatient.communicate(timeout=60)
    printed = heard + printed
    assert impatient.returncode == INTERRUPTED
    assert re.search(r"ended at once.*`afcl resume killed", printed)
    assert complaints == "afcl: interrupted\n"

    resumed = begin(folder, "resume", "killed")
    os.killpg(resumed.pid, signal.SIGINT)
    printed, complaints = resumed.communicate(timeout=60)
    assert "stopping: running trials stay at their last checkpoints" in printed
    assert resumed.returncode == INTERRUPTED, printed + complaints
    assert not complaints
    assert state_of(folder, typed) == "interrupted"
    assert events(folder, "close")[-1]["reason"] == "interrupted"
    assert not each_epoch_once(folder)

    line = next(line for line in printed.splitlines() if "afcl resume" in line)
    done(typed(*shlex.split(line[line.index("resume") :])))
    assert each_epoch_once(folder)


@pytest.mark.slow
def test_a_terminated_search_ends_tidily_and_is_finished_by_resume(in_the_middle, typed, shared_ray, root):
    folder = in_the_middle("ended", 10, lambda: os.kill(os.getpid(), signal.SIGTERM))
    ended = typed("search", "digits", "--name", "ended", *SLOW, results=root)
    assert ended.returncode == INTERRUPTED
    assert re.search(r"afcl resume ended$", ended.stdout, re.MULTILINE)
    assert state_of(folder, typed) == "interrupted"
    finished = typed("resume", "ended", "--json", results=root)
    assert finished.returncode == DONE
    assert [trial["state"] for trial in json.loads(finished.stdout)["trials"]] == ["finished", "finished"]
    assert each_epoch_once(folder)
    assert len(events(folder, "start")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "epochs", "code"), [("stopped-early", 10, NOTHING_FINISHED), ("stopped-later", 70, DONE)]
)
def test_stop_from_another_process_ends_a_search(name, epochs, code, in_the_middle, typed, afcl, root, shared_ray):
    """In its first trial, or when something has finished."""
    asked = []
    folder = in_the_middle(name, epochs, lambda: asked.append(afcl("stop", name)))
    ended = typed("search", "digits", "--name", name, *SLOW, results=root)
    assert f"asked process {os.getpid()} on " in done(asked[0])
    assert ended.returncode == code, ended.stdout
    assert "stopped as asked" in ended.stdout
    assert f"afcl resume {name}" in ended.stdout
    assert events(folder, "close")[-1]["reason"] == "stopped"
    assert not each_epoch_once(folder)
