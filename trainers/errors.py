"""The errors of a trial and its input; each message is one line."""


class InputError(ValueError):
    """The user's input is wrong: one line, exit code 2."""


class EnvironmentProblem(RuntimeError):
    """The machine lacks something (data, disk, a cluster): one line with the command that mends it, exit code 3."""


class OutOfMemory(EnvironmentProblem):
    """A trial needs more GPU memory than it has. CUDA must not be used again in this process."""


class DivergedError(RuntimeError):
    """A trial's loss or metric is no longer finite. The trial fails; the search goes on."""
