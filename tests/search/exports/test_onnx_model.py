"""An exported model as ONNX. See search.exports.onnx_model."""

import json
import sys

import onnxruntime
import pytest
import torch
from exported_model import export_of_files

from search.exports import onnx_model
from search.exports.export import read_export
from search.exports.onnx_model import write_onnx
from search.exports.prediction import load_predictor
from trainers.errors import EnvironmentProblem

pytestmark = pytest.mark.slow  # torch's exporter takes seconds


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    path = export_of_files(tmp_path_factory.mktemp("trained"))
    return load_predictor(path, read_export(path))


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (300, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_another_runtime_gives_the_same_probabilities_of_any_number_of_images(predictor, images, tmp_path):
    write_onnx(predictor, images[:2], tmp_path / "best-1.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "best-1.onnx")
    for some in (images[:1], images):
        found = torch.from_numpy(session.run(["probabilities"], {"images": some.numpy()})[0])
        assert torch.allclose(found.double(), predictor.probabilities(some), atol=1e-6, rtol=0)
    described = session.get_modelmeta().custom_metadata_map
    assert json.loads(described["classes"]) == ["dark", "light"]
    assert json.loads(described["look"]) == predictor.look


def test_a_file_whose_probabilities_are_others_is_not_kept(predictor, images, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_model, "TOLERANCE", -1.0)
    with pytest.raises(EnvironmentProblem, match=r"no best-1\.onnx: onnxruntime's probabilities differ"):
        write_onnx(predictor, images[:2], tmp_path / "best-1.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_installed_is_told_with_what_mends_it(predictor, images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EnvironmentProblem, match=r"--onnx needs onnxruntime; install it with: pip install"):
        write_onnx(predictor, images[:2], tmp_path / "best-1.onnx")
