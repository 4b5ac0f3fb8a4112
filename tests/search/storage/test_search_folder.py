"""A search's folder, when several look at it or want it at once."""

import fcntl
import io
import os
import re
import sys
import threading
import time
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from search.display.console import Terminal
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem


@pytest.fixture
def folder(told) -> SearchFolder:
    return SearchFolder(told / "told")


@pytest.mark.slow
def test_two_drivers_cannot_have_a_search(folder):
    with (
        folder.lock(),
        pytest.raises(EnvironmentProblem, match=r"run by process \d+ on .*afcl stop told"),
        folder.lock(),
    ):
        pass
    assert folder.holder() is None


DRIVER = """
import sys
from pathlib import Path
from search.storage.search_folder import SearchFolder
with SearchFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_killed_driver_keeps_nobody_from_its_search_and_is_not_named_any_more(folder):
    (folder.path / "driver.lock").write_text("of a driver before, and longer than what stands there next" * 9)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])}
    command = [sys.executable, "-c", DRIVER, str(folder.path)]
    with Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True) as driver:
        assert driver.stdout.readline() == "held\n"
        assert folder.holder().startswith(f"process {driver.pid} on ")
        with pytest.raises(EnvironmentProblem, match=f"run by process {driver.pid} on "), folder.lock():
            pass
        driver.kill()
    assert folder.holder() is None
    with folder.lock():
        assert folder.holder().startswith(f"process {os.getpid()} on ")


def test_who_only_looks_keeps_nobody_from_a_search(folder):
    with folder.lock():
        pass
    looking = (folder.path / "driver.lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.3, looking.close).start()
    with folder.lock():
        assert folder.holder() is not None


def test_a_wish_to_stop_is_heard_from_the_moment_that_the_search_is_taken(folder):
    folder.ask_to_stop()
    with folder.lock():
        assert not folder.is_asked_to_stop(), "an old wish is over"
        folder.ask_to_stop()
        assert folder.is_asked_to_stop()


class Gone(io.StringIO):
    """An output whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_has_left_ends_no_search():
    terminal = Terminal(file=Gone())
    terminal.print("one")
    terminal.print("two")
    assert terminal.quiet


@pytest.mark.slow
def test_a_driver_that_waits_is_told_within_seconds(folder):
    with folder.lock():
        started = time.monotonic()
        with pytest.raises(EnvironmentProblem), folder.lock():
            pass
        assert time.monotonic() - started < 10


def test_no_more_is_to_be_exported_than_finished(folder):
    hints = [folder.export_hint(finished) for finished in (0, 1, 2, 3, 9)]
    assert [re.search(r"--top (\d+)", hint)[1] for hint in hints] == ["1", "1", "2", "3", "3"]
