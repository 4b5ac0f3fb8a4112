"""A session is prepared once: the plan is made once, the journal is replayed once, and nothing is begun too early."""

import shutil

import pytest

from search.algorithms.proposer import SearchAgenda
from search.display.on_console import ConsoleDisplay
from search.engine import plan, preflight, runner
from search.engine.plan import make_plan
from search.engine.prepare import Task, prepared
from search.engine.runner import SessionEnd
from search.journal import history
from search.storage import ownership, search_folder
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.data import load
from trainers.errors import EnvironmentProblem, InputError

pytestmark = pytest.mark.slow  # each joins Ray


def task_of(folder: SearchFolder, **more) -> Task:
    spec = load_spec("digits", ["search.trials=3", "search.max_concurrent=2"], name=folder.name)
    arrays = load(spec.data)
    made = make_plan(spec, arrays)
    return Task(folder, spec, made, {spec.data.seed: arrays}, lambda slots: SearchAgenda(spec, slots), **more)


@pytest.fixture
def counted(monkeypatch):
    """How often encoders were built for a plan, and journals replayed by the driver."""
    count = {"encoders": 0, "replays": 0}

    def counting(what, function):
        def call(*args, **kwargs):
            count[what] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(plan, "build_encoder", counting("encoders", plan.build_encoder))
    for module in (ownership, search_folder):
        monkeypatch.setattr(module, "read_history", counting("replays", history.read_history))
    return count


@pytest.fixture
def not_driven(monkeypatch):
    """Sessions are prepared and not run."""
    sessions = []

    def remember(session) -> SessionEnd:
        sessions.append(session)
        return SessionEnd(session.folder, session.history, "done", 0, None, None, None)

    monkeypatch.setattr(runner, "drive", remember)
    return sessions


def test_a_new_search_is_planned_once_and_its_journal_is_replayed_once(shared_ray, tmp_path, counted, not_driven):
    spec = load_spec("digits", ["search.trials=3", "search.max_concurrent=2"])
    runner.run(spec, results=tmp_path, display=ConsoleDisplay())
    assert counted == {"encoders": 1, "replays": 1}
    assert not_driven[0].plan.slots == 2


def test_a_resume_plans_once_and_replays_the_journal_once(shared_ray, told, counted, not_driven):
    runner.resume("begun", results=told, display=ConsoleDisplay())
    assert counted == {"encoders": 1, "replays": 1}
    assert len(not_driven[0].history.trials) == 1


def test_an_extension_is_part_of_the_plan(shared_ray, told, not_driven):
    runner.resume("told", extend_by=5, results=told, display=ConsoleDisplay())
    session = not_driven[0]
    assert session.task.extend_by == 5
    assert session.plan.trials == session.agenda.planned(session.history) + 5


def test_a_disk_that_is_too_full_for_the_slots_leaves_no_folder(shared_ray, tmp_path, monkeypatch):
    task = task_of(SearchFolder(tmp_path / "new"))
    free = task.plan.in_slots(1).disk_bytes + 50_000_000
    full = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: full)
    begun = []
    with (
        pytest.raises(EnvironmentProblem, match="free some, or choose another folder"),
        prepared(task, address=None, display=ConsoleDisplay(), begin=lambda: begun.append(True)),
    ):
        pass
    assert begun == []


def test_what_is_held_already_is_held_once(shared_ray, told):
    folder = SearchFolder(told / "begun")
    with ownership.taken(folder, print) as hold:
        task = task_of(folder)
        with prepared(task, address=None, display=ConsoleDisplay(), hold=hold) as session:
            assert session.hold is hold
            assert session.history is hold.history
    assert folder.holder() is None


def test_an_interrupted_resume_says_once_how_to_go_on(shared_ray, told, monkeypatch, capsys):
    def interrupt(session):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "drive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.resume("begun", results=told, display=ConsoleDisplay())
    assert capsys.readouterr().out.count("afcl resume begun") == 1


def test_a_search_that_exists_is_refused_before_ray_is_there(told):
    with pytest.raises(InputError, match="exists"):
        runner.run(load_spec("digits", name="told"), results=told, display=ConsoleDisplay())


def test_by_default_a_searchs_best_keep_their_checkpoints(told):
    folder = SearchFolder(told / "told")
    ranked = folder.history().ranked()
    assert ranked[0].number in task_of(folder).to_keep(folder.history())
    assert task_of(folder, kept=lambda history: {7}).to_keep(folder.history()) == {7}
