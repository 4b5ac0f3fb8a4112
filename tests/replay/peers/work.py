"""A process that runs searches in its environment: a task a line on stdin, a result a line on stdout.

    python -m peers.work < tasks

A task is `{"peer": ..., "regime": ..., "slots": ..., "seed": ..., "most_epochs": ...}`. A regime that ends in RECORDED
is of recorded curves, of the half on which searches are judged; their file is named by $AFCL_RECORDED. A result is the
task with `points`, the states that count (see `kept`), or with `error`.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from curves import Curves, Generator, Table
from peers.loop import Row, Setting
from peers.registry import CHECKPOINTS, PEERS, RECORDED
from regret import regrets


def run(task: dict[str, Any]) -> dict[str, Any]:
    """The task's result."""
    began = time.process_time()
    curves = curves_of(task["regime"], task["seed"])
    setting = Setting(task["seed"], task["slots"], task["most_epochs"])
    module = importlib.import_module(f"peers.{PEERS[task['peer']].module}")
    rows = module.search(task["peer"], curves, setting)
    own = getattr(module, "regrets_of", None)  # how a search chooses, if not by the rule for all
    found = regrets(rows, curves) if own is None else own(task["peer"], rows, curves)
    return {**task, "points": list(kept(rows, found, curves)), "cpu": time.process_time() - began}


def curves_of(regime: str, seed: int) -> Curves:
    """Simulated curves, or the recorded ones on which searches are judged."""
    if regime.endswith(RECORDED):
        return Table(os.environ["AFCL_RECORDED"], regime.removesuffix(RECORDED), seed, half=1)
    return Generator(seed, regime)


def kept(rows: Sequence[Row], found: Iterable[float], curves: Curves) -> Iterator[dict[str, float]]:
    """The states of a search at CHECKPOINTS, wherever its regret changes, and at its end.

    Args:
        rows: its epochs.
        found: its regret after each.
        curves: what it ran on.
    """
    trials, finished, failed, last = set[int](), 0, 0, None
    for row, regret in zip(rows, found, strict=True):
        trials.add(row.number)
        finished += row.epoch == curves.epochs and row.value is not None
        failed += row.value is None
        if regret != last or row.epochs_spent in CHECKPOINTS or row is rows[-1]:
            yield {
                "epochs_spent": row.epochs_spent,
                "seconds": row.seconds,
                "regret": regret,
                "trials": len(trials),
                "finished": finished,
                "failed": failed,
            }
        last = regret


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = run(task)
        except Exception:  # one search of a library must not end the comparison
            answer = {**task, "error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
