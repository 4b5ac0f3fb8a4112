"""What the search adds to an epoch: telling its result to the conductor, which journals it with fsync and asks ASHA."""

import time
from collections.abc import Iterator

from bench_trial import demo
from measure import AT_LEAST, Row, Say, folder_on_disk

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.journal.history import History
from search.journal.log import Journal
from trainers.pipeline import run_trial


def rows(say: Say) -> Iterator[Row]:
    """Each epoch of real trials, and the call that tells it, one after the other."""
    spec, data = demo()
    stage_one = spec.representation.epochs
    told: dict[bool, list[float]] = {True: [], False: []}
    trained: dict[bool, list[float]] = {True: [], False: []}
    with folder_on_disk() as folder:
        conductor = Conductor(spec, History(), Journal(folder / "journal.jsonl"), SearchAgenda(spec, 1))
        conductor.open()
        for _ in range(AT_LEAST):
            trial = conductor.next_trial()
            assert trial is not None, "the demo has more trials than this"
            say(f"trial {trial.number} told to the conductor")
            conductor.launched(trial.number)
            since = time.perf_counter()

            def report(epoch: int, metrics, number: int = trial.number) -> None:
                nonlocal since
                arrived = time.perf_counter()
                verdict = conductor.result(number, epoch, dict(metrics))
                told[epoch <= stage_one].append(1000 * (time.perf_counter() - arrived))
                trained[epoch <= stage_one].append(1000 * (arrived - since))
                if verdict == "stop":
                    raise StoppedError
                since = time.perf_counter()

            try:
                run_trial(spec.trial_config(trial.values), data, report)
            except StoppedError:
                continue
        conductor.close("done")
    yield Row.of("search", "a result told: journal, fsync, ASHA", told[True], "epoch of stage one", trained[True], "ms")
    yield Row.of("search", "a result told: journal, fsync", told[False], "epoch of stage two", trained[False], "ms")


class StoppedError(Exception):
    """ASHA stopped the trial."""
