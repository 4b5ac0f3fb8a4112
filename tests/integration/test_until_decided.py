"""Seeds in rounds until each pair is decided: a real Ray, real digits, killed and resumed.

Modules: search.engine.confirmation
"""

import json
import shutil

import pytest
from rich.console import Console
from searches import TINY, interrupted_after

from search import api
from search.display.on_console import ConsoleDisplay
from search.engine.confirmation import confirm
from search.engine.confirmation_plan import Wanted
from search.evidence.candidates import has_ended, progress_of, read_plan
from search.evidence.evidence import conclude
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import openings
from spaces.spec import load_spec
from trainers.errors import InputError

QUIET = Console(quiet=True)
FEW = [*TINY, "search.baselines=[CL, ACL]", "search.trials=0", "search.final=null"]
D, MOST = 0.04, 30  # two rounds or three


def go_on(folder: SearchFolder, wanted: Wanted | None = None):
    return confirm(folder.name, wanted, results=folder.root, display=ConsoleDisplay(QUIET))


@pytest.fixture(scope="module")
def searched(shared_ray, root) -> SearchFolder:
    """A search of two configurations, which took a few seconds."""
    return api.run(load_spec("digits", FEW, name="rounds"), results=root, console=QUIET).folder


@pytest.fixture(scope="module")
def ended(searched):
    """Its confirmation until decided, interrupted in its first round."""
    with interrupted_after(searched.path / "confirm-1" / "journal.jsonl", ends=3):
        first = go_on(searched, Wanted(smallest=D, until_decided=True, max_seeds=MOST))
    assert first.ended == "interrupted"
    assert not has_ended(first.folder)
    whole = go_on(searched)
    conclude(whole.folder, whole.test.labels)
    return whole


@pytest.mark.slow
def test_rounds_run_until_each_pair_is_decided_and_the_test_split_is_opened_once(ended, searched):
    folder = ended.folder
    found = progress_of(folder, folder.history())
    assert found.is_over
    assert found.rounds > 1, "else nothing of a second round is seen"
    assert found.pairs[0].state in ("better", "no difference")
    history, (_, seeds) = folder.history(), read_plan(folder)
    assert len(history.trials) == len(found.runs) < 2 * MOST
    assert [trial.config["seed"] for trial in history.trials.values()] == [seeds[k] for _, k in found.runs]
    assert [(look.by, look.scored) for look in openings(searched.test_openings)] == [("confirm-1", True)]
    verdict = json.loads(folder.verdict.read_text())
    assert verdict["until_decided"]["rounds"] == found.rounds
    assert verdict["until_decided"]["plan"]["smallest"] == D
    assert verdict["until_decided"]["pairs"][0]["state"] == found.pairs[0].state
    assert go_on(searched).session is None, "it is complete"
    with pytest.raises(InputError, match="was confirmed with 2 configurations until decided"):
        go_on(searched, Wanted(smallest=D / 2, until_decided=True, max_seeds=MOST))


@pytest.mark.slow
def test_killed_in_a_later_round_it_comes_to_the_same_verdict(ended, searched, tmp_path):
    """What a kill leaves is a journal that ends somewhere: here between the two runs of a pair, in the last round."""
    copy = SearchFolder(tmp_path / "results" / searched.name)
    shutil.copytree(searched.path, copy.path, ignore=shutil.ignore_patterns("ray"))
    killed = SearchFolder(copy.path / "confirm-1")
    killed.verdict.unlink()
    lines = killed.journal.read_bytes().splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if json.loads(line)["event"] == "end"]
    killed.journal.write_bytes(b"".join(lines[: ends[-3]]))
    assert not has_ended(killed)
    again = go_on(copy)
    assert again.ended == "done"
    conclude(again.folder, again.test.labels)
    assert json.loads(killed.verdict.read_text()) == json.loads(ended.folder.verdict.read_text())
    assert openings(copy.test_openings) == openings(searched.test_openings)
