"""What tests of several packages of search look at."""

import shutil
from pathlib import Path

import pytest
from exported_model import draw, export_of_files
from words import NAME, done


@pytest.fixture
def exported(typed, mine) -> list[Path]:
    """The three best trials of the finished search."""
    return [Path(line) for line in done(typed("export", NAME, "--top", "3", "--by", "search")).splitlines()]


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The export of a model of image files."""
    return export_of_files(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def model(trained, tmp_path) -> Path:
    """That export in a folder of its own: neither its search nor its images are near."""
    shutil.copytree(trained.parent, tmp_path / "elsewhere")
    return tmp_path / "elsewhere" / trained.name


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder with new images for it: dark, light, dark."""
    for number, level in enumerate((60, 190, 60)):
        draw(tmp_path / "new" / "site" / f"{number}.png", 100 + number, level)
    return tmp_path / "new"
