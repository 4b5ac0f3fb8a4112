"""Searches that are kept in a store: what stands there, who may write it, and what a host without a folder makes of it.

The store is a folder, by its file:// address; tests/cluster has an S3 server, and drivers that are killed.
"""

import json
import pickle
import shutil
import time
from contextlib import closing
from functools import partial

import pytest

from search import driver, exports, holding, lease, mirror, submit, tracking
from search.agenda import SearchAgenda
from search.bringing import bring, bring_confirmations, bring_log, opened
from search.conductor import Conductor
from search.confirm import confirm
from search.held_out import open_once, openings
from search.holding import taken
from search.lease import Holder, Lease, holder_of
from search.segments import joined, segment, segments
from search.storage import Storage, StorageError, storage_at
from search.store import SearchFolder, create_folder, trial_path
from search.stored_trial import StoredTrial
from spaces.spec import load_spec, parse_spec
from trainers.checkpoint import Checkpoint
from trainers.errors import EnvironmentProblem, InputError

SMALL = ["search.trials=7", "search.max_concurrent=1", "representation.epochs=6", "classifier.epochs=3"]
RUNGS = ["search.scheduler.grace=1", "search.scheduler.reduction=2"]


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """No real driver is on another host here."""
    monkeypatch.setattr(lease, "SETTLES", 0.0)
    monkeypatch.setattr(mirror, "SEND_EVERY", 0.1)
    monkeypatch.delenv("AFCL_STORAGE", raising=False)


@pytest.fixture
def uri(tmp_path):
    return (tmp_path / "store").as_uri()


@pytest.fixture
def kept(told, uri) -> SearchFolder:
    """The search "begun", whose spec names a store that does not have it yet."""
    folder = SearchFolder(told / "begun")
    spec = load_spec(str(folder.path / "spec.yaml"), [f"storage.uri={json.dumps(uri)}"])
    (folder.path / "spec.yaml").write_text(spec.dump_yaml())
    return folder


def stored(folder) -> bytes:
    return joined(segments(folder.storage.names("journal")), folder.storage.find)


def hold(folder):
    return taken(folder, lambda text: None)


def wait_until(holds, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- the address ---


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("s3://AKIA:hush@bucket/x", "must not hold a name with a password or a key"),
        ("s3://AKIAHUSH@bucket/x", "must not hold a name with a password or a key"),
        ("sftp://me:hush@host/x", "must not hold a name with a password"),
        ("s3://bucket/x?access_key=hush&secret_key=hush", r"must not hold a secret, but has access_key=…"),
        ("abfs://box@account/x?sas_token=hush", r"must not hold a secret, but has sas_token=…"),
        ("bucket/x", "must be an address like s3://bucket/folder, or a whole path, but got bucket/x"),
        ("me:hush@bucket", "must be an address like s3://bucket/folder, or a whole path$"),
        ("", "must not be empty"),
    ],
)
def test_an_address_that_holds_a_secret_or_is_none_is_refused_without_being_repeated(uri, complaint):
    with pytest.raises(InputError, match=f"storage.uri: {complaint}") as refused:
        load_spec("digits", [f"storage.uri={json.dumps(uri)}"])
    assert "hush" not in str(refused.value).lower()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/a/b?region=x", "gs://b/x", "/mnt/x", "sftp://me@host/x"])
def test_an_address_of_any_store_is_taken(uri):
    assert load_spec("digits", [f"storage.uri={json.dumps(uri)}"]).storage.uri == uri


def test_a_server_that_stands_in_for_amazons_is_known_to_all_nodes(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "here")
    place = storage_at("s3://bucket/x") / "name"
    assert place.uri == "s3://bucket/x/name?endpoint_override=127.0.0.1%3A9000&scheme=http&region=here"
    assert place.shown == "s3://bucket/x/name"
    given = "s3://bucket/x?endpoint_override=elsewhere"
    assert storage_at(given).uri == given


def test_a_store_goes_to_other_processes_as_its_address_alone(tmp_path):
    place = storage_at(tmp_path.as_uri())
    place.put("x", b"")
    there = pickle.loads(pickle.dumps(place))
    assert vars(there) == {"uri": place.uri}


