"""The journal in a store, while it is written. tests/cluster has drivers that are killed."""

import time
from types import SimpleNamespace

import pytest
from stores import Failing, hold, played, stored, wait_until
from told_trials import told_value

from search.engine import runner
from search.storage import ownership, replication
from search.storage.journal_segments import segments
from search.storage.trial_folder import trial_path


@pytest.mark.slow
def test_each_decision_is_in_the_store_within_the_bound(kept):
    with hold(kept) as held:
        wait_until(lambda: stored(kept) == kept.journal.read_bytes(), 30.0)
        conductor = played(kept, held.mirror)
        for epoch in (2, 3):
            conductor.result(0, epoch, told_value(conductor, 0.5))
            before = kept.journal.read_bytes()
            wait_until(lambda before=before: stored(kept) == before, 30.0)
        conductor.close("interrupted")
    assert stored(kept) == kept.journal.read_bytes()
    assert len(segments(kept.storage.names("journal"))) == 1, "they are merged at the end"


def test_a_torn_last_line_never_reaches_the_store(kept):
    """Power was cut in the middle of a write: what is written next begins where that line did."""
    with kept.journal.open("ab") as file:
        file.write(b'{"event":"resu')
    with hold(kept) as held:
        wait_until(lambda: held.mirror.sent > 0)
        conductor = played(kept, held.mirror)
        wait_until(lambda: held.mirror.sent == len(kept.journal.read_bytes()))
        assert stored(kept) == kept.journal.read_bytes(), "if this host were lost now"
        conductor.close("interrupted")


def test_a_store_that_does_not_answer_delays_the_journal_and_loses_nothing(kept, failing):
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        Failing.answers = False
        conductor.result(0, 2, told_value(conductor, 0.5))
        wait_until(lambda: held.problem() is not None)
        assert "the storage does not answer now (nobody there)" in held.problem()
        conductor.result(0, 3, told_value(conductor, 0.5))
        Failing.answers = True
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        assert held.problem() is None
        Failing.answers = False
        conductor.close("interrupted")
        told = []
        ownership.FLUSH_PATIENCE, patience = 0.5, ownership.FLUSH_PATIENCE
        held.flush(told.append)
        ownership.FLUSH_PATIENCE = patience
        assert "the storage lacks the journal's last" in told[0]
        Failing.answers = True
    with hold(kept):
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())


@pytest.mark.slow
def test_many_pieces_become_one_while_a_search_runs(kept, monkeypatch):
    monkeypatch.setattr(replication, "MERGE_AT", 3)
    monkeypatch.setattr(replication, "SEND_EVERY", 0.0)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        for _ in range(20):
            conductor.extend(1)
            wait_until(lambda: held.mirror.sent == kept.journal.stat().st_size)
            # soon, not at once: who looks while pieces are merged may find one gone that it has just seen
            wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        wait_until(lambda: len(segments(kept.storage.names("journal"))) < 14)
        conductor.close("interrupted")


@pytest.mark.slow
def test_an_ended_trials_checkpoints_go_after_the_journal_has_told_why(kept, failing):
    name = f"{trial_path(0)}/checkpoints/epoch-00001-0123456789abcdef.pt"
    failing.put(name, b"")
    failing.put(name.replace("00001", "00002"), b"")
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        Failing.answers = False
        conductor.fail(0, "crashed")
        held.mirror.drop_checkpoints(0, 1)
        time.sleep(0.3)
        Failing.answers = True
        assert failing.find(name) is not None or b"crashed" in stored(kept)
        wait_until(lambda: failing.find(name) is None)
        assert b"crashed" in stored(kept)
        assert failing.find(name.replace("00001", "00002")) is not None
        conductor.close("interrupted")


@pytest.mark.slow
def test_a_driver_whose_store_does_not_answer_pauses_as_its_workers_would(kept, failing, monkeypatch):
    """Workers may reach it still, with credentials of their own; what they do would be lost with the driver's host."""
    monkeypatch.setattr(ownership, "PATIENCE", 0.2)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        session = SimpleNamespace(folder=kept, spec=kept.spec(), hold=held)
        ends = runner._reasons_to_end(session, conductor, SimpleNamespace(received=False), live=lambda: None)
        assert ends() is None
        Failing.answers = False
        conductor.result(0, 2, told_value(conductor, 0.5))
        wait_until(lambda: held.cut_off() is not None)
        Failing.answers = True
        wait_until(lambda: held.cut_off() is None)
        assert ends() is None, "it answers again"
        Failing.answers = False
        conductor.result(0, 3, told_value(conductor, 0.5))
        wait_until(lambda: ends() is not None)
        assert conductor.paused == "the storage does not answer the search's driver (nobody there)"
        Failing.answers = True
        conductor.close("interrupted")
