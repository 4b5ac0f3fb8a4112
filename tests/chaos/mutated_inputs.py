"""Specs, label files and journals, spoilt in every way: each is read, or is one line with code 2 or 3; no traceback.

    python tests/chaos/mutated_inputs.py [COUNT] [SEED]

All runs in one process, through the command line's front door. A case that fails is printed with the number by which
`--only N` runs it again, and its file is kept.
"""

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE), str(HERE.parent / "helpers"), str(HERE.parent / "trainers")]

from mutations import KINDS  # noqa: E402  # the paths come first

NOWHERE = "127.0.0.1:9"  # no cluster is there: a session begins, and ends where it would join one
SECONDS = 60  # so long no case may take
SPECS, LABELS, SEARCHES = "specs", "label files", "journals"
OF_SPECS = ["plan {0}", "plan {0} --json", "data check {0}", "train {0}"]
OF_SPECS += [f"search {{0}} --results {{1}} --address {NOWHERE}"]
OF_LABELS = ["data check {0} --data {1}", "data check {0} --json --data {1}"]
WORDS = ("show told", "show told --json", "list", "list --json", "explain told 0", "explain told 4", "logs told 0")
WORDS += ("report told", "export told", "export told --tables csv", "stop told")
SESSIONS = ("resume told", "extend told --trials 2", "confirm told")
OF_SEARCHES = [f"{word} --results {{1}}" for word in WORDS]
OF_SEARCHES += [f"{word} --results {{1}} --address {NOWHERE}" for word in SESSIONS]
SPOILT_OF_A_SEARCH = ["journal.jsonl"] * 6 + ["search.json", "spec.yaml", "test-split.jsonl", "driver.lock"]


@dataclass(frozen=True)
class Case:
    """One spoilt file, and the command that is given it."""

    number: int
    source: str
    kind: str
    words: list[str]
    spoilt: Path


class Inputs:
    """What there is to spoil, made once."""

    def __init__(self, root: Path) -> None:
        from PIL import Image
        from searches import tell_searches

        self.root = root
        self.specs = sorted((HERE.parents[1] / "spaces").glob("*.yaml"))
        self.told = tell_searches(root / "told")
        (self.told / "told" / "test-split.jsonl").write_text(
            '{"at": "2026-01-01T00:00:00+00:00", "by": "x", "again": false}\n'
        )
        self.images = root / "images"
        rows = ["file,label"]
        for number in range(12):
            file = self.images / f"{number}.png"
            file.parent.mkdir(exist_ok=True)
            Image.new("L", (8, 8), number * 20).save(file)
            rows.append(f"{file.name},{'melanoma' if number % 2 else 'nevus'}")
        (self.images / "labels.csv").write_text("\n".join(rows) + "\n")

    def case(self, seed: int, number: int) -> Case:
        """The case of a number, which is the same each time."""
        draw = random.Random(f"{seed} {number}")
        source, kind = draw.choice((SPECS, LABELS, SEARCHES, SEARCHES)), draw.choice(list(KINDS))
        work = self.root / "case"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        if source == SPECS:
            spoilt = work / "spec.yaml"
            shutil.copy(draw.choice(self.specs), spoilt)
            words, given = draw.choice(OF_SPECS), (spoilt, work / "results")
        elif source == LABELS:
            shutil.copytree(self.images, work / "images")
            spoilt = work / "images" / "labels.csv"
            words, given = draw.choice(OF_LABELS), (work / "images", work / "data")
        else:
            shutil.copytree(self.told, work / "results")
            if draw.random() < 0.3:  # a search that was interrupted
                shutil.rmtree(work / "results" / "told")
                shutil.copytree(self.told / "begun", work / "results" / "told")
            spoilt = work / "results" / "told" / draw.choice(SPOILT_OF_A_SEARCH)
            spoilt.touch()
            words, given = draw.choice(OF_SEARCHES), (spoilt, work / "results")
        spoilt.write_bytes(KINDS[kind](draw, spoilt.read_bytes()))
        return Case(number, source, kind, words.format(*given).split(), spoilt)


def failure_of(case: Case) -> str | None:
    """Run a case; what was wrong with how it ended."""
    from search.cli import app
    from search.display import console

    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    code: object = None
    before = console.out
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _at_most(SECONDS):
        console.out = console.Terminal(file=sys.stdout)
        sys.argv = ["afcl", *case.words]
        try:
            app.main()
        except SystemExit as end:
            code = end.code
        except BaseException:  # whatever it is, it is what we look for
            return traceback.format_exc()
        finally:
            console.out = before
    said = _written(err)
    if "Traceback" in said + _written(out):
        return said
    lines = said.splitlines()
    if code in (2, 3) and (len(lines) != 1 or not lines[0].startswith("afcl: ")):
        return f"code {code}, and not one line: {said}"
    is_told_so = code == 1 and case.words[0] in ("resume", "extend", "train")  # nothing finished, diverged
    return None if code in (0, 2, 3) or is_told_so else f"code {code}: {said}"


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]  # of a BytesIO


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tried(
    root: Path, numbers: range | list[int], seed: int, kept: Path | None = None
) -> tuple[Counter[str], list[str]]:
    """Run cases; how many of each kind, and what went wrong."""
    os.environ.update(AFCL_DATA=str(root / "data"), AFCL_RESULTS=str(root / "results"))
    inputs, counts, wrong = Inputs(root), Counter[str](), []
    started = time.monotonic()
    for done, number in enumerate(numbers):
        case = inputs.case(seed, number)
        counts[f"{case.source}, {case.kind}"] += 1
        if (failure := failure_of(case)) is not None:
            wrong.append(f"case {number} ({case.source}, {case.kind}): {' '.join(case.words)}\n{failure}")
            if kept is not None:
                print(wrong[-1], flush=True)
                kept.mkdir(exist_ok=True)
                shutil.copy(case.spoilt, kept / f"{number}-{case.spoilt.name}")
        if kept is not None and done % 250 == 249:
            print(f"{done + 1} of {len(numbers)}, {len(wrong)} wrong, {time.monotonic() - started:.0f} s", flush=True)
    return counts, wrong


def main() -> int:
    """Run as many cases as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=5_000)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--only", type=int, nargs="*", help="the numbers of cases to run again")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        kept = Path(tempfile.gettempdir()) / "mutated-inputs-wrong"
        counts, wrong = tried(Path(folder), given.only or range(given.count), given.seed, kept)
    for kind, count in sorted(counts.items()):
        print(f"{count:6d}  {kind}")
    print(f"{sum(counts.values())} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
