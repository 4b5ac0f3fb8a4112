"""Our search beside its peers, on the same simulated learning curves (`make replay-peers`).

Optuna, Ray Tune, Syne Tune and SMAC search the same space by the same curves, with the same budget of epochs and the
same slots, each as a user of that library would have it: the docstrings of peers/*.py say which settings are its
defaults. It runs for hours, goes on where it was stopped, and can be asked for the report at any time.

    python tests/replay/compare.py                        all that is lacking, then the report
    python tests/replay/compare.py --minutes 30           as much of it as half an hour brings
    python tests/replay/compare.py --report               only the report
    python tests/replay/compare.py --seeds 10 --slots 1 --peers ours optuna-tpe-sha
"""

import argparse
import sys
from pathlib import Path

from peers.environments import python_of
from peers.registry import BUDGETS, PEERS
from peers.report import write_report
from peers.results import Results, marks
from peers.runner import run_shown, tasks

OUT = Path(__file__).resolve().parents[2] / "results" / "bench"
MOST_SEEDS = 100  # those from 1000 on are for one judgement later, and are not looked at


def main() -> int:
    """Run what is lacking, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS), metavar="PEER")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="from 0, at most 100")
    parser.add_argument("--slow-seeds", type=int, default=30, help="of those that take long")
    parser.add_argument("--slots", type=int, nargs="+", choices=list(BUDGETS), default=list(BUDGETS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=None, help="begin no search after so many")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    if not 0 < given.seeds <= MOST_SEEDS:
        parser.error(f"--seeds must be from 1 to {MOST_SEEDS}, but got {given.seeds}")
    results, failed = Results(given.out / "replay.parquet", marks()), []
    if not given.report:
        absent = sorted({PEERS[name].environment for name in given.peers if python_of(PEERS[name].environment) is None})
        for environment in absent:
            print(f"passed over, as build/peers/{environment} is not there: {of(environment)}", file=sys.stderr)
        named = [name for name in given.peers if PEERS[name].environment not in absent]
        wanted = tasks(named, seeds=given.seeds, slow_seeds=given.slow_seeds, slots=given.slots)
        log = given.out / "replay.log"
        failed = run_shown(wanted, results, processes=given.processes, log=log, minutes=given.minutes)
    print(write_report(results.gather(), given.out))
    return 1 if failed else 0


def of(environment: str) -> str:
    """The peers of an environment."""
    return ", ".join(name for name, entry in PEERS.items() if entry.environment == environment)


if __name__ == "__main__":
    sys.exit(main())
