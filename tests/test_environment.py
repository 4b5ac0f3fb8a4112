"""Tests end the same on every machine: whatever its terminal, locale, time zone, and name of the temporary folder."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from shell import COMMON, impersonal

ROOT = Path(__file__).parents[1]
DISPLAY = [
    "tests/trainers/test_console.py",
    "tests/trainers/data/io/test_progress.py",
    "tests/search/display/test_live.py",
    "tests/search/display/test_tables.py::test_show_has_every_trial_in_a_row_of_its_own_even_in_a_narrow_terminal",
    "tests/search/display/test_tables.py::test_a_pipe_is_given_tables_whole",
    "tests/search/display/test_tables.py::test_list_says_data_that_all_searches_share_once",
    "tests/trainers/data/datasets/test_fmnist.py::test_a_download_of_something_else_is_not_taken",
]
FARAWAY = {"LC_ALL": "C", "TZ": "Pacific/Kiritimati"}
MACHINES = {
    "a dumb terminal": FARAWAY | {"TERM": "dumb", "COLUMNS": "40", "LINES": "5", "NO_COLOR": "1"},
    "no TERM, as from cron": FARAWAY | {"FORCE_COLOR": "1", "GITHUB_ACTIONS": "true", "TERMINAL_WIDTH": "30"},
}


@pytest.mark.slow  # a pytest of its own, which imports all anew
@pytest.mark.parametrize("machine", MACHINES)
def test_display_tests_stand_on_their_own_on(machine):
    """Without what conftest.py does for all tests: the variables reach them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    with tempfile.TemporaryDirectory() as above:
        long = Path(above, "x" * (59 - len(above)) or "x")
        long.mkdir()
        assert len(str(long)) >= 60
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--personal", "-p", "no:cacheprovider", "-p", "no:xdist", *DISPLAY],
            cwd=ROOT,
            env=kept | MACHINES[machine] | {"TMPDIR": str(long)},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]


def test_all_tests_have_one_environment():
    told = {"HOME": "/root", "AFCL_DATA": "/data"}
    shell = told | {
        "TERM": "dumb",
        "COLUMNS": "40",
        "NO_COLOR": "1",
        "LC_TIME": "de_DE",
        "LANG": "C",
        "TZ": "Asia/Tokyo",
    }
    impersonal(shell)
    assert shell == told | COMMON
