"""Searches and confirmations that an older version began can be gone on with: see fixtures/README.md."""

import json
from io import StringIO
from pathlib import Path

import pytest
from archives import unpack
from rich.console import Console

from search.algorithms.asha import rung_epochs
from search.display.on_console import ConsoleDisplay
from search.engine.compatibility import refuse_other_code
from search.engine.confirmation import confirm
from search.engine.confirmation_plan import Wanted
from search.exports.export import read_export
from search.journal.history import ENDED
from search.storage.provenance import cpu_kind, versions
from search.storage.search_folder import SearchFolder
from trainers.config import ClassifierConfig
from trainers.errors import InputError

FOLDERS = Path(__file__).with_name("fixtures") / "folders-ab4be0a.tar.xz"
PAUSED = Path(__file__).with_name("fixtures") / "paused-3f2fc5e.tar.xz"
NAMES = ("finished", "half-confirmed", "interrupted")
CANNOT_TELL = "was begun by a version that did not note its scoring code, so it cannot be compared"


def unpacked(path: Path) -> Path:
    return unpack(FOLDERS, path)


@pytest.fixture(scope="module")
def older(tmp_path_factory) -> Path:
    """The results folder of an older version. No two tests go on with the same search of it."""
    return unpacked(tmp_path_factory.mktemp("older"))


@pytest.fixture
def untouched(tmp_path) -> Path:
    return unpacked(tmp_path / "untouched")


@pytest.fixture
def done(typed, older):
    """Run a word that must succeed; what it said."""

    def run(*words: str, results: Path = older) -> str:
        told = typed(*words, results=results)
        assert told.returncode == 0, told.stderr
        return told.stdout

    return run


def is_made_here(folder: SearchFolder) -> bool:
    """Whether scores are the same to the last digit here: with the same kind of CPU and the same versions."""
    made = folder.about()["provenance"]
    return made["machine"]["cpu"] == cpu_kind() and made["versions"] == versions()


def ends(folder: SearchFolder) -> dict:
    return {number: (t.values, t.state, t.score) for number, t in folder.history().trials.items()}


def test_an_older_folder_has_no_scoring_code_and_goes_on_with_one_line(untouched):
    said: list[str] = []
    search, confirmation = untouched / "half-confirmed", untouched / "half-confirmed" / "confirm-1"
    refuse_other_code(SearchFolder(search), SearchFolder(confirmation), anyway=False, say=said.append)
    (line,) = said
    assert line.startswith(f"half-confirmed {CANNOT_TELL}")
    refuse_other_code(SearchFolder(search), anyway=True, say=said.append)
    assert len(said) == 1


