"""The GPU check: what only a GPU can show, right first, then shared, then fast; five minutes on one card.

    make gpu-check                                       # on a machine with a GPU, installed as README says
    python tests/gpu/run.py [SECTION ...]                # from a checkout, where nothing can be installed
    python tests/gpu/run.py --device cpu --quick         # shows that the check itself works

It needs torch and what trials need. The Ray section also needs Ray and Optuna; tests/gpu/carry.py packs them for a
machine without a network. MLflow is not needed.

Each section runs in a process of its own, until its deadline: one that fails or hangs does not stop the rest. The
table is written anew after each section, to results/bench/gpu.md and gpu.json; it keeps the sections of earlier runs
that this one does not run.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench"), str(Path(__file__).parent)]

from rows import Row, Section, earlier, shown, write  # noqa: E402

OUT = ROOT / "results" / "bench"


@dataclass(frozen=True)
class Planned:
    """A section: the module whose `rows` it is, and for how long it may run. alone: it takes times."""

    about: str
    deadline: float
    alone: bool = True


# The most important first. What is not timed runs beside others.
SECTIONS: dict[str, Planned] = {
    "loss": Planned("the loss on the GPU against float64 on the CPU", 90, alone=False),
    "augment": Planned("augmentation on the GPU against the CPU, with the same draws", 60, alone=False),
    "trial": Planned("a trial on the GPU against the CPU", 90, alone=False),
    "deterministic": Planned("`deterministic: true`, twice and resumed, to the bit", 90, alone=False),
    "memory": Planned("a trial that runs out of memory, and the batch that it names", 60, alone=False),
    "workers": Planned("a trial of two workers on one card", 90, alone=False),
    "pytest": Planned("the tests that need a GPU", 90, alone=False),
    "search": Planned("Ray searches whose trials share one card", 170),
    "trial_speed": Planned("a trial against the passes of its encoder alone", 90),
    "loss_speed": Planned("the loss, forward and backward: time and peak memory", 60),
    "augment_speed": Planned("augmentation: time of a batch", 45),
    "plain": Planned("a trial against a plain SupCon loop", 60),
    "extras": Planned("torch.compile and ResNet-50", 90),
}
AT_ONCE = 7  # sections that take no times


def main() -> None:
    """Run the sections that are asked for, each in a process of its own."""
    parser = argparse.ArgumentParser(description="What only a GPU can show, into results/bench/gpu.md and gpu.json.")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the check itself [cuda]")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes: shows that the check works")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the table [results/bench]")
    parser.add_argument("--budget", type=float, default=300, help="seconds after which no section is started [300]")
    parser.add_argument("--child", metavar="FILE", type=Path, help=argparse.SUPPRESS)  # the process of one section
    parser.add_argument("sections", nargs="*", metavar="section", help=f"some of: {', '.join(SECTIONS)} [all]")
    given = parser.parse_args()
    if given.child is not None:
        _run_section(given.sections[0], given.child, given.device, quick=given.quick)
        return
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        parser.error(f"no section {unknown[0]!r}; known are {', '.join(SECTIONS)}")
    import torch

    if given.device != "cpu" and not torch.cuda.is_available():
        parser.error(f"--device {given.device}: torch sees no GPU here; --device cpu --quick tries the check itself")
    names = [name for name in SECTIONS if not given.sections or name in given.sections]
    planned = {name: SECTIONS[name] for name in names}
    sections = Check(planned, given.device, given.quick, given.out, time.monotonic() + given.budget).run()
    sys.exit(1 if any(section.ending == "failed" for section in sections) else 0)


@dataclass
class _Running:
    """A section's process."""

    section: Section
    process: subprocess.Popen[bytes]
    rows: Path
    log: Path
    started: float
    deadline: float


