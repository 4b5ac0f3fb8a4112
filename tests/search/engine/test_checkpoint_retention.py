"""Which checkpoints stay on the disk, and which go."""

from functools import partial

import pytest
from searches import TINY

from search import api
from search.engine.checkpoint_retention import Keeper, best_and_contrast
from search.journal.history import read_history
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec


@pytest.mark.slow
def test_only_the_best_keep_their_checkpoints(tmp_path, shared_ray):
    spec = load_spec("digits", [*TINY, "search.keep_best=2", "search.scheduler.name=none"])
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
