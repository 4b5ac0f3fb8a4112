"""The ways in which something can be wrong with what a trial is given or with what becomes of it, each one line."""


class InputError(ValueError):
    """What the user gave is wrong: one line, exit code 2."""


class EnvironmentProblem(RuntimeError):
    """The machine lacks something (data, disk, a cluster): one line with the command that mends it, exit code 3."""


class OutOfMemory(EnvironmentProblem):
    """A trial needs more memory than its GPU has for it; the process's CUDA is not to be used again."""


class DivergedError(RuntimeError):
    """A trial's loss or metric is no longer finite: the trial failed, the search goes on."""
