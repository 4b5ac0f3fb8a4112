"""What must hold before the first trial starts: one line with its mend."""

import shutil

import pytest

from search.engine.plan import make_plan
from search.engine.preflight import check_folder, check_resources
from spaces.sections import ResourcesConfig
from spaces.spec import load_spec
from trainers.data import load
from trainers.errors import EnvironmentProblem


def test_a_gpu_is_refused_where_no_node_has_one():
    with pytest.raises(EnvironmentProblem, match=r"resources.gpus: a trial asks for 0.5, but no node has more than 0"):
        check_resources(ResourcesConfig(gpus=0.5), [{"CPU": 4.0}, {"CPU": 8.0}])


@pytest.mark.parametrize(
    ("asked", "nodes", "complaint"),
    [
        ({"cpus": 3}, [{"CPU": 2.0}], "resources.cpus: a trial asks for 3, but no node has more than 2"),
        ({"gpus": 1}, [{"CPU": 2.0}], "set resources.gpus=0 or join a node that has them"),
        ({"cpus": 4, "gpus": 1}, [{"CPU": 8.0}, {"CPU": 2.0, "GPU": 1.0}], "no node has 4 cpus and 1 gpus"),
        ({"workers": 3}, [{"CPU": 2.0}], "the nodes hold 2; set resources.workers=2 or join a node"),
        ({"cpus": 1}, [], "no node has more than 0"),
    ],
)
def test_what_no_node_can_hold_is_refused_with_what_would_do(asked, nodes, complaint):
    with pytest.raises(EnvironmentProblem) as refused:
        check_resources(ResourcesConfig(**asked), nodes)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_fits_is_let_through():
    check_resources(ResourcesConfig(cpus=2), [{"CPU": 2.0}])
    check_resources(ResourcesConfig(gpus=1, workers=2), [{"CPU": 2.0, "GPU": 2.0}])
    check_resources(ResourcesConfig(workers=3), [{"CPU": 2.0}, {"CPU": 1.0}])


@pytest.fixture
def plan():
    spec = load_spec("digits")
    return make_plan(spec, load(spec.data))


def test_a_folder_that_is_not_there_yet_is_judged_by_what_it_would_stand_in(plan, tmp_path):
    check_folder(tmp_path / "new" / "results", plan, stored=False)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(
        EnvironmentProblem, match=r"cannot write to .*file, which is no folder; .*choose another folder with --results"
    ):
        check_folder(tmp_path / "file" / "results", plan, stored=False)


def test_a_disk_must_hold_the_checkpoints_unless_a_store_has_them(plan, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=50_000_000 + plan.disk_bytes - 1))
    with pytest.raises(EnvironmentProblem, match=r"the search may need \d+ MB, but .* MB free; free some"):
        check_folder(tmp_path, plan, stored=False)
    check_folder(tmp_path, plan, stored=True)
