"""One search that is told by hand, and one real checkpoint, for all sections of a report."""

import shutil
from pathlib import Path

import pytest
from pages import RANDOM, play

from search.storage.search_folder import SearchFolder
from trainers.checkpoint import save_checkpoint
from trainers.pipeline import run_trial


@pytest.fixture(scope="session")
def played_once(tmp_path_factory) -> SearchFolder:
    return play(tmp_path_factory.mktemp("played"), [*RANDOM, "search.trials=24"])


@pytest.fixture
def played(played_once, tmp_path) -> SearchFolder:
    """A copy of a finished search with stopped trials, to spoil."""
    return SearchFolder(Path(shutil.copytree(played_once.path, tmp_path / "results" / played_once.name)))


@pytest.fixture(scope="session")
def trained(tmp_path_factory, digits, tiny_config):
    """The checkpoint of one real trial."""
    folder = tmp_path_factory.mktemp("trained")
    run_trial(tiny_config, digits, lambda step, metrics: None, save=lambda made: save_checkpoint(made, folder, keep=1))
    return folder
