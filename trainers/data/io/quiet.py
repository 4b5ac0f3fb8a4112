"""Keep decoders from printing on stderr: exceptions say what is wrong, and `data check` reports Pillow's warnings."""

import ctypes
import logging
import warnings
from functools import cache
from pathlib import Path

import PIL


def hush() -> None:
    """Silence Pillow and its libraries, in all threads, from now on. Cheap to call again."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    _hush_libraries()


@cache
def _hush_libraries() -> None:
    # without a handler, Python prints a library's logged warnings on stderr
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    # libtiff prints by itself. This silences the libtiff in Pillow's wheels, but not one of the system.
    for library in (Path(PIL.__file__).parents[1] / "pillow.libs").glob("libtiff*.so*"):
        try:
            set_handler = ctypes.CDLL(str(library)).TIFFSetErrorHandler
        except (OSError, AttributeError):
            continue
        set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
        set_handler(None)
