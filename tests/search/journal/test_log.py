import pytest

from search.journal.log import Journal, JournalError, read_events


def test_what_was_appended_is_read_back_to_the_digit(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.append({"event": "result", "value": 0.1 + 0.2, "class": "T-shirt/top", "trial": 3})
    journal.close()
    assert [event for event, _ in read_events(tmp_path / "journal")] == [
        {"event": "result", "value": 0.1 + 0.2, "class": "T-shirt/top", "trial": 3}
    ]


@pytest.mark.parametrize("torn", [b'{"event": "resu', b'{"event":"x"}', b"\xff"])
def test_a_torn_last_line_is_passed_over_and_then_dropped(tmp_path, torn):
    path = tmp_path / "journal"
    path.write_bytes(b'{"event":"a"}\n' + torn)
    assert [event["event"] for event, _ in read_events(path)] == ["a"]
    journal = Journal(path)
    journal.append({"event": "b"})
    journal.close()
    assert path.read_bytes() == b'{"event":"a"}\n{"event":"b"}\n'


def test_damage_elsewhere_is_told_with_its_place(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b'{"event":"a"}\nrubbish\n{"event":"b"}\n')
    with pytest.raises(JournalError, match="line 2 is damaged"):
        list(read_events(path))


def test_reading_goes_on_from_an_offset(tmp_path):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append({"event": "a"})
    ((_, offset),) = read_events(path)
    journal.append({"event": "b"})
    assert [event["event"] for event, _ in read_events(path, offset)] == ["b"]
    journal.close()


def test_a_number_that_is_not_finite_is_refused(tmp_path):
    journal = Journal(tmp_path / "journal")
    with pytest.raises(ValueError, match="JSON"):
        journal.append({"event": "result", "value": float("nan")})
    journal.close()
    assert (tmp_path / "journal").read_bytes() == b""


def test_what_could_not_be_written_whole_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append({"event": "one"})
    whole = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.append({"event": "two"})
    assert path.read_bytes() == whole
    journal.append({"event": "three"})
    journal.close()
    assert [event["event"] for event, _ in read_events(path)] == ["one", "three"]
