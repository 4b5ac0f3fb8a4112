"""search.live_page.logs: the end of a log, from the folder or from the search's store."""

import pytest

from search.live_page import logs
from search.live_page.logs import Logs, log_end
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem


def test_a_short_log_is_shown_whole_and_its_passwords_are_not(tmp_path):
    log = tmp_path / "log.txt"
    log.write_bytes("epoch 1 η\nhttp://me:swordfish@host/ \xff\n".encode("latin-1", "replace"))
    end = log_end(log, "trial 0")
    assert end.told == ""
    assert end.text.startswith("epoch 1 ")
    assert "http://…@host/" in end.text


def test_of_a_long_log_the_end_is_shown_from_a_whole_line_on_with_its_size(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("".join(f"line {number:09d}\n" for number in range(100_000)))
    end = log_end(log, "trial 0")
    assert end.text.splitlines()[-1] == "line 000099999"
    assert len(end.text.splitlines()[0]) == len("line 000000000")
    assert len(end.text) <= logs.MOST
    assert end.told == "the last 64 KiB of 1465 KiB"


def test_a_log_that_is_not_there_or_empty_or_no_file_is_a_sentence(tmp_path):
    (tmp_path / "empty").touch()
    assert log_end(tmp_path / "none", "trial 7").told == "trial 7 has no log yet"
    assert log_end(tmp_path / "empty", "trial 7").told == "trial 7 printed nothing"
    assert "cannot be read" in log_end(tmp_path, "trial 7").told


def test_one_line_that_is_longer_than_what_is_shown_is_shown_in_part(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("x" * 200_000)
    assert len(log_end(log, "trial 0").text) == logs.MOST


def test_the_drivers_log_and_a_trials_are_read_from_the_folder(told):
    folder = SearchFolder(told / "told")
    folder.driver_log.write_text("of the driver\n")
    folder.trial(2).path.mkdir(parents=True)
    folder.trial(2).log.write_text("of the trial\n")
    read = Logs()
    assert read(folder, None).text == "of the driver\n"
    assert read(folder, 2).text == "of the trial\n"
    assert read(folder, 1).told == "trial 1 has no log yet"


def test_the_log_of_a_driver_elsewhere_is_asked_for_and_not_at_every_request(told):
    folder, asked = SearchFolder(told / "told"), []
    assert "on the host that runs" in Logs(lambda name: None)(folder, None).told
    read = Logs(lambda name: asked.append(name) or "printed by the job\n")
    assert [read(folder, None).text for _ in range(2)] == ["printed by the job\n"] * 2
    assert asked == ["told"]

    def refuse(name):
        raise EnvironmentProblem("--address http://me:swordfish@head: nothing answers there")

    assert Logs(refuse)(folder, None).told == "--address http://…@head: nothing answers there"


def test_a_log_that_only_the_store_has_is_read_there_and_not_at_every_request(kept, monkeypatch):
    """Attempt after attempt; nothing is written into the folder."""
    read = Logs()
    assert read(kept, 0).told == "trial 0 has no log yet"
    for attempt in (1, 2):
        kept.storage.put(f"trials/0000/log-{attempt:06d}.txt", f"attempt {attempt}\n".encode())
    assert read(kept, 0).text == "attempt 1\nattempt 2\n"
    assert not kept.trial(0).path.exists()
    monkeypatch.setattr(logs, "stored_log", lambda *_: pytest.fail("the store was asked again"))
    assert read(kept, 0).text == "attempt 1\nattempt 2\n"


def test_a_store_that_does_not_answer_is_a_sentence(failing, kept, monkeypatch):
    monkeypatch.setattr("search.storage.object_store.PAUSES", (0.0, 0.0))
    type(failing).answers = False
    assert Logs()(kept, 0).told
