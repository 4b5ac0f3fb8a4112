"""The driver draws the search's contact sheet, once, and a picture stops no search."""

import pytest

from search.engine.contact_sheet import leave_contact_sheet
from search.storage.search_folder import SearchFolder
from trainers.data import load


@pytest.fixture
def begun(told):
    return SearchFolder(told / "told")


def test_it_is_drawn_once(begun):
    begun.contact_sheet.write_bytes(b"mine")
    leave_contact_sheet(begun, begun.spec(), load(begun.spec().data), print)
    assert begun.contact_sheet.read_bytes() == b"mine"


def test_a_sheet_that_cannot_be_drawn_or_written_stops_nobody(begun, monkeypatch):
    monkeypatch.setattr("trainers.data.sheet.draw_sheet", None)
    leave_contact_sheet(begun, begun.spec(), load(begun.spec().data), print)
    assert not begun.contact_sheet.exists()
