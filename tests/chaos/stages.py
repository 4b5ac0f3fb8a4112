"""Kill each stage of a search's life at five moments and resume it: its trials, its last step, its confirmation.

Each stage has a journal of its own. It is killed at five seeded moments that lie over the whole of it, by turns the
driver alone and with all its workers, and gone on with. In one slot all must come out as without kills: the trials and
their scores, the last step's means, the verdict. Prints a table; exits 1 when anything differs.

    python tests/chaos/stages.py
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from killing import kill, run, start, wait_for_lines
from rich.console import Console
from rich.table import Table
from run import complete, identical

from search.evidence.ranking import ranking
from search.storage.search_folder import SearchFolder

KILLS = 5
NAME = "digits"
SETS = ["search.trials=10", "representation.epochs=6", "search.max_concurrent=1", "search.final={top: 3, seeds: 2}"]
SEARCH = ["search", NAME, *(part for word in SETS for part in ("--set", word))]
CONFIRM = ["confirm", NAME, "--seeds", "2", "--top", "2"]


def lines_of(journal: Path) -> int:
    """How many lines a journal has."""
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def moments(journal: Path, draws: random.Random) -> list[int]:
    """Five numbers of lines, one drawn from each fifth of an undisturbed journal."""
    edges = [2 + place * (lines_of(journal) - 4) // KILLS for place in range(KILLS + 1)]
    return [draws.randint(low, high - 1) for low, high in itertools.pairwise(edges)]


def disturbed(words: list[str], again: list[str], at: list[tuple[Path, int]], results: Path, say: Any) -> Counter[str]:
    """Run `words` to their end, killed on the way; how often in which folder.

    Args:
        words: of the command line.
        again: those that go on with it.
        at: where it is killed: as soon as a journal has so many lines.
        results: the folder for what it leaves.
        say: takes a line for each kill.
    """
    draws, process, kills = random.Random(len(at)), start(*words, results=results), Counter[str]()
    for journal, lines in at:
        # each resume adds lines of its own
        if not wait_for_lines(process, journal, max(lines, lines_of(journal) + 1), draws):
            break
        kill(process, with_workers=bool(kills.total() % 2))
        kills[journal.parent.name] += 1
        say(f"killed at line {lines_of(journal)} of {journal.parent.name}")
        process = start(*again, results=results)
    if process.wait() != 0:
        raise RuntimeError((results / "printed.txt").read_text()[-2000:])
    return kills


def verdict(folder: SearchFolder) -> dict[str, Any]:
    """A confirmation's verdict, without what clocks say."""
    (confirmation,) = folder.confirmations()
    told: dict[str, Any] = json.loads(confirmation.verdict.read_text(encoding="utf-8"))
    return told


def main() -> int:
    """All three stages; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="leave the searches in this folder")
    given = parser.parse_args()
    say, draws = Console(stderr=True).print, random.Random(given.seed)
    table = Table("stage", "kills", "what was asked", "what came of it")
    well = True
    with tempfile.TemporaryDirectory(prefix="afcl-stages-") as name:
        root = given.keep or Path(name)
        whole, killed = (SearchFolder(root / one / NAME) for one in ("whole", "killed"))
        say("undisturbed")
        run(*SEARCH, results=root / "whole")
        run(*CONFIRM, results=root / "whole")
        (final,), (confirmation,) = whole.finals(), whole.confirmations()
        at = [
            (killed.path / of.journal.relative_to(whole.path), lines)
            for of in (whole, final, confirmation)
            for lines in moments(of.journal, draws)
        ]
        # the last step follows the search in one process
        kills = disturbed(SEARCH, ["resume", NAME], at[: 2 * KILLS], root / "killed", say)
        kills += disturbed(CONFIRM, CONFIRM, at[2 * KILLS :], root / "killed", say)
        checks = {
            NAME: identical(whole, killed) | complete(killed),
            final.path.name: identical(whole.finals()[0], killed.finals()[0])
            | {"same ranking": _ranking(whole) == _ranking(killed)},
            confirmation.path.name: identical(whole.confirmations()[0], killed.confirmations()[0])
            | {"same verdict": verdict(whole) == verdict(killed)},
        }
    for stage, answers in checks.items():
        answers["killed five times"] = kills[stage] >= KILLS
        for asked, answer in answers.items():
            table.add_row(stage, str(kills[stage]), asked, str(answer))
            well = well and answer
    Console().print(table)
    return 0 if well else 1


def _ranking(folder: SearchFolder) -> list[tuple[int, float | None]]:
    ranked = ranking(folder, folder.history())
    found = ranked.validated
    return [(trial.number, found[trial.number].mean if trial.number in found else None) for trial in ranked.trials]


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
