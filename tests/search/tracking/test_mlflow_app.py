"""The plugin search.tracking.mlflow_app as MLflow starts it: a real server of `afcl ui`."""

import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import outages
import pytest
from plugin import registered

from search.storage.search_folder import SearchFolder
from search.tracking import outbox

pytestmark = pytest.mark.slow


@pytest.fixture
def served(told, tmp_path):
    """Start `afcl ui`, with and without the plugin; its address, and the lines that it printed."""
    started = []

    def start(environment):
        port = outages.free_port()
        words = [sys.executable, "-m", "search", "ui", "--results", str(told), "--port", str(port)]
        words += ["--page-port", str(outages.free_port())]
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(server)
        lines = []
        for line in server.stdout:
            lines.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                break
        return f"http://127.0.0.1:{port}", lines

    outbox.sync(SearchFolder(told / "told"))
    yield start
    for server in started:
        server.terminate()
        server.communicate(timeout=30)


def answer(address, **headers):
    with urlopen(Request(address, headers=headers)) as said:
        return said.read().decode()


def test_the_first_page_is_served_to_this_machine_alone(served, tmp_path):
    address, lines = served(registered(tmp_path))
    assert f"{address}/afcl/compare" in " ".join(lines)
    assert "localStorage.setItem" in answer(f"{address}/")
    assert "static-files" in answer(f"{address}/?plain")
    with pytest.raises(HTTPError, match="403"):
        answer(f"{address}/", Host="evil.example")


def test_where_the_plugin_is_not_registered_or_does_not_fit_mlflow_the_shared_view_opens(served, tmp_path):
    for value in (None, "search.tracking.mlflow_app:gone"):
        address, lines = served(registered(tmp_path, value))
        assert any("viewStateShareKey=afcl-" in line for line in lines)
        assert "localStorage" not in answer(f"{address}/")