@dataclass
class Check:
    """The check of some sections. end: of the budget, on the monotonic clock; no section is started after it."""

    planned: dict[str, Planned]
    device: str
    quick: bool
    out: Path
    end: float
    started: float = field(default_factory=time.monotonic)
    sections: dict[str, Section] = field(default_factory=dict)
    kept: dict[str, Section] = field(default_factory=dict)  # of runs before this one
    about: dict[str, Any] = field(default_factory=dict)

    def run(self) -> list[Section]:
        """Run all sections, and write the table after each."""
        self.sections = {name: Section(name, planned.about, []) for name, planned in self.planned.items()}
        self.kept = earlier(self.out, "gpu")
        self.about = _about(self.device, self.quick)
        # a quick look tells no times
        beside = [name for name, planned in self.planned.items() if self.quick or not planned.alone]
        alone = [name for name in self.planned if name not in beside]
        with tempfile.TemporaryDirectory() as folder:
            self._run_at_once(beside, Path(folder), min(AT_ONCE, os.cpu_count() or 1))
            self._run_at_once(alone, Path(folder), 1)
        self._write()
        print(f"{self.out / 'gpu.md'} and gpu.json, after {time.monotonic() - self.started:.0f} s", flush=True)
        return list(self.sections.values())

    def _run_at_once(self, names: Sequence[str], folder: Path, at_once: int) -> None:
        waiting, running = list(names), list[_Running]()
        while waiting or running:
            while waiting and len(running) < at_once and time.monotonic() < self.end:
                running.append(self._start(waiting.pop(0), folder))
            if waiting and time.monotonic() >= self.end:
                waiting.clear()  # they stay "not run"
            for one in [one for one in running if self._is_over(one)]:
                running.remove(one)
                self._write()
            time.sleep(0.05)

    def _start(self, name: str, folder: Path) -> _Running:
        rows, log = folder / f"{name}.rows", folder / f"{name}.log"
        rows.touch()
        words = [sys.executable, __file__, "--child", str(rows), "--device", self.device, name]
        with log.open("wb") as file:
            process = subprocess.Popen(
                words + (["--quick"] if self.quick else []), stdout=file, stderr=file, start_new_session=True
            )
        planned = self.planned[name]
        print(f"{name}: {planned.about}", flush=True)
        return _Running(self.sections[name], process, rows, log, time.monotonic(), planned.deadline)

    def _is_over(self, one: _Running) -> bool:
        """Take the rows that are there, and see whether that was all."""
        section, ended = one.section, one.process.poll() is not None
        section.seconds = time.monotonic() - one.started
        late = not ended and section.seconds > one.deadline
        if late:
            _kill(one.process)
        known = len(section.rows)
        lines = one.rows.read_text().splitlines(keepends=True)
        section.rows = [Row(**json.loads(line)) for line in lines if line.endswith("\n")]
        for row in section.rows[known:]:
            met = {True: "", False: f"   MISSED, the goal is {row.goal}", None: ""}[row.met]
            print(f"  {section.name}: {row.what}: {shown(row.value)} {row.unit} {met} {row.note}".rstrip(), flush=True)
        if not ended and not late:
            return False
        card = self.about.get("card", self.device)
        section.told_by = f"{self.about['date']}, {card}, commit {self.about['commit']}"
        section.ending = "cut off at its deadline" if late else "failed" if one.process.returncode else "done"
        if section.ending != "done":
            said = one.log.read_text(errors="replace").strip().splitlines()
            section.error = said[-1] if said else ""
            print("\n".join(f"  {section.name} | {line}" for line in said[-25:]), flush=True)
        print(f"{section.name}: {section.ending} after {section.seconds:.1f} s", flush=True)
        return True

    def _write(self) -> None:
        told = {name: section for name, section in self.sections.items() if section.ending != "not run"}
        there = self.kept | told
        order = [*(name for name in SECTIONS if name in there), *(name for name in there if name not in SECTIONS)]
        write(self.out, "gpu", self.about, [there[name] for name in order])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: Ray's own are in sessions of their own."""
    for pid in _family(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _family(pid: int) -> Iterator[int]:
    """A process and all below it, as Linux tells."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                yield from _family(int(child))
    yield pid


def _run_section(name: str, file: Path, device: str, *, quick: bool) -> None:
    import torch
    from setting import Setting

    if name in SECTIONS and not SECTIONS[name].alone:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // AT_ONCE))
    setting = Setting(torch.device("cuda", 0) if device == "cuda" else torch.device(device), quick)
    try:
        with file.open("a") as told:
            for row in _rows_of(name, setting):
                told.write(json.dumps(asdict(row)) + "\n")
                told.flush()
    except Exception:
        traceback.print_exc()
        sys.exit(1)


def _rows_of(name: str, setting: Any) -> Iterator[Row]:
    yield from importlib.import_module(f"section_{name}").rows(setting)


def _about(device: str, quick: bool) -> dict[str, Any]:
    """The machine, the code and its versions."""
    import torch

    from search.storage.provenance import cpu_kind, git_commit, versions

    about: dict[str, Any] = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
    if device == "cuda":
        about |= {"card": torch.cuda.get_device_name(0), "driver": _driver(), "CUDA": torch.version.cuda}
    if quick:
        about["quick"] = "the smallest sizes, which tell nothing of speed"
    about |= {"cpu": f"{cpu_kind()}, {os.cpu_count()} cores", "commit": git_commit() or "unknown"}
    return about | {"versions": versions()}


def _driver() -> str:
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


if __name__ == "__main__":
    main()
