"""The page shows the images that the search ran on, or says in a line why it cannot."""

import io
import re
from base64 import b64decode

import pytest
from PIL import Image

from search.reporting.contact_sheet import TITLE, contact_sheet
from search.reporting.context import read_view
from search.storage.search_folder import SearchFolder


@pytest.fixture
def begun(told):
    """A search on digits, which are at hand."""
    return SearchFolder(told / "told")


def test_the_sheet_is_drawn_once_and_kept(begun, monkeypatch):
    made = contact_sheet(read_view(begun))
    assert made.title == TITLE
    (encoded,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', made.html)
    assert b64decode(encoded) == begun.contact_sheet.read_bytes()
    with Image.open(io.BytesIO(b64decode(encoded))) as picture:
        assert picture.width > 600
    assert len(made.html) < 200_000
    monkeypatch.setattr("trainers.data.catalog.load", None)  # the images are not needed any more
    assert contact_sheet(read_view(begun)).html == made.html


def test_without_the_images_a_line_says_why(begun, tmp_path):
    spec = begun.path / "spec.yaml"
    elsewhere = spec.read_text().replace("dataset: digits", "dataset: folder")
    spec.write_text(elsewhere.replace("path: null", f"path: {tmp_path / 'gone'}"))
    made = contact_sheet(read_view(begun))
    assert "<img" not in made.html
    assert "No contact sheet: data.path: no folder" in made.html
    assert not begun.contact_sheet.exists()


def test_other_images_than_those_of_the_search_are_not_shown(begun):
    about = begun.path / "search.json"
    about.write_text(about.read_text().replace(begun.about()["provenance"]["data"]["fingerprint"], "0" * 64))
    made = contact_sheet(read_view(begun))
    assert "No contact sheet: the data here is not what the search ran on." in made.html