@pytest.mark.parametrize("address", ["file://{}/store", "memory://{}/store", "{}/a store of 50%?#"])
def test_a_store_of_pyarrow_or_fsspec_has_files(address, tmp_path):
    place = storage_at(address.format(tmp_path)) / "search"
    assert place.names() == []
    place.put("a/b.txt", b"one")
    place.put("a/b.txt", b"another")
    place.put("c.txt", b"")
    assert place.get("a/b.txt") == b"another"
    assert place.names() == ["a/b.txt", "c.txt"]
    assert place.names("a") == ["a/b.txt"]
    place.delete("c.txt")
    place.delete("c.txt")
    assert place.find("c.txt") is None
    place.delete_all()
    place.delete_all()
    assert place.names() == []


def test_what_an_s3_client_says_becomes_a_few_words():
    said = (
        "When listing objects under key 'x' in bucket 'b': AWS Error NETWORK_CONNECTION during ListObjectsV2 operation"
    )
    assert str(StorageError(OSError(said))) == "no server answers"
    assert str(StorageError(OSError("a\nb"))) == "a"
    with pytest.raises(StorageError, match="the address has an unknown option regoin"):
        Storage("s3://bucket/x?regoin=here").names()


def test_a_store_that_does_not_answer_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as raised:
        Storage(str(tmp_path / "file" / "x")).put("a", b"")
    assert "\n" not in str(raised.value)
    with pytest.raises(StorageError, match="nosuch"):
        Storage("nosuch://x").names()


# --- the journal's pieces ---


def pieces(*told):
    """Pieces (start, lease, content), and what gets their content."""
    made = {segment(content, start, number): content for start, number, content in told}
    by_name = {piece.name: content for piece, content in made.items()}
    assert set(segments([*by_name, "driver.json", "trials/0000/result.json"])) == set(made)
    return made, by_name.get


def test_pieces_make_the_journal_again_whatever_was_merged():
    parts = [(0, 1, b"a\n"), (2, 1, b"bb\n"), (5, 1, b"c\n"), (0, 1, b"a\nbb\n"), (2, 2, b"bb\nc\n"), (7, 2, b"d\n")]
    assert joined(*pieces(*parts)) == b"a\nbb\nc\nd\n"
    assert joined(*pieces()) == b""


def test_what_comes_behind_a_gap_is_passed_over_like_a_torn_line():
    assert joined(*pieces((0, 1, b"a\n"), (5, 1, b"c\n"))) == b"a\n"
    assert joined(*pieces((0, 1, b"a\nb"), (5, 1, b"c\n"))) == b"a\n"
    made, get = pieces((0, 1, b"a\n"), (2, 1, b"b\n"), (4, 1, b"c\n"))
    damaged = segment(b"b\n", 2, 1).name
    assert joined(made, lambda name: b"x\n" if name == damaged else get(name)) == b"a\n"
    assert joined(made, lambda name: None if name == damaged else get(name)) == b"a\n"


def test_what_a_driver_wrote_after_it_had_lost_the_search_is_passed_over():
    assert joined(*pieces((0, 1, b"a\n"), (2, 1, b"late\n"), (2, 2, b"b\n"), (7, 1, b"later\n"))) == b"a\nb\n"
    # it even merged its pieces
    assert joined(*pieces((0, 1, b"a\nlate\n"), (2, 2, b"b\n"), (4, 2, b"c\n"))) == b"a\nb\nc\n"


# --- the mirror ---


class Failing(Storage):
    """A store that can be told not to answer."""

    answers = True

    def _ask(self, what):
        if not Failing.answers:
            raise StorageError("nobody there")
        return super()._ask(what)


@pytest.fixture
def failing(kept, monkeypatch):
    place = Failing(kept.storage.uri)
    monkeypatch.setattr(SearchFolder, "storage", property(lambda folder: place))
    yield place
    Failing.answers = True


def played(folder, mirror_):
    """A conductor of the search whose events are mirrored."""
    spec, history = folder.spec(), folder.history()
    conductor = Conductor(spec, history, folder.open_journal(), SearchAgenda(spec, 1), listeners=[mirror_.on_event])
    conductor.open()
    return conductor


