import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for trials.py

from trials import run


@pytest.fixture(scope="session")
def whole(tiny_config, digits):
    """The tiny trial in one go."""
    return run(tiny_config, digits)
