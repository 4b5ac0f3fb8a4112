"""What all tests share: one environment whoever runs them, and small real data.

With `-n` the first process deals out the tests and runs none: it does without torch, Ray and what else they import.
With `--dist loadgroup` one process has all tests that share a Ray, and begins with them; the others go out by file.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from shell import impersonal

if TYPE_CHECKING:
    from trainers.config import TrialConfig
    from trainers.data import TrialData

DIGITS = {"dataset": "digits", "classes": ["3", "8"], "train_size": 60, "ratio": [80, 20], "val_per_class": 25}

SHARED_RAY = "shared_ray"  # the fixture
# a busy machine is no failure: no example has a deadline
settings.register_profile("whole", deadline=None)
settings.register_profile("check", max_examples=8, deadline=None)
settings.load_profile("whole")


def pytest_addoption(parser):
    """For tests/test_environment.py, which has each test stand on its own."""
    parser.addoption("--personal", action="store_true", help="Leave variables of terminal, locale and time zone alone.")


def pytest_sessionstart(session):
    """Not earlier: pytest's own output is as the person wants it."""
    if not session.config.getoption("personal"):
        impersonal(os.environ)
        time.tzset()


def pytest_configure(config):
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    _use_one_thread()
    # searches and what they leave, for tests/search and tests/integration alike; trainers are tested without Ray too
    if importlib.util.find_spec("ray") and importlib.util.find_spec("mlflow"):
        config.pluginmanager.import_plugin("searches")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class RayTogether(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return SHARED_RAY if nodeid.endswith(f"@{SHARED_RAY}") else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # long searches are in files of few tests
    return RayTogether(config, log)


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the marks
def pytest_collection_modifyitems(config, items):
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        if SHARED_RAY in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(SHARED_RAY))
    items.sort(key=lambda item: SHARED_RAY not in item.fixturenames)


def pytest_collection_finish(session):
    """What was imported for the tests stays; Python's collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def _use_one_thread() -> None:
    """Numbers are compared to the bit, for which the number of threads must be the same, in all fixtures too."""
    import torch

    if torch.get_num_threads() != 1:  # to set it takes half a millisecond, after each of thousands of tests
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread():
    """Also after a test that changed it: a fixture of the next module is made before this one is."""
    yield
    _use_one_thread()


@pytest.fixture(scope="session")
def digits() -> TrialData:
    from trainers.data import load
    from trainers.data_config import DataConfig
    from trainers.parsing import parse

    return load(parse(DataConfig, DIGITS))


@pytest.fixture(scope="session")
def tiny_config() -> TrialConfig:
    from trainers.config import TrialConfig
    from trainers.parsing import parse

    return parse(
        TrialConfig,
        {
            "data": DIGITS,
            "model": {"width": 4, "projection_dim": 16},
            "loss": {"eta": 60, "gamma": 2, "temperature": 0.1},
            "representation": {"epochs": 4, "batch_size": 32},
            "classifier": {"solver": "adamw", "epochs": 3, "batch_size": 16},
        },
    )
