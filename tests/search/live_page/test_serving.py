"""search.live_page.serving: the page beside MLflow's UI, and alone where MLflow cannot be shown."""

import os
import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import outages
import pytest

from search.live_page import serving
from search.storage.search_folder import SearchFolder
from search.tracking import outbox, ui
from trainers.errors import EnvironmentProblem


def answer(address, **headers):
    with urlopen(Request(address, headers=headers), timeout=30) as said:
        return said.read().decode()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def taken():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        yield probe.getsockname()[1]


def test_the_pages_port_is_the_one_after_mlflows():
    assert serving.page_port_beside(5000) == 5001
    assert serving.page_port_beside(65535) == 65534


@pytest.mark.parametrize("flag", ["--port", "--page-port"])
def test_a_port_in_use_is_one_line_with_its_flag_before_anything_starts(told, taken, said, monkeypatch, flag):
    monkeypatch.setattr(ui, "serve", lambda *_: pytest.fail("MLflow was started"))
    free = outages.free_port()
    ports = (taken, free) if flag == "--port" else (free, taken)
    with pytest.raises(EnvironmentProblem, match=f"^{flag} {taken}: Address already in use; choose another with"):
        serving.serve(told, *ports, said.append)
    assert said == []


def test_where_there_is_no_search_mlflow_alone_is_asked(tmp_path, said, monkeypatch):
    calls = []
    monkeypatch.setattr(ui, "serve", lambda *given: calls.append(given))
    serving.serve(tmp_path, 1, 2, said.append)
    assert len(calls) == 1
    assert said == []


@pytest.mark.slow  # a server in this process
def test_where_mlflow_cannot_be_shown_the_page_is_served_alone_and_says_why(told, said, monkeypatch):
    def fail(*_):
        raise EnvironmentProblem("tracking: no server answers")

    def read(say):
        assert "told" in answer(said[0].split()[1])

    monkeypatch.setattr(ui, "serve", fail)
    monkeypatch.setattr(serving, "wait_for_the_end", read)
    serving.serve(told, outages.free_port(), outages.free_port(), said.append, opened="told")
    assert said[0].endswith("/searches/told")
    assert said[1] == "tracking: no server answers; the page is served without MLflow"
    with pytest.raises(URLError):
        answer(said[0].split()[1])


@pytest.mark.slow
def test_beside_a_server_of_its_own_only_the_page_is_served(told, said, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    waited = []
    monkeypatch.setattr(ui, "serve", lambda *_: 0)
    monkeypatch.setattr(serving, "wait_for_the_end", waited.append)
    serving.serve(told, outages.free_port(), outages.free_port(), said.append)
    assert len(waited) == 1


@pytest.mark.slow
def test_both_are_served_on_this_machine_alone_the_pages_link_first_and_one_signal_ends_both(told, environment):
    outbox.sync(SearchFolder(told / "told"), lambda text: None)
    port, page_port = outages.free_port(), outages.free_port()
    words = [sys.executable, "-m", "search", "ui", "--results", str(told), "--port", str(port)]
    variables = environment(PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(
        [*words, "--page-port", str(page_port)], stdout=subprocess.PIPE, text=True, env=variables
    ) as served:
        try:
            lines = [served.stdout.readline()]
            while lines[-1] and not lines[-1].startswith("Ctrl-C"):
                lines.append(served.stdout.readline())
            page = lines[0].split()[1]
            assert page == f"http://127.0.0.1:{page_port}/"
            assert f'<a href="http://127.0.0.1:{port}/#/runs/' in wait_for(f"{page}searches/told", "/#/runs/")
            with pytest.raises(HTTPError, match="403"):
                answer(page, Host="evil.example")
            assert "MLflow" in answer(f"http://127.0.0.1:{port}/?plain")
            served.send_signal(signal.SIGTERM)
            assert served.wait(30) == 0
        finally:
            served.kill()
    for address in (page, f"http://127.0.0.1:{port}/"):
        with pytest.raises(URLError):
            answer(address)


def wait_for(address, words):
    """A page, once it has the words: the searches are looked at again when MLflow answers."""
    for _ in range(100):
        if words in (text := answer(address)):
            return text
        signal.sigtimedwait([], 0.2)
    return text
