"""How many trials fit on nodes."""

import pytest

from search.cluster.slots import live_nodes, slots_on
from spaces.sections import ResourcesConfig


@pytest.mark.parametrize(
    ("resources", "nodes", "slots"),
    [
        ({"cpus": 1}, [{"CPU": 2.0}, {"CPU": 3.0}], 5),
        ({"cpus": 2}, [{"CPU": 3.0}, {"CPU": 3.0}], 2),  # no trial of one worker stands on two nodes
        ({"cpus": 1, "gpus": 0.25}, [{"CPU": 16.0, "GPU": 1.0}], 4),
        ({"cpus": 1, "gpus": 0.25}, [{"CPU": 2.0, "GPU": 1.0}], 2),
        ({"cpus": 1, "gpus": 0.1}, [{"CPU": 16.0, "GPU": 1.0}], 10),  # ten tenths are one, whatever floats say
        ({"cpus": 1, "gpus": 1}, [{"CPU": 16.0}], 0),
        ({"cpus": 1, "gpus": 1, "workers": 3}, [{"CPU": 4.0, "GPU": 2.0}, {"CPU": 4.0, "GPU": 2.0}], 1),
        ({"cpus": 1}, [], 0),
    ],
)
def test_as_many_trials_fit_as_their_workers_find_room_on_nodes(resources, nodes, slots):
    assert slots_on(ResourcesConfig(**resources), nodes) == slots


def test_a_dead_node_holds_nothing():
    nodes = [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 9.0}}]
    assert live_nodes(nodes) == [{"CPU": 2.0}]
