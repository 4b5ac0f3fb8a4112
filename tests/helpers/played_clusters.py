"""Clusters and dashboards that are played: nodes that answer when they are told to, and servers that answer at all."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from search.cluster import node_health
from search.cluster.node_health import Admission


def node(name):
    return {"NodeID": name, "NodeManagerHostname": name, "NodeManagerAddress": "10.0.0.1", "Resources": {"CPU": 2.0}}


class Cluster:
    """Nodes that answer when they are told to."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.told, self.nodes, self.answers = folder, [], [node("a"), node("b")], {}
        monkeypatch.setattr(node_health.ray, "nodes", lambda: [one | {"Alive": True} for one in self.nodes])
        monkeypatch.setattr(node_health.node_check, "ask", lambda number, probe: number)
        monkeypatch.setattr(Admission, "_has_answered", lambda _, number: number in self.answers)
        monkeypatch.setattr(
            node_health.node_check, "complaint_about", lambda one, number, probe, code: self.answers[number]
        )
        self.admission = Admission(folder, ["a", "b"], self.told.append, self.noted_node)

    def noted_node(self, number, for_the_last_time):
        trial = self.folder.trial(number)
        return trial.take_noted_node() if for_the_last_time else trial.noted_node()

    def see(self):
        self.admission.see(self.nodes)
        return self.admission.ids()

    def crash(self, trial, where):
        self.folder.trial(trial).note_node(where)
        self.admission.crashed(trial)


TOKEN = "t" * 40


class Quiet(ThreadingHTTPServer):
    """Says nothing of a client that hung up: it would stand in the output of another test."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """Answers every request with the same, or as a function of the request says."""

    def __init__(self, answer):
        self.asked = asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                asked.append((self.command, self.path, self.rfile.read(length)))
                status, body = answer(self)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


SUBMIT = ["submit", "digits", "--results", "/shared/results"]


class Dashboard:
    """A dashboard that takes packages and jobs, and remembers them."""

    def __init__(self, serve):
        self.jobs, self.packages = [], {}
        self._server = serve(self._answer)
        self.address = self._server.address

    def _answer(self, request):
        method, path, body = self._server.asked[-1]
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, ""
        if path == "/api/version":
            return 200, json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": "s"})
        if path.startswith("/api/packages/"):
            name = path.rpartition("/")[2]
            if method == "PUT":
                self.packages[name] = body
            return (200, "") if name in self.packages else (404, "")
        if method == "POST":
            self.jobs.append(json.loads(body) | {"status": "RUNNING", "type": "SUBMISSION", "start_time": 1})
            name = self.jobs[-1]["submission_id"]
            return 200, json.dumps({"job_id": name, "submission_id": name})
        return 200, json.dumps(self.jobs)


def one_line(ended, code, words):
    assert ended.returncode == code
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr
