"""What a search does when something under it gives way: disk, trials, nodes, older searches."""

import errno
import os
import subprocess
from contextlib import suppress

import pytest
from searches import TINY

from search import api
from search.engine import prepare, runner
from search.journal.log import Journal
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.errors import EnvironmentProblem


def _full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
def test_a_trial_that_crashes_twice_alike_fails_and_the_search_goes_on(tmp_path, shared_ray):
    """A file stands where its checkpoints should: every attempt meets the same error."""
    spec = load_spec(
        "digits", [*TINY, "search.trials=0", "search.baselines=[CL, FCL]", "space={}", "search.max_failed_share=1"]
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
def test_what_a_search_starts_from_outlives_a_kill_before_its_first_trial(finished, root, shared_ray, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_args):
        raise Killed

    spec = load_spec(
        "digits", ["representation.epochs=6", "classifier.solver=adamw", "classifier.epochs=3"], name="killed-early"
    )
    monkeypatch.setattr(prepare, "taken", killed)
    with pytest.raises(Killed):
        api.run(spec, results=root, start_from="Finished.1")
    assert len(SearchFolder(root / "killed-early").history().known) == len(finished.history.trials)


@pytest.mark.slow
def test_an_extension_that_cannot_be_written_down_is_to_be_asked_for_again(mine, shared_ray, monkeypatch):
    monkeypatch.setattr(Journal, "append", _full)
    with pytest.raises(
        EnvironmentProblem, match=r"No space left.*; nothing was changed: mend it, then repeat the command"
    ):
        api.resume(mine.name, extend_by=1, results=mine.root)
    assert mine.history().extra == 0
