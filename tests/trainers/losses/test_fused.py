"""The loss's kernel, interpreted on the CPU, against the walk over blocks in float64."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trainers.losses.fused import has_kernel

pytest.importorskip("triton", reason="of torch's builds for CUDA")

FIELDS = ("size", "kind", "eta", "gamma", "temperature", "normalize_by", "block_rows", "far")
CASES = [
    dict(zip(FIELDS, values, strict=True))
    for values in [
        (3, "random", 60.0, 2.0, 0.07, "batch", None, False),
        (4, "all alike", 300.0, 10.0, 0.01, "positives", None, False),
        (19, "random", 0.0, 0.0, 0.07, "positives", None, True),
        (19, "clustered", 300.0, 10.0, 0.01, "batch", 7, False),
        (35, "all alike", 60.0, 0.5, 1.0, "batch", None, False),
        (35, "clustered", 60.0, 0.5, 0.01, "positives", 16, False),
    ]
]


def interpreted(cases):
    """The errors of each case, computed in one process, which costs the imports of torch and Triton."""
    script = Path(__file__).parents[1] / "interpreted_kernel.py"
    path = [str(Path(__file__).parents[3]), *sys.path]
    command = [
        sys.executable,
        "-c",
        f"import sys, runpy; sys.path[:0] = {path}; runpy.run_path({str(script)!r}, None, '__main__')",
    ]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("cases", [CASES[:2], CASES[2:]], ids=["one tile", "several tiles"])
def test_the_kernel_computes_the_loss_and_its_gradient_within_float32s_rounding(cases):
    for case, errors in zip(cases, interpreted(cases), strict=True):
        assert errors["value"] <= 1, case
        assert errors["gradient"] <= 1, case
        assert errors["without a gradient"] == 0, case


def test_on_a_cpu_there_is_no_kernel():
    assert not has_kernel(torch.eye(3))
