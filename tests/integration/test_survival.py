"""What a search does when something under it gives way: disk, trials, nodes, older searches."""

import errno
import json
import logging
import os
import shutil
import subprocess
import threading
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search import api
from search.algorithms.proposer import SearchAgenda
from search.cluster.node_check import check_nodes
from search.cluster.ray_output import quiet
from search.engine import compatibility, prepare, runner
from search.engine.checkpoint_retention import Keeper, best_and_contrast
from search.engine.controller import Conductor, PausedError
from search.journal.history import read_history
from search.journal.log import Journal
from search.storage.object_store import Storage
from search.storage.provenance import code_hash
from search.storage.search_folder import SearchFolder
from search.tracking.optuna_study import OptunaView
from search.tracking.outbox import Tracker
from spaces.spec import load_spec
from trainers.errors import EnvironmentProblem, InputError

SMALL = ["search.trials=2", "search.max_concurrent=1", "representation.epochs=3", "classifier.epochs=2"]


def _full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_pauses_the_search_and_loses_nothing(tmp_path, monkeypatch):
    """The journal's own write fails: what was not written has not happened."""
    journal = Journal(tmp_path / "journal")
    spec = load_spec("digits", SMALL)
    conductor = Conductor(spec, read_history(tmp_path / "journal"), journal, SearchAgenda(spec, 1))
    conductor.open()
    number = conductor.next_trial().number
    conductor.result(number, 1, {conductor.metric: 0.5})
    before = (tmp_path / "journal").read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _full)
        with pytest.raises(PausedError, match="No space left"):
            conductor.result(number, 2, {conductor.metric: 0.6})
    with pytest.raises(PausedError):
        conductor.next_trial()
    assert 2 not in conductor.history.trials[number].epochs
    conductor.close("paused")
    again = read_history(tmp_path / "journal").trials[number]
    assert (tmp_path / "journal").read_bytes().startswith(before)
    assert again.state == "pending"