def test_a_confirmation_that_other_code_began_is_refused_although_its_search_cannot_be_compared(untouched):
    folder = untouched / "half-confirmed" / "confirm-1"
    about = json.loads((folder / "search.json").read_text())
    about["provenance"]["scoring_code"] = "other"
    (folder / "search.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=r"half-confirmed confirm-1 began with other code .*--anyway"):
        confirm("half-confirmed", results=untouched, display=ConsoleDisplay())


def test_an_older_folder_has_the_probe_and_the_classifier_that_it_had(untouched):
    for folder in (untouched / "interrupted", untouched / "half-confirmed" / "confirm-1"):
        assert SearchFolder(folder).about()["format"] == 1
        spec = SearchFolder(folder).spec()
        assert (spec.classifier.solver, spec.classifier.epochs, spec.base.last_epoch) == ("adamw", 2, 6)
    assert rung_epochs(SearchFolder(untouched / "interrupted").spec()) == (
        1,
        2,
        4,
    )  # one at the last epoch of stage one
    exported = read_export(untouched / "finished" / "best-1.yaml")
    assert exported.config.classifier == spec.classifier


@pytest.mark.slow
def test_an_older_folder_can_be_looked_at(done, untouched):
    listed = done("list", results=untouched)
    for name in NAMES:
        assert name in listed
        shown = json.loads(done("show", name, "--json", results=untouched))
        assert len(shown["trials"]) == (6 if name == "interrupted" else 8)
        assert "below the cutoff" in done("explain", name, "4", results=untouched)
        done("report", name, results=untouched)
        page = (untouched / name / "index.html").read_text()
        assert "<html" in page
        assert "Probe and score are two estimators (classifier.solver: adamw, as in every search that began" in page


@pytest.mark.slow
def test_an_older_search_is_resumed_to_its_end_extended_and_confirmed(done, older, shared_ray):
    folder = SearchFolder(older / "interrupted")
    assert len(folder.history().in_state(*ENDED)) == 5
    assert done("resume", "interrupted").count(CANNOT_TELL) == 1
    assert len(folder.history().in_state(*ENDED)) == 8
    log = (folder.trial(5).path / "log.txt").read_text()
    assert "goes on from its checkpoint of epoch 4" in log
    if is_made_here(folder):  # as the same search went there without the interruption
        assert ends(folder) == ends(SearchFolder(older / "finished"))
    assert done("extend", "interrupted", "--trials", "1").count(CANNOT_TELL) == 1
    assert len(folder.history().in_state(*ENDED)) == 9
    assert folder.history().trials[8].config["classifier"]["solver"] == "adamw"
    heard = StringIO()  # the word `confirm` would register a model too, which takes long and is tried below
    confirm(
        "interrupted",
        Wanted(seeds=1),
        results=older,
        display=ConsoleDisplay(Console(file=heard, width=200, _environ={})),
    )
    assert heard.getvalue().count(CANNOT_TELL) == 1
    assert "scoring_code" in SearchFolder(folder.path / "confirm-1").about()["provenance"]


@pytest.mark.slow
def test_an_older_confirmation_goes_on(done, older, shared_ray):
    folder = SearchFolder(older / "half-confirmed" / "confirm-1")
    assert done("confirm", "half-confirmed").count(CANNOT_TELL) == 1
    assert len(folder.history().in_state("finished")) == 6
    assert json.loads(folder.verdict.read_text())
    if is_made_here(folder):
        assert ends(folder) == ends(SearchFolder(older / "finished" / "confirm-1"))


@pytest.mark.slow
def test_an_older_finished_search_is_confirmed_exported_and_trained_again(done, older, tmp_path):
    folder = SearchFolder(older / "finished")
    assert "nothing was run" in done("confirm", "finished")
    old = folder.exported(1)[0].rename(tmp_path / "best-1.yaml")
    done("export", "finished", "--by", "search")
    assert folder.exported(1)[0].read_text() == old.read_text()
    trained = json.loads(done("train", str(old), "--json"))
    assert trained["same"] or trained["differences"]


@pytest.mark.slow
def test_trials_that_pause_under_an_older_penalty_go_on_with_it_as_do_all_that_begin_later(done, tmp_path, shared_ray):
    results = unpack(PAUSED, tmp_path)
    folder, whole = SearchFolder(results / "paused"), SearchFolder(results / "whole")
    assert len(folder.history().in_state("paused")) == 3
    assert folder.spec().classifier == ClassifierConfig(l2_rules=1)
    done("resume", "paused", "--anyway", results=results)
    history = folder.history()
    assert len(history.in_state(*ENDED)) == 12
    assert "goes on from its checkpoint of epoch 4" in (folder.trial(3).path / "log.txt").read_text()
    finished = [trial for trial in history.trials.values() if trial.state == "finished"]
    assert len(finished) > 3
    least = 1 / 9 * (1 / 70 + 1 / 20 + 1 / 10)  # 1 / N_eff; the rules of today would raise it
    assert [trial.epochs[9]["classifier_l2"] for trial in finished] == pytest.approx([least] * len(finished))
    if is_made_here(folder):  # as the same search went there without the interruption
        assert ends(folder) == ends(whole)
