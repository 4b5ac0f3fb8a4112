"""The tests that pytest skips where there is no GPU."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rows import Row
from setting import Setting

ROOT = Path(__file__).resolve().parents[2]


def rows(setting: Setting) -> Iterator[Row]:
    """All that are marked `gpu`, in a pytest of their own."""
    words = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run([*words, "tests/gpu"], cwd=ROOT, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    said = (done.stdout.strip() or done.stderr.strip() or f"nothing, exit code {done.returncode}").splitlines()
    closing = said[-1]
    passed = re.search(r"(\d+) passed", closing)
    ok = done.returncode == 0 and passed is not None if setting.on_gpu else done.returncode in (0, 5)
    yield Row.check("pytest -m gpu", ok, closing.strip("= "))
