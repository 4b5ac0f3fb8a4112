"""The GPU check itself, tried without a GPU."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from rows import Row, Section, earlier, markdown, write  # noqa: E402

spec = importlib.util.spec_from_file_location("gpu_check", HERE / "run.py")  # other folders have a run.py too
gpu_check = sys.modules["gpu_check"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gpu_check)

ABOUT = {"date": "today", "versions": {"torch": "2.14.1"}}


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("time", 3.0, "ms"), None),
        (Row("ratio", 0.4, at_most=0.5), True),
        (Row("ratio", 0.6, at_most=0.5), False),
        (Row("ratio", float("nan"), at_most=0.5), False),
        (Row("throughput", 1.4, at_least=1.5), False),
        (Row("batch", 59, at_least=2, at_most=1023), True),
        (Row.check("it fits", True), True),
        (Row.check("it fits", False), False),
        (Row("published form", "out of memory"), None),
    ],
)
def test_a_goal_is_met_missed_or_not_there(row, met):
    assert row.met is met


def test_the_table_begins_with_what_was_missed(tmp_path):
    sections = [Section("loss", "right", [Row("error", 2.0, at_most=1), Row("other", 0.5, at_most=1)], "done", 3.0)]
    assert "1 of 2 goals are met, these are not:\n\n- loss: error" in markdown(ABOUT, sections)


def test_the_sections_of_earlier_runs_are_read_back_whole(tmp_path):
    section = Section("loss", "right", [Row("error", 0.1, at_most=1), Row.check("same", True)], "done", 3.0)
    write(tmp_path, "gpu", ABOUT, [section])
    assert earlier(tmp_path, "gpu") == {"loss": section}
    assert earlier(tmp_path / "elsewhere", "gpu") == {}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Run sections that are written here, and read the table that they leave."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(deadline=60.0, budget=100.0, **bodies):
        for name, body in bodies.items():
            text = f"import time\nfrom rows import Row\ndef rows(setting):\n    {body}\n"
            (tmp_path / f"section_{name}.py").write_text(text)
        planned = {name: gpu_check.Planned(f"about {name}", deadline) for name in bodies}
        ended = gpu_check.Check(planned, "cpu", True, tmp_path / "out", time.monotonic() + budget).run()
        assert json.loads((tmp_path / "out" / "gpu.json").read_text())
        return {section.name: section for section in ended}

    return run


@pytest.mark.slow  # each section's process imports torch
def test_a_section_that_fails_does_not_stop_the_rest_and_says_why(check):
    ended = check(broken="yield Row('first', 1.0); raise ValueError('no such card')", good="yield Row('a', 2.0)")
    assert (ended["broken"].ending, ended["good"].ending) == ("failed", "done")
    assert ended["broken"].rows == [Row("first", 1.0)]
    assert ended["broken"].error == "ValueError: no such card"


@pytest.mark.slow  # the section's process needs the seconds that torch takes to import
def test_a_section_that_hangs_is_cut_off_and_keeps_its_rows(check):
    ended = check(deadline=20.0, hanging="yield Row('first', 1.0); time.sleep(500)")
    assert ended["hanging"].ending == "cut off at its deadline"
    assert ended["hanging"].rows == [Row("first", 1.0)]


def test_after_the_budget_nothing_is_started(check):
    assert check(budget=-1.0, late="yield Row('a', 1.0)")["late"].ending == "not run"


@pytest.mark.slow  # its process imports torch
def test_a_section_that_is_not_run_again_keeps_its_place_in_the_table(check, tmp_path):
    write(tmp_path / "out", "gpu", ABOUT, [Section("one", "about one", [Row("a", 1.0)], "done", 3.0)])
    assert check(two="yield Row('b', 2.0)")["two"].rows == [Row("b", 2.0)]
    assert list(earlier(tmp_path / "out", "gpu")) == ["one", "two"]


def test_an_unknown_section_is_refused_in_one_line():
    done = subprocess.run([sys.executable, str(HERE / "run.py"), "lose"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no section 'lose'; known are loss, augment" in done.stderr


@pytest.mark.slow
def test_every_section_works_without_a_gpu(tmp_path):
    """What it tells is of no worth here; that it tells is."""
    command = [sys.executable, str(HERE / "run.py"), "--device", "cpu", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    told = earlier(tmp_path, "gpu")
    assert list(told) == list(gpu_check.SECTIONS)
    assert {section.ending for section in told.values()} == {"done"}
    assert all(section.rows for section in told.values())
    missed = [row.what for section in told.values() for row in section.rows if row.met is False]
    assert not missed