def test_what_ray_says_is_lost_where_the_disk_is_full_and_raises_nothing():
    with quiet(Path("/dev/full")):
        print("a line")
        logging.getLogger("ray").warning("a warning")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 60 MB, where this process may mount one."""
    tmp_path.joinpath("disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", tmp_path / "disk"], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    yield tmp_path / "disk"
    subprocess.run(["umount", "--lazy", tmp_path / "disk"], check=True)


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_middle_is_one_line_and_the_search_resumes(small_disk, shared_ray, finished, capfd):
    """Journal, checkpoints, Optuna's view and MLflow's store all stand on it."""
    spec, filler = finished.folder.spec().model_copy(update={"name": "filled"}), small_disk / "filler"

    def fill(event, history):
        if event["event"] == "result" and len(history.trials) == 3:
            with suppress(OSError), filler.open("ab", buffering=0) as file:
                while file.write(b"0" * 4096):
                    pass

    with pytest.raises(EnvironmentProblem, match=r"No space left.*nothing is lost.*afcl resume filled"):
        _run_with_listener(spec, small_disk, fill)
    assert "Traceback" not in "".join(capfd.readouterr())
    filler.unlink()
    resumed = api.resume("filled", results=small_disk)
    assert {n: (t.values, t.state, t.score) for n, t in resumed.history.trials.items()} == {
        n: (t.values, t.state, t.score) for n, t in finished.history.trials.items()
    }
    assert resumed.different == []


@pytest.mark.slow
def test_only_the_best_keep_their_checkpoints(tmp_path, shared_ray):
    spec = load_spec("digits", [*SMALL, "search.keep_best=2", "search.scheduler.name=none"])
    found = api.run(spec, results=tmp_path)
    left = {number: len(list(found.folder.trial(number).checkpoints.glob("*.pt"))) for number in found.history.trials}
    ranked = found.history.ranked()
    contrast = next(trial for trial in ranked if trial.family == "CL")  # the report shows its encoder
    best = {trial.number for trial in (*ranked[:2], contrast)}
    assert {number for number, count in left.items() if count} == best
    assert set(left.values()) == {0, 1}


def test_a_stopped_trials_checkpoints_go_when_it_ends(tmp_path):
    folder = SearchFolder(tmp_path)
    checkpoints = folder.trial(0).checkpoints
    checkpoints.mkdir(parents=True)
    (checkpoints / "epoch-00001-0123456789abcdef.pt").touch()
    history = read_history(folder.journal)
    Keeper(folder, history, partial(best_and_contrast, best=3)).on_event({"event": "end", "trial": 0}, history)
    assert not list(checkpoints.iterdir())


def test_a_new_session_removes_what_a_killed_one_left_of_ended_trials(told):
    folder = SearchFolder(told / "told")
    history = folder.history()
    for number in history.trials:
        checkpoints = folder.trial(number).checkpoints
        checkpoints.mkdir(parents=True)
        for epoch in (1, 2):
            (checkpoints / f"epoch-{epoch:05d}-0123456789abcdef.pt").touch()
    Keeper(folder, history, partial(best_and_contrast, best=1))
    left = sorted(path.relative_to(folder.path / "trials") for path in folder.path.glob("trials/*/checkpoints/*.pt"))
    kept = sorted(best_and_contrast(history, 1))
    assert [path.parts[0] for path in left] == [f"{number:04d}" for number in kept]
    assert all(path.name.startswith("epoch-00002") for path in left)


def test_the_best_cl_trials_checkpoint_stays_wherever_it_ranks(tmp_path):
    """Until a better CL trial ends; those of other families must be among the best."""
    folder = SearchFolder(tmp_path)
    history = folder.history()
    keeper = Keeper(folder, history, partial(best_and_contrast, best=1))
    left = []
    for number, (family, score) in enumerate([("CL", 0.5), ("AFCL", 0.9), ("FCL", 0.8), ("CL", 0.6), ("CL", 0.4)]):
        checkpoints = folder.trial(number).checkpoints
        checkpoints.mkdir(parents=True)
        (checkpoints / "epoch-00001-0123456789abcdef.pt").touch()
        asked = {"family": family, "baseline": False, "values": {}, "config": {}}
        for event in (
            {"event": "asked", "time": 0, "trial": number, **asked},
            {"event": "end", "time": 0, "trial": number, "state": "finished", "reason": None, "score": score},
        ):
            history.apply(event)
            keeper.on_event(event, history)
        left.append({int(path.parts[-3]) for path in tmp_path.glob("trials/*/checkpoints/*.pt")})
    assert left == [{0}, {0, 1}, {0, 1}, {1, 3}, {1, 3}]


@pytest.mark.slow
def test_a_trial_that_crashes_twice_alike_fails_and_the_search_goes_on(tmp_path, shared_ray):
    """A file stands where its checkpoints should: every attempt meets the same error."""
    spec = load_spec(
        "digits", [*SMALL, "search.trials=0", "search.baselines=[CL, FCL]", "space={}", "search.max_failed_share=1"]
    )
    blocked = tmp_path / spec.name / "trials" / "0000"

    def block(event, history):
        if event["event"] == "asked" and event["trial"] == 0:
            blocked.mkdir(parents=True)
            (blocked / "checkpoints").write_text("in the way")

    found = _run_with_listener(spec, tmp_path, block)
    first, second = found.history.trials[0], found.history.trials[1]
    assert first.state == "failed"
    assert "crashed twice with" in first.reason
    assert second.state == "finished"
    assert "Traceback" in found.folder.trial(0).log.read_text()


def _run_with_listener(spec, root, listener):
    original = runner.Keeper.on_event

    def both(self, event, history):
        listener(event, history)
        original(self, event, history)

    runner.Keeper.on_event = both
    try:
        return api.run(spec, results=root)
    finally:
        runner.Keeper.on_event = original


@pytest.mark.slow
def test_the_optuna_view_has_stopped_trials_pruned_with_all_their_values(finished):
    storage = JournalStorage(JournalFileBackend(str(finished.folder.optuna_view)))
    study = optuna.load_study(study_name=finished.folder.name, storage=storage)
    seen = {trial.user_attrs["number"]: trial for trial in study.trials}
    stopped = finished.history.in_state("stopped")
    assert stopped
    for trial in stopped:
        assert seen[trial.number].state == TrialState.PRUNED
        assert list(seen[trial.number].intermediate_values) == sorted(trial.epochs)


def test_the_optuna_view_is_there_while_a_search_runs_and_never_in_its_way(tmp_path, monkeypatch):
    spec = load_spec("digits", SMALL)
    history = read_history(tmp_path / "journal")
    view = OptunaView(tmp_path / "optuna.log", spec, history)
    journal = Journal(tmp_path / "journal")
    conductor = Conductor(spec, history, journal, SearchAgenda(spec, 1), listeners=[view.on_event])
    conductor.open()
    first, second, third = (conductor.next_trial().number for _ in range(3))
    conductor.fail(first, "crashed")

    def shown() -> list[int]:
        storage = JournalStorage(JournalFileBackend(str(tmp_path / "optuna.log")))
        return [one.user_attrs["number"] for one in optuna.load_study(study_name=spec.name, storage=storage).trials]

    # the baselines lie inside of this space, the CL's η and γ being zero
    assert shown() == [first]
    with monkeypatch.context() as patch:
        patch.setattr(JournalFileBackend, "append_logs", _full)
        conductor.fail(second, "crashed")
    conductor.fail(third, "crashed")
    assert shown() == [first]
    OptunaView(tmp_path / "optuna.log", spec, read_history(tmp_path / "journal"))
    assert shown() == [first, second, third]
    journal.close()


@pytest.mark.slow
def test_a_search_may_start_from_an_older_ones_trials(finished, root, shared_ray):
    spec_changes = [
        "search.trials=1",
        "search.baselines=[]",
        "representation.epochs=6",
        "classifier.epochs=3",
        "search.scheduler.grace=1",
        "search.scheduler.reduction=2",
    ]
    spec = load_spec("digits", spec_changes, name="younger")
    found = api.run(spec, results=root, start_from="Finished.1")
    assert len(found.history.known) == len(finished.history.trials)
    assert len(found.history.trials) == 1
    events = [json.loads(line)["event"] for line in found.folder.journal.read_text().splitlines()]
    assert events[0] == "known"
    for change, complaint in (
        ("classifier.epochs=2", r"has classifier.epochs 3, not 2: other scores"),
        ("model.width=4", r"has model.width 8, not 4"),
        ("loss.normalize_by=positives", r"has loss.normalize_by 'batch', not 'positives'"),
        ("search.metric=accuracy", "another metric"),
        ("data.seed=1", "other data"),
        ("space.classifier.lr={choice: [0.5, 0.6]}", "no trial of Finished.1 lies in the space"),
    ):
        other = load_spec("digits", [*spec_changes, change], name="unlike")
        with pytest.raises(InputError, match=complaint):
            api.run(other, results=root, start_from="Finished.1")


@pytest.mark.slow
def test_a_finished_search_can_be_extended_and_stays_reproducible(finished, shared_ray, tmp_path):
    """Ten trials at once, or eight and then two: the same trials."""
    spec = finished.folder.spec()
    fewer = spec.model_copy(update={"search": spec.search.model_copy(update={"trials": 5})})
    first = api.run(fewer, results=tmp_path)
    more = api.resume(first.folder.name, extend_by=2, results=tmp_path)
    assert {n: (t.values, t.state, t.score) for n, t in more.history.trials.items()} == {
        n: (t.values, t.state, t.score) for n, t in finished.history.trials.items()
    }
    assert api.resume(first.folder.name, results=tmp_path).reason == "done"


@pytest.mark.slow
def test_other_code_or_data_is_refused_unless_it_is_wanted(finished, root, shared_ray, monkeypatch):
    monkeypatch.setattr(compatibility, "scoring_code_hash", lambda: "other")
    with pytest.raises(InputError, match=r"other code \(commit \w+.*go on with \((commit|of no commit).*--anyway"):
        api.resume("Finished.1", extend_by=1, results=root)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "words"), [(401, "it answers 401, name or password are wrong"), (500, "it answers 500")]
)
def test_a_server_that_refuses_is_told_in_few_words(finished, status, words, tmp_path):
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = SearchFolder(tmp_path / "copy")
    shutil.copytree(finished.folder.path, folder.path, ignore=shutil.ignore_patterns("ray", "trials"))
    tracker = Tracker(folder, f"http://127.0.0.1:{server.server_port}")
    tracker.start()
    tracker.close(30)
    server.shutdown()
    server.server_close()
    assert tracker.problem == words


@pytest.mark.slow
def test_every_node_is_asked_for_its_code_and_the_results_folder(shared_ray, tmp_path):
    check_nodes(Storage(str(tmp_path / "new")), code_hash())
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(EnvironmentProblem, match="other code"):
        check_nodes(Storage(str(tmp_path)), "another hash")


@pytest.mark.slow
def test_what_a_search_starts_from_outlives_a_kill_before_its_first_trial(finished, root, shared_ray, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_args):
        raise Killed

    spec = load_spec("digits", ["representation.epochs=6", "classifier.epochs=3"], name="killed-early")
    monkeypatch.setattr(prepare, "taken", killed)
    with pytest.raises(Killed):
        api.run(spec, results=root, start_from="Finished.1")
    assert len(SearchFolder(root / "killed-early").history().known) == len(finished.history.trials)


@pytest.mark.slow
def test_an_extension_that_cannot_be_written_down_is_to_be_asked_for_again(mine, shared_ray, monkeypatch):
    monkeypatch.setattr(Journal, "append", _full)
    with pytest.raises(EnvironmentProblem, match=r"No space left.*; nothing was changed: mend it, then say the same"):
        api.resume(mine.name, extend_by=1, results=mine.root)
    assert mine.history().extra == 0
