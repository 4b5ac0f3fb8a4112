"""Test images on the page: as the confirmation left them, and never otherwise."""

import json

import pytest
from pages import confirm
from scored import scored_search

from search.reporting.context import read_view
from search.reporting.judged_images import judged_images
from search.storage.search_folder import SearchFolder


@pytest.mark.slow
def test_before_a_confirmation_the_kept_model_answers_for_validation_images_once(tmp_path):
    folder = scored_search(tmp_path)
    section = judged_images(read_view(folder))
    assert section.title == "Validation images, and the surest mistakes"
    assert f"Of {sum(read_view(folder).validation.values())} images" in section.html
    for checkpoint in folder.trial(0).checkpoint_paths():
        checkpoint.unlink()
    assert judged_images(read_view(folder)) == section, "it was drawn once and is kept"


def test_the_picture_of_the_confirmation_is_shown_and_without_it_there_is_no_section(played):
    assert judged_images(read_view(played)) is None
    confirm(played, caveats=())
    assert judged_images(read_view(played)) is None, "an older confirmation drew none, and a report opens no test split"
    inside = SearchFolder(played.path / "confirm-1")
    inside.judged_test.write_bytes(b"jpeg")
    about = {"images": 50, "wrong": 4, "shown": 4, "what": "AFCL (trial 5, seed 1)"}
    inside.judged_test.with_suffix(".json").write_text(json.dumps(about))
    section = judged_images(read_view(played))
    assert section.title == "Test images, and the surest mistakes"
    assert "data:image/jpeg;base64," in section.html
    assert "Of 50 images 4 were wrong." in section.html
    for wrong, said in ((0, "Of 50 images none was wrong."), (1, "Of 50 images 1 was wrong.")):
        inside.judged_test.with_suffix(".json").write_text(json.dumps(about | {"wrong": wrong, "shown": wrong}))
        html = judged_images(read_view(played)).html
        assert said in html
        assert ("wrong prediction with the highest" in html) == ("x marks a wrong one" in html) == bool(wrong)
