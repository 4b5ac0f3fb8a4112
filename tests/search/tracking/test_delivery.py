"""How a search's events get to MLflow. See search.tracking.delivery."""

import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from search.storage.search_folder import SearchFolder
from search.tracking.outbox import Tracker


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "words"), [(401, "it answers 401, name or password are wrong"), (500, "it answers 500")]
)
def test_a_server_that_refuses_is_told_in_few_words(finished, status, words, tmp_path):
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = SearchFolder(tmp_path / "copy")
    shutil.copytree(finished.folder.path, folder.path, ignore=shutil.ignore_patterns("ray", "trials"))
    tracker = Tracker(folder, f"http://127.0.0.1:{server.server_port}")
    tracker.start()
    tracker.close(30)
    server.shutdown()
    server.server_close()
    assert tracker.problem == words