def test_each_decision_is_in_the_store_within_the_bound(kept):
    with hold(kept) as held:
        wait_until(lambda: stored(kept) == kept.journal.read_bytes(), 30.0)
        conductor = played(kept, held.mirror)
        for epoch in (2, 3):
            conductor.result(0, epoch, {conductor.metric: 0.5})
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
        conductor.result(0, 2, {conductor.metric: 0.5})
        wait_until(lambda: held.problem() is not None)
        assert "the storage takes nothing just now (nobody there)" in held.problem()
        conductor.result(0, 3, {conductor.metric: 0.5})
        Failing.answers = True
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        assert held.problem() is None
        Failing.answers = False
        conductor.close("interrupted")
        told = []
        holding.FLUSH_PATIENCE, patience = 0.5, holding.FLUSH_PATIENCE
        held.flush(told.append)
        holding.FLUSH_PATIENCE = patience
        assert "the storage lacks the journal's last" in told[0]
        Failing.answers = True
    with hold(kept):
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())


def test_many_pieces_become_one_while_a_search_runs(kept, monkeypatch):
    monkeypatch.setattr(mirror, "MERGE_AT", 3)
    monkeypatch.setattr(mirror, "SEND_EVERY", 0.0)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        for number in range(20):
            conductor.extend(1)
            wait_until(lambda: held.mirror.sent == kept.journal.stat().st_size)
            assert stored(kept) == kept.journal.read_bytes(), number
        wait_until(lambda: len(segments(kept.storage.names("journal"))) < 14)
        conductor.close("interrupted")


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


# --- one driver at a time ---


def test_a_second_driver_is_refused_whatever_folder_it_has(kept, uri, tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.1)
    with hold(kept):
        other = bring(tmp_path / "other", kept.name, uri)
        with (
            pytest.raises(EnvironmentProblem, match=r"search begun is run by process \d+ on .*, says file://"),
            hold(other),
        ):
            pass
    with hold(other):
        pass


def test_a_driver_on_this_machine_that_is_dead_is_not_waited_for(kept):
    dead = Holder("x", 3, "here", 2**22 + 1, lease.this_machine())
    kept.storage.put(lease.FILE, json.dumps(vars(dead)).encode())
    started = time.monotonic()
    with hold(kept) as held:
        assert held.lease.number == 4
    assert time.monotonic() - started < lease.STALE_AFTER / 2


def test_a_driver_elsewhere_that_gives_no_sign_is_taken_over_from(kept, monkeypatch):
    monkeypatch.setattr(lease, "STALE_AFTER", 0.4)
    silent = Holder("x", 3, "gone", 1, "another machine")
    kept.storage.put(lease.FILE, json.dumps(vars(silent)).encode())
    told = []
    with taken(kept, told.append) as held:
        assert held.lease.number == 4
    assert told == ["process 1 on gone had the search; waiting up to 0 s for a sign of its life"]


def test_of_two_that_begin_at_once_the_later_has_it(kept, monkeypatch):
    place = kept.storage
    theirs = Holder("x", 1, "elsewhere", 1, "another machine")

    def meanwhile(seconds):
        place.put(lease.FILE, json.dumps(vars(theirs)).encode())

    with monkeypatch.context() as patch:
        patch.setattr(lease.time, "sleep", meanwhile)
        with pytest.raises(EnvironmentProblem, match="begun at the same moment by process 1 on elsewhere"):
            Lease(place, "begun", print)
    assert holder_of(place) == theirs


def test_a_driver_whose_search_was_taken_over_writes_nothing_more_there(kept, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.05)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        taker = Holder("x", 9, "elsewhere", 1, "another machine")

        def is_noticed():  # the lease may just have been looked at, and be written over: whoever takes it looks again
            kept.storage.put(lease.FILE, json.dumps(vars(taker)).encode())
            return held.taken_over() is not None

        wait_until(is_noticed)
        assert held.taken_over() == "the search was taken over by process 1 on elsewhere"
        before = stored(kept)
        conductor.result(0, 2, {conductor.metric: 0.5})
        conductor.close("interrupted")
    assert stored(kept) == before
    assert holder_of(kept.storage) == taker, "it gives back nothing that is not its own"


# --- another host ---


def test_a_host_without_the_folder_gets_it_from_the_store(kept, uri, tmp_path):
    with hold(kept):
        pass
    with pytest.raises(InputError, match=r"no search 'begun' in .*elsewhere$"):
        opened(tmp_path / "elsewhere", "begun", None)
    there = opened(tmp_path / "elsewhere", "begun", uri)
    assert there.journal.read_bytes() == kept.journal.read_bytes()
    assert there.about() == kept.about()
    assert there.spec() == kept.spec()
    with pytest.raises(InputError, match=r"no search 'beg' in .*, and none in file://"):
        opened(tmp_path / "elsewhere", "beg", uri)


