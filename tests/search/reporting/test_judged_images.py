"""Test images on the page: as the confirmation left them, and never otherwise."""

import json

from pages import confirm

from search.reporting.context import read_view
from search.reporting.judged_images import judged_images
from search.storage.search_folder import SearchFolder


def test_the_picture_of_the_confirmation_is_shown_and_without_it_there_is_no_section(played):
    assert judged_images(read_view(played)) is None
    confirm(played, caveats=())
    assert judged_images(read_view(played)) is None, "an older confirmation drew none, and a report opens no test split"
    inside = SearchFolder(played.path / "confirm-1")
    inside.judged_test.write_bytes(b"jpeg")
    about = {"images": 50, "wrong": 4, "shown": 4, "what": "AFCL (trial 5, seed 1)"}
    inside.judged_test.with_suffix(".json").write_text(json.dumps(about))
    section = judged_images(read_view(played))
    assert "data:image/jpeg;base64," in section.html
    assert "Of 50 test images 4 were wrong." in section.html
