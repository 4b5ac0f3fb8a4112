"""The worked examples of .github/CONTRIBUTING.md run as they stand there."""

import re
import sys
from pathlib import Path

import pytest

from search.engine.first_parts import tried
from spaces.spec import load_spec, parse_spec
from spaces.yaml_file import parse_yaml

TEXT = (Path(__file__).parents[1] / ".github" / "CONTRIBUTING.md").read_text()
SHAPE = (1, 8, 8)


def block(language, holding):
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if holding in text]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "mypkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [one for one in sys.modules if one.partition(".")[0] == "mypkg"]:
        del sys.modules[name]


def example(text):
    values, _ = parse_yaml(text, "CONTRIBUTING.md")
    return parse_spec({"name": "example", "data": {"dataset": "digits"}, **values})


def test_the_sampler_passes_what_is_tried_before_the_first_trial(package):
    (package / "samplers.py").write_text(block("python", "def near_the_best"))
    changes = ["search.sampler=mypkg.samplers:near_the_best"]
    for more in ([], ["search.per_family=true", "search.baselines=[]"]):
        spec = load_spec("digits", [*changes, *more])
        spec = spec.model_copy(update=tried(spec, SHAPE))
        assert spec.search.sampler.startswith("mypkg.samplers:near_the_best#sha256=")


def test_the_loss_is_a_family_that_passes_what_is_tried_before_the_first_trial(package):
    (package / "losses.py").write_text(block("python", "def far_apart"))
    spec = example(block("yaml", "own_loss"))
    spec = spec.model_copy(update=tried(spec, SHAPE))
    assert spec.families == ("CL", "FCL", "ACL", "AFCL", "far_apart")
    assert spec.losses[1].startswith("mypkg.losses:far_apart#sha256=")
