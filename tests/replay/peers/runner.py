"""All searches of the comparison, in parallel processes, the most telling ones first."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from peers.environments import python_of
from peers.registry import BUDGETS, PEERS, REGIMES
from peers.results import KEYS, ROOT, Results
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

HERE = Path(__file__).resolve().parent
STAGES = (10, 30, 100)  # seeds: few of all searches come before many of some
Task = dict[str, Any]


def tasks(peers: Iterable[str], *, seeds: int, slow_seeds: int, slots: Iterable[int]) -> list[Task]:
    """What is to be run, in order: few seeds of all before many, cheap searches before slow ones.

    Args:
        peers: by name.
        seeds: how many, from 0.
        slow_seeds: how many of searches that take long.
        slots: with how many trials at once.
    """
    made: list[tuple[float, int, Task]] = []
    for name in peers:
        entry = PEERS[name]
        for seed in range(slow_seeds if entry.is_slow else seeds):
            stage = next(most for most in STAGES if seed < most)
            for count in slots:
                for regime in REGIMES:
                    # a search that takes four times as long waits until others have twice the seeds
                    rank = stage * (max(entry.cost, 0.5) * BUDGETS[count]) ** 0.5
                    made.append((rank, seed, _task(name, regime, count, seed)))
    return [task for _, _, task in sorted(made, key=lambda one: one[:2])]


def _task(peer: str, regime: str, slots: int, seed: int) -> Task:
    return {"peer": peer, "regime": regime, "slots": slots, "seed": seed, "most_epochs": BUDGETS[slots]}


def key_of(task: Task) -> tuple[Any, ...]:
    """By which results know a task."""
    return tuple(task[key] for key in KEYS)


class Worker:
    """A process in one environment that answers tasks.

    Args:
        environment: of the peers it runs.
        log: a file for what libraries print.
    """

    def __init__(self, environment: str, log: Path) -> None:
        paths = [str(HERE.parent), *([str(ROOT)] if environment == "product" else [])]
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        own = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0"}
        python = python_of(environment)
        assert python is not None, f"{environment} is not there"
        with log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "peers.work"],
                env=os.environ | alone | own,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def answer(self, task: Task) -> dict[str, Any]:
        """The task's result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(task), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            return {**task, "error": f"the process ended with {self._process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        with contextlib.suppress(OSError):  # what was on its way to it is lost
            self._process.communicate()


def run_all(
    wanted: Iterable[Task],
    results: Results,
    *,
    processes: int,
    log: Path,
    on_end: Callable[[dict[str, Any]], None] = lambda result: None,
    until: float | None = None,
) -> list[dict[str, Any]]:
    """Run what is not there yet.

    Args:
        wanted: the tasks in order.
        results: where they are kept, each as soon as it is there.
        processes: how many tasks run at once.
        log: a file for what libraries print.
        on_end: is told each result.
        until: begin no task after this time (of time.monotonic); None: run all.

    Returns:
        The results of tasks that failed, with `error`.
    """
    there = results.there()
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in wanted:
        if key_of(task) not in there:
            waiting.put(task)
    lock, failed, stop = threading.Lock(), list[dict[str, Any]](), threading.Event()

    def serve() -> None:
        workers: dict[str, Worker] = {}
        try:
            while not stop.is_set() and (until is None or time.monotonic() < until):
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                environment = PEERS[task["peer"]].environment
                if environment in workers and not workers[environment].is_alive:
                    workers.pop(environment).close()
                if environment not in workers:
                    workers[environment] = Worker(environment, log)
                result = workers[environment].answer(task)
                with lock:
                    if stop.is_set():
                        return
                    if "error" in result:
                        failed.append(result)
                    else:
                        results.add(result)
                    on_end(result)
        finally:
            for worker in workers.values():
                worker.close()

    log.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(processes) as pool:
        serving = [pool.submit(serve) for _ in range(processes)]
        try:
            for one in as_completed(serving):
                one.result()
        except BaseException:
            stop.set()  # what runs is thrown away
            raise
    return failed


def run_shown(
    wanted: Sequence[Task], results: Results, *, processes: int, log: Path, minutes: float | None
) -> list[dict[str, Any]]:
    """`run_all` with a progress bar, for at most so many minutes; what fails is said in a line each."""
    there = results.there()
    columns = TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        done = sum(key_of(task) in there for task in wanted)
        bar = progress.add_task("searches", total=len(wanted), completed=done)
        failed = run_all(
            wanted,
            results,
            processes=processes,
            log=log,
            on_end=lambda result: progress.advance(bar),
            until=None if minutes is None else time.monotonic() + 60 * minutes,
        )
    for result in failed:
        print(f"{key_of(result)}: {result['error'].strip().splitlines()[-1]}", file=sys.stderr)
    return failed
