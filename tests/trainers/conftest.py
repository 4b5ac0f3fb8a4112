import pytest
from trials import run


@pytest.fixture(scope="session")
def whole(tiny_config, digits):
    """The tiny trial in one go."""
    return run(tiny_config, digits)
