"""search.storage.sent_folder: a folder that is sent is the folder, and what is there is not sent again."""

import json
import time

import pytest

from search.storage.search_folder import SearchFolder
from search.storage.sent_folder import LOG_END, packed, unpacked, write_files
from trainers.locking import lock_at


@pytest.fixture
def folder(told) -> SearchFolder:
    found = SearchFolder(told / "told")
    found.trial(3).path.mkdir(parents=True)
    found.trial(3).log.write_text("epoch 1 η\n")
    found.trial(3).write_result({"recall": {"3": 0.5}})
    return found


def test_what_is_unpacked_is_what_was_packed(folder, tmp_path):
    told = unpacked(f"Ray says something\n{packed(folder)}\nand something else\n")
    assert told["at"] == pytest.approx(time.time(), abs=60)
    (part,) = told["folders"].values()
    journal = write_files(tmp_path / "copy", part)
    copy = SearchFolder(tmp_path / "copy")
    assert journal == folder.journal.read_bytes()
    assert copy.about() == folder.about()
    assert copy.spec() == folder.spec()
    assert copy.trial(3).log.read_text() == "epoch 1 η\n"
    assert copy.trial(3).read_result() == {"recall": {"3": 0.5}}
    assert part["held"] is None


def test_of_a_journal_only_what_is_new_is_sent_and_the_whole_of_one_that_is_shorter_than_known(folder):
    content = folder.journal.read_bytes()
    for known, begin in ((100, 100), (len(content), len(content)), (len(content) + 1, 0)):
        (part,) = unpacked(packed(folder, journals={"": known}))["folders"].values()
        assert part["begin"] == begin
        assert write_files(folder.path, part) == content[begin:]


def test_files_that_have_not_changed_since_the_last_time_are_left_out(folder):
    (part,) = unpacked(packed(folder, since=time.time() + 1000))["folders"].values()
    assert sorted(part["files"]) == ["search.json", "spec.yaml"]


def test_the_driver_and_confirmations_are_told_too(folder, tmp_path):
    inner = folder.path / "confirm-1"
    inner.mkdir()
    for name in ("search.json", "spec.yaml", "journal.jsonl"):
        (inner / name).write_bytes((folder.path / name).read_bytes())
    with lock_at(folder.path / "driver.lock"):
        (folder.path / "driver.lock").write_text(json.dumps({"host": "head", "pid": 7}))
        told = unpacked(packed(folder))["folders"]
    assert told[""]["held"] == {"host": "head", "pid": 7}
    assert told["confirm-1"]["held"] is None
    assert write_files(tmp_path / "confirm-1", told["confirm-1"]) == folder.journal.read_bytes()


def test_of_a_long_log_the_end_is_sent(folder):
    folder.trial(3).log.write_text("x" * 3 * LOG_END)
    (part,) = unpacked(packed(folder))["folders"].values()
    assert len(part["files"]["trials/0003/log.txt"]) == LOG_END


def test_what_is_no_folder_is_refused_and_nothing_is_written_outside(tmp_path):
    with pytest.raises(ValueError, match="was not sent"):
        unpacked("No such command 'send-folder'\n")
    for name in ("../evil", "/tmp/evil", "trials/../../evil"):
        with pytest.raises(ValueError, match="does not belong"):
            write_files(tmp_path / "copy", {"files": {name: "x"}, "journal": ""})
