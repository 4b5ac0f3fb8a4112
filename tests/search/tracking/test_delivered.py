"""How far a delivery came, as it is written down."""

import json

from search.storage.search_folder import SPEC, SearchFolder
from search.tracking.delivered import Delivered, parent_run, read_delivered, undelivered, write_delivered

URI = "http://127.0.0.1:5000"


def test_nothing_is_written_down_before_the_first_delivery(told):
    folder = SearchFolder(told / "told")
    assert read_delivered(folder) == Delivered("")
    assert undelivered(folder) == len(folder.journal.read_text().splitlines())


def test_what_is_written_down_is_read_again(told):
    folder = SearchFolder(told / "told")
    done = Delivered(URI, 10, "parent", {0: "a", 12: "b"}, [SPEC], is_partial=True)
    write_delivered(folder, done)
    assert read_delivered(folder) == done
    assert parent_run(folder, URI) == "parent"
    assert parent_run(folder, "http://another") is None


def test_events_behind_the_offset_are_not_delivered(told):
    folder = SearchFolder(told / "told")
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    write_delivered(folder, Delivered(URI, len(b"".join(lines[:-3]))))
    assert undelivered(folder) == 3


def test_what_an_older_version_wrote_down_is_read(told):
    folder = SearchFolder(told / "told")
    folder.delivered.write_text(json.dumps({"uri": URI, "offset": 3, "parent": "p", "runs": {"1": "a"}}))
    assert read_delivered(folder) == Delivered(URI, 3, "p", {1: "a"}, [SPEC])
