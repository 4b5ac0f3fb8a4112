"""A command's first line is written before the library that it waits for is loaded. See search.display.loading."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from search.display.loading import SLOW, FirstSlowImport

ROOT = Path(__file__).parents[3]
# Runs a word, and at the end says on standard output which slow modules were loaded when its first line was written.
WATCHED = f"""
import os, sys
from search.cli import app
loaded = []
def write_all(stream):
    write = stream.write
    def watched(text):
        if text.strip() and not loaded:
            loaded.append(sorted({set(SLOW)!r} & set(sys.modules)))
        return write(text)
    stream.write = watched
write_all(sys.stderr), write_all(sys.stdout)
try:
    app.main()
finally:
    os.write(int(os.environ["TOLD"]), repr(loaded).encode())
"""
WORDS = [
    ("plan", "digits"),
    ("data", "check", "digits"),
    ("report", "nosuch"),
    ("resume", "nosuch"),
    ("sync", "nosuch"),
    ("list",),
]


def run(words, environment, tmp_path, **streams):
    told, tell = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words],
        env=environment(TOLD=str(tell), PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path])),
        cwd=tmp_path,
        pass_fds=[tell],
        timeout=300,
        check=False,
        **streams,
    )
    os.close(tell)
    with open(told) as left:  # noqa: PTH123
        return done, left.read()


def test_only_the_first_slow_import_is_announced_and_by_whom_it_was_asked_for_does_not_matter(monkeypatch):
    said = []
    finder = FirstSlowImport(said.append)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert [finder.find_spec(name) for name in ("json.tool", "torch.nn", "mlflow", "torch")] == [None] * 4
    assert said == ["loading MLflow: this takes some seconds"]
    assert finder not in sys.meta_path


@pytest.mark.slow
@pytest.mark.parametrize("words", WORDS, ids="-".join)
def test_the_first_line_is_written_before_anything_slow_is_loaded(words, environment, tmp_path):
    done, loaded = run(words, environment, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.strip(), "there was a line"
    assert loaded == "[[]]"


@pytest.mark.slow
def test_a_terminal_is_told_what_is_loaded_and_who_reads_complaints_alone_is_not(environment, tmp_path):
    ours, theirs = pty.openpty()
    run(["plan", "digits"], environment, tmp_path, stdout=subprocess.DEVNULL, stderr=theirs)
    assert os.read(ours, 1000).startswith(b"loading PyTorch: this takes some seconds")
    done, _ = run(["plan", "digits"], environment, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
