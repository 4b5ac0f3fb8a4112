"""The errors of a trial and its input; each message is one line."""


class InputError(ValueError):
    """The user's input is wrong. A command then prints the message, in one line, and ends with exit code 2."""


class EnvironmentProblem(RuntimeError):
    """The machine lacks something, such as data, disk space or a cluster; exit code 3.

    The message has one line and says what to do, if possible as a command to type.
    """


class OutOfMemory(EnvironmentProblem):
    """A trial needs more GPU memory than it may use. CUDA must not be used again in this process."""


class DivergedError(RuntimeError):
    """A trial's loss or metric is no longer finite. The trial fails; the search goes on."""
