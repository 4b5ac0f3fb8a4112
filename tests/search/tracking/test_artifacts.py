"""Files go where a run's artifacts are, unless that place is another host's own."""

from types import SimpleNamespace

import pytest

from search.tracking.artifacts import refuse_a_place_of_the_servers
from search.tracking.troubles import StoreProblem

SERVER = "http://mlflow.example:5000"


def client_of(place: str):
    run = SimpleNamespace(info=SimpleNamespace(artifact_uri=place))
    return SimpleNamespace(get_run=lambda number: run)


@pytest.mark.parametrize(
    "place", ["{}/store/1/run/artifacts", "{}/mine/run/artifacts", "file://{}/a%20b/run/artifacts"]
)
def test_a_folder_of_the_servers_own_is_not_made_here(tmp_path, place):
    with pytest.raises(StoreProblem, match=r"keeps them in its own folder .*start the server with --artifacts-dest"):
        refuse_a_place_of_the_servers(client_of(place.format(tmp_path)), SERVER, "run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_both_hosts_have_is_written_to(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "mine").mkdir()
    for place in (f"{tmp_path}/store/1/run/artifacts", f"file://{tmp_path}/mine/run/artifacts"):
        refuse_a_place_of_the_servers(client_of(place), SERVER, "run")


@pytest.mark.parametrize("place", ["mlflow-artifacts:/1/run/artifacts", "s3://bucket/1/run/artifacts"])
def test_any_other_store_is_not_of_a_host(place):
    refuse_a_place_of_the_servers(client_of(place), SERVER, "run")


def test_a_server_of_this_host_makes_its_folder_here(tmp_path):
    refuse_a_place_of_the_servers(client_of(f"{tmp_path}/store/1/run/artifacts"), "http://127.0.0.1:5000", "run")
