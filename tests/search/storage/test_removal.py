"""What is removed with a search, and what stays. See search.storage.removal."""

import json

from stores import hold


def test_removing_a_search_removes_it_from_its_store(kept, typed):
    with hold(kept):
        refused = typed("rm", "begun", "--yes", results=kept.root)
        assert "run by process" in refused.stderr
    assert kept.storage.names()
    place = kept.storage
    assert typed("rm", "begun", "--yes", results=kept.root).returncode == 0
    assert not kept.path.exists()
    assert place.names() == []


def test_removing_an_old_copy_leaves_the_search_that_has_its_place_now(kept, typed):
    with hold(kept):
        pass
    about = kept.about() | {"id": "another"}
    (kept.path / "search.json").write_text(json.dumps(about))
    place, before = kept.storage, kept.storage.names()
    removed = typed("rm", "begun", "--yes", results=kept.root)
    assert removed.returncode == 0
    assert "another search of that name, which stays" in removed.stdout
    assert place.names() == before
    assert not kept.path.exists()
