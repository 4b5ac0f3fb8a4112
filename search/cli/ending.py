"""How a command ends: every expected error is one line on stderr and an exit code, and what was printed has arrived."""

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

GONE = frozenset({errno.EPIPE, errno.EIO})  # nobody reads a pipe, or a terminal, any more


def ended(command: Callable[[], int | None]) -> int:
    """Run a command to its end; its exit code."""
    code = _told(command)
    for stream in (sys.stdout, sys.stderr):
        problem = _unwritten(stream)
        if problem is not None and problem.errno not in GONE and code == DONE:
            code = _complain(unwritten(problem))
    return code


def _told(command: Callable[[], int | None]) -> int:
    """Its exit code, once an error has been told."""
    try:
        code = command() or DONE
        if code == INTERRUPTED:  # where no search was there to say more
            _complain("interrupted")
        return code
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer's way to say so
            return DONE
        return end.code if isinstance(end.code, int) else DONE
    except InputError as error:
        return _complain(error, BAD_INPUT)
    except typer.TyperException as error:  # a word or a flag that there is not; the help itself has no message
        return _complain(error.format_message(), BAD_INPUT) if error.format_message() else BAD_INPUT
    except typer.Abort:  # asked, and nobody there to answer
        return _complain("nothing was done; answer, or say --yes", BAD_INPUT)
    except EnvironmentProblem as error:
        return _complain(error, BAD_ENVIRONMENT)
    except DivergedError as error:  # of `train` and `plan --calibrate`: a search goes on without the trial
        return _complain(f"diverged: {error}", NOTHING_FINISHED)
    except BrokenPipeError:  # whoever read our output has seen enough
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
    """What kept words from being written to a stream, which is silent from then on."""
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
