"""The page shows the images that the search ran on, from its folder alone, or says in a line that it cannot."""

import io
import re
from base64 import b64decode

import pytest
from PIL import Image

from search.engine.contact_sheet import leave_contact_sheet
from search.reporting.contact_sheet import TITLE, contact_sheet
from search.reporting.context import read_view
from search.storage.search_folder import SearchFolder
from trainers.data import load


@pytest.fixture
def begun(told):
    return SearchFolder(told / "told")


def test_the_page_holds_the_sheet_that_was_drawn_when_the_search_began(begun):
    leave_contact_sheet(begun, begun.spec(), load(begun.spec().data), print)
    made = contact_sheet(read_view(begun))
    assert made.title == TITLE
    (encoded,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', made.html)
    assert b64decode(encoded) == begun.contact_sheet.read_bytes()
    with Image.open(io.BytesIO(b64decode(encoded))) as picture:
        assert picture.width > 600
    assert len(made.html) < 200_000


def test_without_one_a_line_says_so(begun):
    made = contact_sheet(read_view(begun))
    assert "<img" not in made.html
    assert "No contact sheet: " in made.html
