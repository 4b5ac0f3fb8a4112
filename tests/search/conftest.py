"""What tests of several packages of search look at."""

from pathlib import Path

import pytest
from words import NAME, done


@pytest.fixture
def exported(typed, mine) -> list[Path]:
    """The three best trials of the finished search."""
    return [Path(line) for line in done(typed("export", NAME, "--top", "3", "--by", "search")).splitlines()]
