"""One thread for the linear algebra of small matrices.

BLAS starts a thread for each core. Where trials train on all cores, its threads spin while they wait for each other:
beside two busy cores a proposal by the model of learning curves took 434 ms of CPU time on two threads, and takes 22 ms
on one (results/bench/scale.md).
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any, cast

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """While it is entered, NumPy and SciPy have one thread for their linear algebra; then as many as before.

    Call it once both have been imported: a library of linear algebra that is loaded later is not known to it.
    """
    return cast(AbstractContextManager[Any], _controller().limit(limits=1, user_api="blas"))


@cache
def _controller() -> Any:
    return ThreadpoolController()  # it looks through all loaded libraries, which takes milliseconds
