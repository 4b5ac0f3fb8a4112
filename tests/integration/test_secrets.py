"""No password leaves the environment that it was given in; nothing that others may have written is run."""

import json
import pickle
from urllib.parse import quote

import numpy as np
import outages
import pytest
import torch

from search import api
from search.engine import runner
from search.live_page import serving
from search.storage.search_folder import SearchFolder
from search.tracking import model_registry, outbox
from search.tracking.delivered import parent_run
from spaces.spec import load_spec
from trainers.checkpoint import load_checkpoint
from trainers.data.io import download

SECRET = "swordfish"
SERVER = f"http://me:{SECRET}@127.0.0.1:9"


@pytest.mark.slow
def test_doctor_shows_no_password(typed):
    told = typed("doctor", MLFLOW_TRACKING_URI=f"postgresql://me:{SECRET}@127.0.0.1:9/db")
    assert "postgresql://…@127.0.0.1:9/db" in told.stdout
    assert SECRET not in told.stdout + told.stderr


@pytest.mark.slow
def test_a_search_leaves_no_password_in_any_file(shared_ray, tmp_path, monkeypatch, capfd):
    """The server is not there, so that errors have the address in them too."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    spec = load_spec("digits", ["search.trials=1", "search.baselines=[]", "search.max_concurrent=1"])
    monkeypatch.setattr(runner, "DELIVERY_PATIENCE", 1.0)
    assert api.run(spec, results=tmp_path).undelivered > 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_a_server_that_lets_it_in_leaves_no_password_either(shared_ray, told, tmp_path, monkeypatch, typed, capsys):
    password = outages.ADMIN["MLFLOW_TRACKING_PASSWORD"]
    spec = load_spec("digits", ["search.trials=1", "search.baselines=[]", "search.max_concurrent=1"])
    results, printed = tmp_path / "results", []
    server = outages.Server(tmp_path / "server", locked=True)
    server.start()
    uri = server.uri.replace("//", f"//admin:{quote(password)}@")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(serving, "wait_for_the_end", lambda say: None)
    try:
        found = api.run(spec, results=results)
        folder = found.folder
        printed += capsys.readouterr()
        assert outbox.sync(folder)[1] == []
        assert parent_run(folder, uri) is not None
        for words in (["sync", "digits"], ["report", "digits"], ["ui", "digits"], ["show", "digits"], ["doctor"]):
            ended = typed(*words, results=results, MLFLOW_TRACKING_URI=uri)
            lacks_data = words == ["doctor"] and "afcl data fetch fmnist" in ended.stdout  # not what is looked at here
            assert ended.returncode == (3 if lacks_data else 0), ended.stderr
            printed += [ended.stdout, ended.stderr]
        elsewhere = SearchFolder(told / "told")
        printed.append(model_registry.publish(elsewhere, None, np.zeros((2, 1, 8, 8), dtype=np.uint8)).words)
        assert "does not have the search yet" in printed[-1]
    finally:
        server.stop()
    secret = (password, quote(password))
    files = [path for path in results.rglob("*") if path.is_file()]
    assert folder.delivered in files
    assert [path.name for path in files for one in secret if one.encode() in path.read_bytes()] == []
    assert [text for text in printed for one in secret if one in text] == []


def test_what_was_delivered_is_known_from_an_older_file_with_the_whole_address_in_it(told):
    folder = SearchFolder(told / "told")
    older = {"uri": SERVER, "offset": 7, "parent": "run", "runs": {"0": "other"}}
    folder.delivered.write_text(json.dumps(older))
    assert parent_run(folder, SERVER) == "run"
    assert parent_run(folder, "http://127.0.0.1:9") is None


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("it ran",))

    path = tmp_path / "planted.pt"
    torch.save({"epoch": Trap()}, path)
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(path)


def test_only_the_web_is_downloaded_from(tmp_path):
    (tmp_path / "here").write_bytes(b"a file of this machine")
    with pytest.raises(download.DownloadFailed, match="only http and https are fetched"):
        download.remote_size((tmp_path / "here").as_uri())
