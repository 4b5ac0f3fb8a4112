"""Every expected error of a command is one line on stderr and an exit code."""

import errno

import pytest
import typer

from search.cli.ending import ended
from trainers.errors import DivergedError, EnvironmentProblem, InputError


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("name: is wrong"), 2, "afcl: name: is wrong"),
        (EnvironmentProblem("disk: is full; free some"), 3, "afcl: disk: is full; free some"),
        (DivergedError("loss is nan"), 1, "afcl: diverged: loss is nan"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), 3, "/a/b"),
        (MemoryError(), 3, "afcl: out of memory; end other programs, or use a machine with more"),
        (typer.Abort(), 2, "afcl: nothing was done; answer the question, or add --yes"),
        (SystemExit(130), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_an_error_is_one_line_and_a_code(error, code, line, capsys):
    assert ended(raising(error)) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert line in told.err
    assert len(told.err.splitlines()) == (1 if line else 0)


def test_a_command_that_did_what_was_asked_ends_with_nothing_said(capsys):
    assert ended(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


def test_an_error_of_our_own_making_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        ended(lambda: 1 // 0)
