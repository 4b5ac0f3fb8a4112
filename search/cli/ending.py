"""The end of a command: each expected error becomes one line on stderr and an exit code, and all output is written."""

import errno
import sys
from collections.abc import Callable

import typer

from search.cli.common import BAD_ENVIRONMENT, BAD_INPUT, DONE, INTERRUPTED, NOTHING_FINISHED
from search.display import console
from search.display.console import Terminal, silence, tell, unwritten
from trainers.errors import DivergedError, EnvironmentProblem, InputError
from trainers.os_errors import in_one_line
from trainers.wording import printable

GONE = frozenset({errno.EPIPE, errno.EIO})  # the errors if the reader of a pipe, or the terminal, has gone


def ended(command: Callable[[], int | None]) -> int:
    """Run a command, and flush its output. Returns the exit code.

    Output that cannot be written, for example to a full disk, is an error. Output that nobody reads any more is not.
    """
    code = _told(command)
    for stream in (sys.stdout, sys.stderr):
        problem = _unwritten(stream)
        if problem is not None and problem.errno not in GONE and code == DONE:
            code = _complain(unwritten(problem))
    return code


def _told(command: Callable[[], int | None]) -> int:
    """Run a command, print its error if there is one, and return its exit code."""
    try:
        code = command() or DONE
        if code == INTERRUPTED:  # before a search had begun, which would say how to go on
            _complain("interrupted")
        return code
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # how typer ends if the reader of our output has gone
            return DONE
        return end.code if isinstance(end.code, int) else DONE
    except InputError as error:
        return _complain(error, BAD_INPUT)
    except typer.TyperException as error:  # an unknown command or flag; if the help was shown, there is no message
        return _complain(error.format_message(), BAD_INPUT) if error.format_message() else BAD_INPUT
    except typer.Abort:  # nobody answered a question
        return _complain("nothing was done; answer the question, or add --yes", BAD_INPUT)
    except EnvironmentProblem as error:
        return _complain(error, BAD_ENVIRONMENT)
    except DivergedError as error:  # in `train` and `plan --calibrate`; a search goes on without the trial
        return _complain(f"diverged: {error}", NOTHING_FINISHED)
    except BrokenPipeError:  # the reader of our output has gone
        return DONE
    except OSError as error:
        return _complain(in_one_line(error), BAD_ENVIRONMENT)
    except MemoryError:
        return _complain("out of memory; end other programs, or use a machine with more", BAD_ENVIRONMENT)


def _complain(error: object, code: int = BAD_ENVIRONMENT) -> int:
    shown_on = Terminal(file=sys.stderr)
    tell(shown_on, f"afcl: {printable(str(error))}")
    return code


def _unwritten(stream: object) -> OSError | None:
    """Flush a stream. Returns the error if some output could not be written, else None.

    After an error nothing more is written to the stream.
    """
    shown = next((one for one in (console.out, console.err) if one.file is stream or _inside(one) is stream), None)
    problem = getattr(getattr(shown, "stream", None), "problem", None)
    try:
        if stream is not None:
            stream.flush()  # type: ignore[attr-defined]  # a text stream
    except OSError as error:
        problem = error
    except ValueError:  # closed
        return None
    if problem is not None:
        silence(stream)
    return problem


def _inside(shown: object) -> object:
    return getattr(getattr(shown, "stream", None), "inner", None)
