"""A spec's way from the command line to the pipeline is short and goes downwards: see spec_call_path.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from spec_call_path import Call, Walk, carries

from spaces.spec import load_spec

FILES, STEPS_BACK = 10, 5


@pytest.mark.slow
def test_the_spec_crosses_ten_files_at_most_and_goes_back_up_five_times_at_most():
    script = Path(__file__).with_name("spec_call_path.py")
    done = subprocess.run([sys.executable, str(script), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    way, given = Walk(**told["way"]), Walk(**told["given"])
    assert (way.files[0], way.files[-1]) == ("search.cli.app", "trainers.pipeline")
    assert len(way.crossed) <= FILES, way.modules
    assert len(way.back) <= STEPS_BACK, way.back
    assert {"search.api", "search.worker.trainable", "trainers.pipeline"} <= set(way.files) & set(given.files)


def test_a_spec_is_carried_by_itself_its_configuration_and_what_holds_one():
    spec = load_spec("digits")
    assert all(map(carries, (spec, spec.base, spec.base.model_dump(), {"number": 1, "config": spec.base.model_dump()})))
    assert not any(map(carries, (spec.name, spec.data, spec.base.last_epoch, {"number": 1}, None)))


def test_a_step_back_is_a_return_or_a_call_upwards_from_which_the_way_goes_on():
    walk = Walk()
    for caller, module in (
        (None, "search.cli.app"),
        ("search.cli.app", "search.api"),
        ("search.api", "spaces.spec"),
        ("search.api", "search.engine.runner"),  # after a return
        ("search.engine.runner", "search.display.live"),  # upwards
        ("search.display.live", "trainers.pipeline"),
    ):
        walk.enter(Call(module, "f", None, is_given=True), caller)
    assert len(walk.files) == 6
    assert walk.back == ["spaces.spec -> search.api (f)", "search.engine.runner -> search.display.live (f)"]
