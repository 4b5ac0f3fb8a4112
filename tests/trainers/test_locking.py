"""Lock files between real processes, some of them killed, some of them of an older version."""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import Timeout

from trainers.locking import is_locked, lock_at, locked

PATIENCE = 30.0  # seconds for a process to begin or to end
OURS = "held = locking.lock_at(path).acquire()"
OLDER = 'held = path.open("w"); fcntl.flock(held, fcntl.LOCK_EX)'  # as versions before filelock did
A_CHILD = 'subprocess.Popen(["sleep", "60"])'
A_FORK = "os.fork() or time.sleep(60)"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def process():
    """Start a process that runs lines of Python, with the lock file as `path`; its whole group ends with the test."""
    started = []

    def start(path: Path, *lines: str) -> "subprocess.Popen[str]":
        imports = "import fcntl, os, subprocess, sys, time\nfrom pathlib import Path\nfrom trainers import locking"
        code = "\n".join([imports, f"path = Path({str(path)!r})", *lines])
        paths = [str(Path(__file__).parents[2]), *sys.path]  # of this process too: some packages may be there alone
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for one in started:
        with one, suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)


@pytest.fixture
def holder(process):
    """Start a process that takes the lock its way, does some things, and keeps it until it is told otherwise."""

    def start(path: Path, taken: str, *then: str) -> "subprocess.Popen[str]":
        started = process(path, taken, *then, 'print("held", flush=True)', "sys.stdin.read()")
        assert started.stdout.readline() == "held\n", started.communicate()[1]
        return started

    return start


@pytest.mark.parametrize("way", [OURS, OLDER])
def test_nobody_has_a_lock_that_a_process_of_this_or_an_older_version_holds(way, path, holder):
    there = holder(path, way)
    assert is_locked(path)
    with pytest.raises(Timeout):
        lock_at(path).acquire(timeout=0)
    there.communicate()  # ends its input, and so the process
    assert not is_locked(path)
    with lock_at(path):
        pass


def test_an_older_version_does_not_have_a_lock_that_this_one_holds(path):
    with lock_at(path), path.open("a+") as older, pytest.raises(BlockingIOError):
        fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("outlives", [(), (A_CHILD,), (A_FORK,)], ids=["alone", "with a child", "with a fork"])
def test_a_killed_holder_has_let_go_though_a_child_of_its_lives_on(outlives, path, holder):
    there = holder(path, OURS, *outlives)
    at = path.stat().st_ino
    os.kill(there.pid, signal.SIGKILL)
    there.wait(PATIENCE)
    with lock_at(path).acquire(timeout=PATIENCE):  # a fork may not have begun to run
        assert path.stat().st_ino == at, "or a process that waits for the old file would hold another lock"


@pytest.mark.slow
def test_who_waits_says_so_once_and_has_the_lock_when_its_holder_is_killed(path, holder, process):
    there = holder(path, OURS)
    lines = ["locking.PATIENCE = 0.1", 'with locking.locked(path, "Waiting for another"):', '    print("mine")']
    waiting = process(path, *lines)
    assert waiting.stderr.readline() == "Waiting for another\n"
    os.kill(there.pid, signal.SIGKILL)
    assert waiting.communicate(timeout=PATIENCE) == ("mine\n", "")


def test_who_need_not_wait_says_nothing(path, capsys):
    for _ in range(2):
        with locked(path, "Waiting for another"):
            assert is_locked(path)
    assert not is_locked(path)
    assert capsys.readouterr() == ("", "")


def test_two_that_only_look_do_not_take_each_other_for_a_holder(path):
    with path.open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not is_locked(path)


def test_to_look_makes_no_file(path):
    assert not is_locked(path)
    assert not path.exists()


def test_what_is_in_the_file_stays_and_its_holder_may_write_there(path):
    path.write_text("before")
    with lock_at(path):
        assert path.read_text() == "before"
    with lock_at(path, lambda descriptor: os.truncate(descriptor, 3)):
        assert path.read_text() == "bef"


def test_a_folder_that_was_removed_is_not_made_again(tmp_path):
    with pytest.raises(FileNotFoundError), lock_at(tmp_path / "removed" / "lock"):
        pass
    assert not (tmp_path / "removed").exists()


def test_an_error_inside_lets_go(path):
    with pytest.raises(KeyboardInterrupt), locked(path, ""):
        raise KeyboardInterrupt
    assert not is_locked(path)
