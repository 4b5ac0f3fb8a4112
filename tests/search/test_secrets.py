"""No password leaves the environment that it was given in; nothing that others may have written is run."""

import pickle

import pytest
import torch

from search import driver
from search.mlflow_store import in_one_line, shown_uri
from spaces.spec import load_spec
from trainers.checkpoint import load_checkpoint
from trainers.data import download

SECRET = "swordfish"
SERVER = f"http://me:{SECRET}@127.0.0.1:9"


def test_an_address_is_shown_without_name_and_password():
    assert shown_uri(SERVER) == "http://…@127.0.0.1:9"
    assert shown_uri(f"cannot reach postgresql+psycopg2://me:{SECRET}@db/x in time").endswith("//…@db/x in time")
    assert shown_uri("https://mlflow.example/a@b") == "https://mlflow.example/a@b"
    assert SECRET not in in_one_line(RuntimeError(f"API request to {SERVER}/api failed"))


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
    monkeypatch.setattr(driver, "DELIVERY_PATIENCE", 1.0)
    assert driver.run(spec, results=tmp_path).undelivered > 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in "".join(capfd.readouterr())


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
