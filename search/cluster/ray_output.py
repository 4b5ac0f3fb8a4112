"""Send what Ray prints to a file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from trainers.files import open_log


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Within the block, send all that this process prints, and Ray's log messages, to the file `log`.

    Ray prints boxes, hints and tracebacks that are not for the user.
    """
    with open_log(log) as file, redirect_stdout(file), redirect_stderr(file):
        handler = logging.StreamHandler(file)
        loggers = [logging.getLogger(name) for name in ("ray", "ray.tune", "ray.train", "ray.data")]
        before = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [handler], False
        try:
            yield
        finally:
            for logger, handlers, propagate in before:
                logger.handlers, logger.propagate = handlers, propagate
