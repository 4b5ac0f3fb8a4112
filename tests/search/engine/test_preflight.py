"""What must hold before the first trial starts: one line with its mend."""

import pytest

from search.engine.preflight import check_resources
from spaces.sections import ResourcesConfig
from trainers.errors import EnvironmentProblem


def test_a_gpu_is_refused_where_no_node_has_one():
    with pytest.raises(EnvironmentProblem, match=r"resources.gpus: a trial asks for 0.5, but no node has more than 0"):
        check_resources(ResourcesConfig(gpus=0.5), [{"CPU": 4.0}, {"CPU": 8.0}])