def test_the_variable_names_the_store_as_the_flag_does(kept, uri, told, tmp_path, monkeypatch):
    with hold(kept):
        pass
    with pytest.raises(InputError, match="--storage: search told was begun without a storage"):
        opened(told, "told", uri)
    with pytest.raises(InputError, match="--storage: search begun is kept in file://"):
        opened(told, "begun", uri + "/other")
    monkeypatch.setenv("AFCL_STORAGE", uri)
    assert opened(told, "told", None).name == "told", "which is in no store, and was not meant"
    assert opened(tmp_path / "new", "begun", None).journal.exists()


def test_a_folder_that_is_behind_is_brought_up_to_the_store(kept, uri, tmp_path):
    with hold(kept):
        pass
    behind = bring(tmp_path / "behind", kept.name, uri)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        conductor.close("interrupted")
    with hold(behind):
        assert behind.journal.read_bytes() == kept.journal.read_bytes()


def test_where_two_hosts_went_on_apart_the_store_counts_and_the_rest_is_put_aside(kept, uri, tmp_path):
    with hold(kept):
        pass
    other = bring(tmp_path / "other", kept.name, uri)
    with kept.journal.open("ab") as file:  # what a killed driver had not sent
        file.write(b'{"event":"launched","time":1,"up":1,"trial":0}\n')
    tail = kept.journal.read_bytes()
    with hold(other) as held:
        played(other, held.mirror).close("interrupted")
    told = []
    with taken(kept, told.append):
        assert kept.journal.read_bytes() == other.journal.read_bytes()
    aside = next(kept.path.glob("journal.*.jsonl"))
    assert aside.read_bytes() == tail
    assert aside.name in told[0]


def test_another_search_of_the_same_name_is_not_overwritten(kept, told, uri):
    with hold(kept):
        pass
    about = kept.about() | {"id": "another"}
    (kept.path / "search.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="name: another search 'begun' is kept in file://"), hold(kept):
        pass
    with pytest.raises(InputError, match=r"exists in file://.*; go on with `afcl resume begun --storage file://"):
        driver.run(kept.spec(), results=told.parent / "new")


def test_what_the_lost_end_of_a_journal_told_of_is_removed(kept):
    """Trial 0 stands at epoch 1 in the journal: its checkpoint of epoch 2 is in flight, that of 3 is ahead."""
    place, name = kept.storage, "checkpoints/epoch-{:05d}-0123456789abcdef.pt"
    for number, epoch in ((0, 1), (0, 2), (0, 3), (1, 1)):
        place.put(f"{trial_path(number)}/{name.format(epoch)}", b"")
    place.put(f"{trial_path(1)}/node.txt", b"")
    place.put(f"{trial_path(0)}/node.txt", b"")
    with hold(kept):
        left = place.names("trials")
    assert left == [f"{trial_path(0)}/{name.format(epoch)}" for epoch in (1, 2)] + [f"{trial_path(0)}/node.txt"]


def test_looks_at_the_test_split_are_known_on_every_host(kept, uri, tmp_path):
    with hold(kept):
        pass
    other = bring(tmp_path / "other", kept.name, uri)
    open_once(other.test_openings, "train best-1.yaml", again=False)
    with hold(other):
        pass
    open_once(kept.test_openings, "confirm-1", again=False)
    with hold(kept):
        pass
    assert [one.by for one in openings(kept.test_openings)] == ["train best-1.yaml", "confirm-1"]
    assert bring(tmp_path / "third", kept.name, uri).test_openings.read_bytes() == kept.test_openings.read_bytes()


def test_mlflow_is_told_nothing_that_can_still_be_lost(kept, tmp_path):
    """Another host would tell it again, with another time: twice."""
    sent = kept.journal.read_bytes().index(b'"event":"launched"')
    sent = kept.journal.read_bytes().rindex(b"\n", 0, sent) + 1
    tracker = tracking.Tracker(kept, f"sqlite:///{tmp_path / 'mlflow.db'}", lambda: sent)
    tracker.start()
    wait_until(lambda: kept.delivered.exists() and json.loads(kept.delivered.read_text())["offset"] == sent)
    assert tracker.close(30) > 0
    assert json.loads(kept.delivered.read_text())["offset"] == sent


# --- a trial's files ---


def checkpoint(tiny_config, epoch):
    import torch

    empty = torch.zeros(0)
    raw = tiny_config.model_dump(mode="json")
    return Checkpoint(epoch, {"x": 0.5}, empty, raw, "print", ["a", "b"], empty, empty, {})


def test_a_trials_worker_keeps_its_newest_two_checkpoints_there(tiny_config, tmp_path):
    place = storage_at((tmp_path / "store").as_uri())
    for _ in range(2):  # a worker, and the one after it
        files = StoredTrial(place)
        before = files.newest()
        for epoch in range(1 if before is None else before.epoch + 1, 4 if before is None else 6):
            files.save(checkpoint(tiny_config, epoch))
        files.close()
    assert [int(name.split("-")[1]) for name in place.names("checkpoints")] == [4, 5]
    newest = place.names("checkpoints")[-1]
    place.put(newest, b"damaged")
    with closing(StoredTrial(place)) as files:
        found = files.newest()
    assert found is not None
    assert found.epoch == 4


def test_a_worker_waits_for_a_store_that_does_not_answer(tiny_config, tmp_path, monkeypatch):
    import threading

    from search import stored_trial

    files = StoredTrial(Failing((tmp_path / "store").as_uri()))
    Failing.answers = False
    threading.Timer(0.5, partial(setattr, Failing, "answers", True)).start()
    files.save(checkpoint(tiny_config, 1))
    monkeypatch.setattr(stored_trial, "PATIENCE", 0.3)
    Failing.answers = False
    with pytest.raises(StorageError, match="nobody there"):
        files.save(checkpoint(tiny_config, 2))
    Failing.answers = True
    found = files.newest()
    files.close()
    assert found is not None
    assert found.epoch == 1


def test_a_trials_attempts_are_one_log(kept):
    for text in ("one\n", "two\n"):
        files = StoredTrial(kept.storage / trial_path(0))
        with files.open_log() as log:
            print(text[:2], end="", file=log)
            files.send_log()
            print(text[2:], end="", file=log)
        files.send_log()
        files.close()
    bring_log(kept, 0)
    assert kept.trial(0).log.read_text() == "one\ntwo\n"


# --- real trials ---


@pytest.fixture(scope="module")
def in_a_store(shared_ray, tmp_path_factory):
    """A search in one slot like `finished`, whose host was lost half way with its folder, and its store."""
    root = tmp_path_factory.mktemp("stored")
    uri = (root / "store").as_uri()
    spec = load_spec("digits", [*SMALL, *RUNGS, f"storage.uri={json.dumps(uri)}"], name="kept")
    original = holding.Hold.taken_over

    def after_a_while(self):
        return "the test took it away" if self.mirror._end > 12_000 else original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holding.Hold, "taken_over", after_a_while)
        with pytest.raises(EnvironmentProblem, match="the test took it away"):
            driver.run(spec, results=root / "lost")
    shutil.rmtree(root / "lost")
    return driver.resume("kept", results=root / "found", storage=uri), uri


