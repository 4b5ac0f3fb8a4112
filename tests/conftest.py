"""What all tests share: one environment whoever runs them, and small real data."""

import importlib.util
import os
import time

import pytest
import torch
from shell import impersonal

from trainers.config import DataConfig, TrialConfig, parse
from trainers.data import TrialData, load

# searches and what they leave, for tests/search and tests/integration alike; trainers are also tested where Ray is not
pytest_plugins = ["searches"] if importlib.util.find_spec("ray") and importlib.util.find_spec("mlflow") else []

DIGITS = {"dataset": "digits", "classes": ["3", "8"], "train_size": 60, "ratio": [80, 20], "val_per_class": 25}


def pytest_addoption(parser):
    """For tests/test_environment.py, which has each test stand on its own."""
    parser.addoption("--personal", action="store_true", help="Leave variables of terminal, locale and time zone alone.")


def pytest_sessionstart(session):
    """Not earlier: pytest's own output is as the person wants it."""
    if not session.config.getoption("personal"):
        impersonal(os.environ)
        time.tzset()


def pytest_configure():
    """Numbers are compared to the bit, for which the number of threads must be the same, in all fixtures too."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread():
    """Also after a test that changed it."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> TrialData:
    return load(parse(DataConfig, DIGITS))


@pytest.fixture(scope="session")
def tiny_config() -> TrialConfig:
    return parse(
        TrialConfig,
        {
            "data": DIGITS,
            "model": {"width": 4, "projection_dim": 16},
            "loss": {"eta": 60, "gamma": 2, "temperature": 0.1},
            "representation": {"epochs": 4, "batch_size": 32},
            "classifier": {"epochs": 3, "batch_size": 16},
        },
    )
