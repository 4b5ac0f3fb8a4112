"""What a typed word of the command line came to."""

import subprocess

# exit codes
DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
NAME = "Finished.1"  # of the search that ran once for all tests


def done(result: subprocess.CompletedProcess[str]) -> str:
    """What a command printed that did what was asked, and had nothing to complain of."""
    assert result.returncode == DONE, result.stderr
    assert not result.stderr
    return result.stdout
