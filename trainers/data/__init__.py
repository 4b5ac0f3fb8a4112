"""Images for a trial: `load(config)` returns training and validation images; it never opens the test split."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainers.data.arrays import Split, TrialData
from trainers.data.paths import data_root

if TYPE_CHECKING:
    from trainers.data.catalog import (
        DataCheck,
        check,
        config_of_folder,
        default_config,
        faults,
        fetch,
        load,
        load_test,
        missing_test,
        split_fingerprint,
        unseen_faults,
    )

__all__ = [
    "DataCheck",
    "Split",
    "TrialData",
    "check",
    "config_of_folder",
    "data_root",
    "default_config",
    "faults",
    "fetch",
    "load",
    "load_test",
    "missing_test",
    "split_fingerprint",
    "unseen_faults",
]


def __getattr__(name: str) -> Any:
    """A name of `trainers.data.catalog`, imported only when asked for.

    A trial gets its images as arrays, so its process need not load the catalog's dataset readers and Pillow.
    """
    if name in __all__:
        return getattr(import_module("trainers.data.catalog"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
