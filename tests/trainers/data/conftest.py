import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for lesions.py


@pytest.fixture(autouse=True)
def _own_data_root(tmp_path_factory, monkeypatch):
    """No test may leave arrays in the user's cache, or find those of another."""
    monkeypatch.setenv("AFCL_DATA", str(tmp_path_factory.mktemp("data")))
