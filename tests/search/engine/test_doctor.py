"""What `afcl doctor` finds, and the mend of what is missing. See search.engine.doctor."""

import json

import torch
from words import BAD_ENVIRONMENT, DONE

from search.engine import doctor
from trainers.data.datasets import fmnist


def test_doctor_has_a_line_for_everything_that_a_search_needs(typed):
    told = typed("doctor")
    assert not told.stderr
    findings = json.loads(typed("doctor", "--json").stdout)
    names = [finding["name"] for finding in findings]
    assert names == ["python", "torch", "ray", "mlflow", "disk", "fmnist", "digits"]
    assert len(told.stdout.splitlines()) == len(names)
    assert told.returncode == (DONE if all(finding["ok"] for finding in findings) else BAD_ENVIRONMENT)
    assert all(finding["ok"] or finding["mend"] for finding in findings)


INPUT, ENVIRONMENT = 2, 3


def test_doctor_says_what_is_missing_and_how_to_get_it(typed, tmp_path, monkeypatch):
    monkeypatch.setattr(fmnist, "DEBIAN", tmp_path / "no package")
    done = typed("doctor", "--json", AFCL_DATA=str(tmp_path / "empty"))
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == ENVIRONMENT
    assert found["digits"]["ok"]
    assert not found["fmnist"]["ok"]
    assert "afcl data fetch fmnist" in found["fmnist"]["mend"]


def test_doctor_names_apples_gpu_and_that_it_is_untried(typed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(doctor, "old_driver", lambda built_for: None)
    found = {finding["name"]: finding for finding in json.loads(typed("doctor", "--json").stdout)}
    assert found["torch"]["text"].endswith("Apple's GPU (mps), which afcl has never been tried on")
