"""Images for a trial: `load(config)` gives training and validation images, never test ones."""

from trainers.data.arrays import Split, TrialData
from trainers.data.catalog import DataCheck, check, default_config, fetch, load, load_test, split_fingerprint
from trainers.data.paths import data_root

__all__ = [
    "DataCheck",
    "Split",
    "TrialData",
    "check",
    "data_root",
    "default_config",
    "fetch",
    "load",
    "load_test",
    "split_fingerprint",
]
