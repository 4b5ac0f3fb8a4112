"""One Ray for all tests of searches, and one finished search on digits that many of them look at."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray
from rich.console import Console
from stores import Failing
from told_trials import told_value
from typer import rich_utils

from search import api
from search.algorithms.proposer import SearchAgenda
from search.cli import app
from search.cluster.connection import connected
from search.display import console
from search.engine.controller import Conductor
from search.handle import SearchResult
from search.storage import lease, replication
from search.storage.provenance import provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.data import load

ADAMW = "classifier.solver=adamw"  # stage two in epochs, as most searches of these tests have it
SMALL = ["search.trials=7", "search.max_concurrent=1", "representation.epochs=6", ADAMW, "classifier.epochs=3"]
SMALL += ["search.scheduler.grace=1", "search.scheduler.reduction=2"]
TINY = ["search.trials=2", "search.max_concurrent=1", "representation.epochs=3", ADAMW, "classifier.epochs=2"]


@pytest.fixture(scope="session")
def shared_ray():
    """A real Ray with two cores and two logical GPUs, which no hardware stands behind."""
    with connected(None, cpus=2, gpus=2):
        yield
    assert not ray.is_initialized()


@pytest.fixture(scope="session")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="session")
def finished(shared_ray, root) -> SearchResult:
    """A search in one slot that ran to its end; a name with a capital and a dot, as users choose."""
    return api.run(load_spec("digits", SMALL, name="Finished.1"), results=root)


@pytest.fixture
def afcl(root, tmp_path):
    """Run the command line as a user would, in another folder, without any variable of ours."""

    def run(*words: str, results: Path | None = root, **environment: str) -> subprocess.CompletedProcess[str]:
        where = [] if results is None else ["--results", str(results)]
        return subprocess.run(
            [str(Path(sys.executable).with_name("afcl")), *words, *where],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=variables(**environment),
            timeout=300,
        )

    return run


@pytest.fixture
def as_json(afcl):
    def run(*words: str, **more):
        done = afcl(*words, "--json", **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def variables(**given: str) -> dict[str, str]:
    """The environment without any variable of ours, and with those given."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("AFCL_", "MLFLOW_", "RAY_"))} | given


@pytest.fixture
def environment():
    """The variables that a user's shell would have, and those given."""
    return variables


@pytest.fixture
def typed(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, where a process of its own would only cost its imports."""

    def run(*words: str, results: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name in os.environ.keys() - variables().keys():
                if not name.startswith("RAY_"):  # Ray's own, of the Ray that runs in this process
                    patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setenv("AFCL_RESULTS", str(results or tmp_path / "results"))
            patch.setattr(sys, "argv", ["afcl", *words])
            patch.setattr(rich_utils, "FORCE_TERMINAL", False)  # typer read the environment when it was imported
            patch.setattr(rich_utils, "MAX_WIDTH", 100)
            patch.setattr(console, "out", Console(file=sys.stdout, width=160, force_terminal=False, _environ={}))
            with pytest.raises(SystemExit) as ended:
                app.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return subprocess.CompletedProcess(words, ended.value.code or 0, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def told_once(tmp_path_factory) -> Path:
    return tell_searches(tmp_path_factory.mktemp("told"))


def tell_searches(root: Path) -> Path:
    """A results folder whose searches were told by hand: no trial of theirs ran.

    "told" is done, with finished and stopped trials; "begun" was interrupted in its first trial.
    """
    epochs = ["representation.epochs=2"]
    spec = load_spec(
        "digits", [*epochs, "search.trials=4", "search.scheduler={name: asha, grace: 1, reduction: 2}"], name="told"
    )
    arrays = load(spec.data)
    about = {"description": arrays.description, "fingerprint": arrays.fingerprint, "train": {}, "validation": {"3": 40}}
    made = provenance(about)

    def tell(name: str, epochs: int | None) -> None:
        folder = create_folder(root, spec.model_copy(update={"name": name}), made)
        conductor = Conductor(folder.spec(), folder.history(), folder.open_journal(), SearchAgenda(spec, 1))
        conductor.open()
        while trial := conductor.next_trial():
            conductor.launched(trial.number)
            for epoch in range(1, spec.base.last_epoch + 1):
                if conductor.result(trial.number, epoch, told_value(conductor, 0.9 - 0.1 * trial.number)) == "stop":
                    break
                if epoch == epochs:
                    return conductor.close("interrupted")
        return conductor.close("done")

    tell("told", None)
    tell("begun", 1)
    return root


@pytest.fixture
def told(told_once, tmp_path) -> Path:
    """A copy of that results folder, to spoil."""
    return Path(shutil.copytree(told_once, tmp_path / "told"))


@pytest.fixture(scope="session")
def study() -> Path:
    """The results folder of this repository, for the published study in it: to look at only."""
    return Path(__file__).parents[2] / "results"


@pytest.fixture
def published(told) -> Path:
    """A results folder in which "told" was given away: with its leaderboard and tables, but without its journal."""
    from search.reporting.context import read_view
    from search.reporting.leaderboard import as_csv

    folder = SearchFolder(told / "told")
    folder.leaderboard.write_text(as_csv(read_view(folder)))
    folder.frames().write(folder.tables, "csv")
    folder.journal.unlink()
    return told


@pytest.fixture(scope="session")
def scored_once(tmp_path_factory) -> SearchFolder:
    from scored import scored_search

    return scored_search(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def scored(scored_once, tmp_path) -> SearchFolder:
    """A search of one trial, which really ran without Ray and whose checkpoint is kept; of the test's own."""
    return SearchFolder(Path(shutil.copytree(scored_once.path, tmp_path / "results" / scored_once.name)))


@pytest.fixture
def mine(finished, tmp_path) -> SearchFolder:
    """A copy of the finished search in a results folder of its own, with no MLflow store beside it."""
    path = tmp_path / "results" / finished.folder.name
    shutil.copytree(finished.folder.path, path, ignore=shutil.ignore_patterns("ray"))
    return SearchFolder(path)


@contextmanager
def interrupted_after(journal: Path, ends: int) -> Iterator[None]:
    """Ctrl-C, to this process, once so many trials of a journal have ended."""

    def interrupt() -> None:
        while not (journal.exists() and journal.read_text().count('"end"') >= ends):
            threading.Event().wait(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    yield
    thread.join()


@pytest.fixture
def hurried(monkeypatch):
    """No real driver is on another host here."""
    monkeypatch.setattr(lease, "SETTLES", 0.0)
    monkeypatch.setattr(replication, "SEND_EVERY", 0.1)
    monkeypatch.delenv("AFCL_STORAGE", raising=False)


@pytest.fixture
def uri(tmp_path):
    return (tmp_path / "store").as_uri()


@pytest.fixture
def kept(told, uri, hurried) -> SearchFolder:
    """The search "begun", whose spec names a store that does not have it yet."""
    folder = SearchFolder(told / "begun")
    spec = load_spec(str(folder.path / "spec.yaml"), [f"storage.uri={json.dumps(uri)}"])
    (folder.path / "spec.yaml").write_text(spec.dump_yaml())
    return folder


@pytest.fixture
def failing(kept, monkeypatch):
    place = Failing(kept.storage.uri)
    monkeypatch.setattr(SearchFolder, "storage", property(lambda folder: place))
    yield place
    Failing.answers = True
