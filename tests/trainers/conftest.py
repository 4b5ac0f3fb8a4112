import importlib

import pytest
from trials import run


@pytest.fixture(scope="session")
def torchvision():
    """torchvision and its datasets; a build for another torch than the one that is here does not load."""
    try:
        importlib.import_module("torchvision.datasets")
        return importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision does not load here ({error})")


@pytest.fixture(scope="session")
def whole(tiny_config, digits):
    """The tiny trial in one go."""
    return run(tiny_config, digits)
