"""A cluster and a dashboard that are played."""

import pytest
from played_clusters import Cluster, Dashboard, Server

from search.storage.search_folder import SearchFolder


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    (tmp_path / "search").mkdir()
    return Cluster(SearchFolder(tmp_path / "search"), monkeypatch)


@pytest.fixture
def serve():
    servers = []

    def begin(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def dashboard(serve):
    return Dashboard(serve)
