"""The two ways in which something can be wrong before a trial runs, each one line for the user."""


class InputError(ValueError):
    """What the user gave is wrong: one line, exit code 2."""


class EnvironmentProblem(RuntimeError):
    """The machine lacks something (data, disk, a cluster): one line with the command that mends it, exit code 3."""


class DivergedError(RuntimeError):
    """A trial's loss or metric is no longer finite: the trial failed, the search goes on."""