@pytest.mark.slow
def test_a_search_whose_host_was_lost_comes_to_the_same(finished, in_a_store):
    found, _ = in_a_store
    assert found.reason == "done"
    assert found.different == []
    assert {n: (t.values, t.state, t.score, sorted(t.epochs)) for n, t in found.history.trials.items()} == {
        n: (t.values, t.state, t.score, sorted(t.epochs)) for n, t in finished.history.trials.items()
    }
    assert found.history.decisions == finished.history.decisions
    assert len(found.history.sessions) == 2
    best = exports.export("kept", results=found.folder.root)[0]
    assert exports.read_export(best).expected is not None
    assert "Embeddings" in found.folder.report.read_text()


@pytest.mark.slow
def test_a_confirmation_outlives_its_host_too(in_a_store, shared_ray, tmp_path):
    found, uri = in_a_store
    one = confirm("kept", results=found.folder.root, seeds=2)
    again = confirm("kept", results=tmp_path / "third", storage=uri)
    assert again.session is None, "nothing is left to run"
    assert again.folder.journal.read_bytes() == one.folder.journal.read_bytes()
    finished_ = again.folder.history().in_state("finished")
    assert all(again.folder.trial(trial.number).read_result() for trial in finished_)
    assert [look.by for look in openings(again.folder.searched.test_openings)] == ["confirm-1"]


