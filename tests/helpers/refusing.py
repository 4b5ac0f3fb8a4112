"""A proxy before a server, which refuses what a test says; and a search told by hand that has many metrics."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from told_trials import told_value

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.storage.provenance import provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec

Answer = tuple[int, bytes]
EPOCHS = 4


@contextmanager
def proxy(target: str, refuse: Callable[[str, dict], Answer | None]) -> Iterator[str]:
    """The address of a proxy before `target`; `refuse` sees each request's path and JSON, and may answer itself.

    Where it raises ConnectionAbortedError the connection ends without an answer.
    """

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                said = json.loads(body or b"{}")
            except ValueError:
                said = {}
            try:
                status, answer = refuse(self.path, said) or self._ask(body)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _ask(self, body: bytes) -> Answer:
            request = urllib.request.Request(target + self.path, data=body or None, method=self.command)
            for name in ("Content-Type", "Authorization"):
                if name in self.headers:
                    request.add_header(name, self.headers[name])
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def measured(root: Path, name: str, classes: list[str], *overrides: str, trials: int = 3) -> SearchFolder:
    """A search, done, whose trials reported a recall for each class at every epoch."""
    stages = [
        f"representation.epochs={EPOCHS - 1}",
        "classifier.solver=adamw",
        "classifier.epochs=1",
        f"search.trials={trials}",
    ]
    stages += ["search.baselines=[]", "search.scheduler.name=none"]
    spec = load_spec("digits", [*stages, *overrides], name=name)
    data = {
        "description": "told by hand",
        "fingerprint": "0" * 64,
        "train": {},
        "validation": dict.fromkeys(classes, 1),
    }
    folder = create_folder(root, spec, provenance(data))
    conductor = Conductor(spec, folder.history(), folder.open_journal(), SearchAgenda(spec, 1))
    conductor.open()
    while trial := conductor.next_trial():
        conductor.launched(trial.number)
        for epoch in range(1, EPOCHS + 1):
            recalls = {f"val_recall/{one}": 1 / (1 + epoch + k) for k, one in enumerate(classes)}
            conductor.result(
                trial.number, epoch, told_value(conductor, 0.9 - 0.1 / epoch) | {"loss": 1 / epoch} | recalls
            )
    conductor.close("done")
    return folder