def test_a_confirmation_that_another_host_began_is_gone_on_with_here(kept, uri, tmp_path):
    with hold(kept):
        pass
    other = bring(tmp_path / "other", kept.name, uri)
    spec = load_spec(str(kept.path / "spec.yaml"), name="confirm-1")
    confirmation = create_folder(kept.path, spec, kept.about()["provenance"])
    with hold(confirmation) as held:
        played(confirmation, held.mirror).close("interrupted")
        assert held.storage.uri.endswith("/begun/confirm-1")
    assert other.confirmations() == []
    bring_confirmations(other)
    assert [one.journal.read_bytes() for one in other.confirmations()] == [confirmation.journal.read_bytes()]
    assert not list(other.path.glob(".*.partial"))
    with hold(other.confirmations()[0]):
        assert holder_of(other.storage).number == 3, "the lease is the search's"


@pytest.mark.slow
def test_every_node_is_asked_whether_it_reaches_the_store(shared_ray, tmp_path):
    from search import preflight
    from search.provenance import code_hash

    place = storage_at((tmp_path / "store").as_uri())
    assert len(preflight.check_nodes(place, code_hash())) == 1
    assert place.names() == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match=r"storage: file:.* does not answer as it should"):
        preflight.check_nodes(storage_at((tmp_path / "file" / "x").as_uri()), code_hash())


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


def test_a_look_at_the_test_split_that_the_store_did_not_hear_of_is_told_when_the_confirmation_is_taken(kept, told):
    with hold(kept):
        pass
    open_once(kept.test_openings, "confirm-1", again=False)
    spec = kept.spec().model_copy(update={"name": "confirm-1"})
    with hold(create_folder(kept.path, spec, kept.about()["provenance"], confirms={})):
        pass
    assert kept.storage.get("test-split.jsonl") == kept.test_openings.read_bytes()


def test_sync_tells_what_becomes_of_a_journal_that_another_host_went_on_with(kept, uri, tmp_path):
    with hold(kept) as held:
        played(kept, held.mirror).close("interrupted")
    other = bring(tmp_path / "other", kept.name, uri)
    for folder in (other, kept):
        with folder.journal.open("ab") as file:
            file.write(json.dumps({"event": "start", "time": 0, "of": str(folder.root)}).encode() + b"\n")
    with hold(other):
        pass
    told = []
    delivered, different = tracking.sync(kept, told.append)
    assert "another host went on with begun" in told[0]
    assert (delivered > 0, different) == (True, [])


# --- a folder that hosts share, without a store ---


def test_a_lock_that_other_hosts_do_not_see_is_helped_by_a_lease_in_the_folder(told, monkeypatch):
    """A shared filesystem that passes no lock on: the other host's driver is known by its signs of life alone."""
    folder, place = SearchFolder(told / "begun"), Storage(str(told / "begun"))
    other = Holder("x", 3, "elsewhere", 1, "another machine")
    place.put(lease.FILE, json.dumps(vars(other)).encode())

    def beats(seconds):
        place.put(lease.FILE, json.dumps(vars(other) | {"beat": time.time_ns()}).encode())

    with monkeypatch.context() as patch:
        patch.setattr(lease.time, "sleep", beats)
        with pytest.raises(EnvironmentProblem, match="search begun is run by process 1 on elsewhere"), hold(folder):
            pass
    monkeypatch.setattr(lease, "STALE_AFTER", 0.2)
    with hold(folder) as held:
        assert held.lease.number == 4
        assert held.listeners == []
    with hold(folder) as held:
        assert held.lease.number == 5


def test_a_lease_that_was_removed_does_not_make_older_pieces_newer(kept):
    for _ in range(3):
        with hold(kept) as held:
            played(kept, held.mirror).close("interrupted")
    kept.storage.delete(lease.FILE)
    with hold(kept) as held:
        played(kept, held.mirror).close("interrupted")
    assert stored(kept) == kept.journal.read_bytes()


def test_a_submitted_search_needs_no_shared_folder_where_it_has_a_store(monkeypatch, uri):
    """It is the cluster that is missing then."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    with pytest.raises(InputError, match=r"--results: must be the whole path.*; or name a --storage"):
        submit.submit(load_spec("digits"), address=None, results=None)
    spec = load_spec("digits", [f"storage.uri={json.dumps(uri)}"])
    with pytest.raises((InputError, EnvironmentProblem), match="address"):
        submit.submit(spec, address=None, results=None)


def test_a_spec_with_a_store_is_read_back_as_it_is(uri):
    spec = load_spec("digits", [f"storage.uri={json.dumps(uri)}"])
    assert parse_spec(spec.dump()) == spec
    assert load_spec("digits").storage.uri is None
