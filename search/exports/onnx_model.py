"""Write an exported model as ONNX, for runtimes other than torch. The file maps image bytes to class probabilities.

`torch.export` traces the operations of the model. Before the file is written, onnxruntime runs the ONNX model on a few
images, and its probabilities must agree with torch's.
"""

import json
import warnings
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from trainers.data.transforms.augment import unit
from trainers.errors import EnvironmentProblem
from trainers.files import write_atomically
from trainers.predictor import Predictor

TOLERANCE = 1e-5  # for a probability: each runtime adds float32 numbers in its own order


class WholeModel(nn.Module):
    """The whole model in one graph: maps images [N, C, H, W] uint8 to class probabilities [N, classes] float32."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.encoder, self.classifier = predictor.encoder, predictor.classifier
        self.register_buffer("mean", predictor.normalise.mean.clone())
        self.register_buffer("std", predictor.normalise.std.clone())

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] uint8 to probabilities [N, classes] float32."""
        mean, std = self.get_buffer("mean")[:, None, None], self.get_buffer("std")[:, None, None]
        logits: Tensor = self.classifier(self.encoder((unit(images) - mean) / std))
        return logits.softmax(1)


def require_packages() -> None:
    """Raise EnvironmentProblem if the packages that write and run ONNX are not installed."""
    for name in ("onnx", "onnxruntime", "onnxscript"):  # torch's exporter needs the last
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise EnvironmentProblem(
                f"--onnx needs {error.name}; install it with: pip install 'afcl-search[onnx]'"
            ) from None


def write_onnx(predictor: Predictor, images: Tensor, target: Path) -> None:
    """Write a model as ONNX. The file's metadata have the class names and how image files are to be read.

    Args:
        predictor: the model, on the CPU.
        images: at least two images [N, C, H, W], uint8, of the size that the model takes. The ONNX model is tried on
            these images before the file is written.
        target: the path of the file.

    Raises:
        EnvironmentProblem: the packages that write and run ONNX are not installed, or the ONNX model's probabilities
            differ from torch's by more than `TOLERANCE`. No file was written.
    """
    require_packages()
    import onnx
    import onnxruntime

    model = WholeModel(predictor).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns about its own future versions
        program = torch.onnx.export(
            model,
            (images,),
            input_names=["images"],
            output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("images")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    described = {"classes": json.dumps(list(predictor.class_names)), "look": json.dumps(predictor.look)}
    onnx.helper.set_model_props(proto, described)
    content = proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for some in (images, images[:1]):  # two batch sizes, as the model must take any number of images
        found = torch.from_numpy(session.run(None, {"images": some.numpy()})[0])
        off = (found - predictor.probabilities(some)).abs().max().item()
        if not off <= TOLERANCE:
            raise EnvironmentProblem(f"no {target.name}: onnxruntime's probabilities differ from torch's by {off:.2g}")
    write_atomically(target, content)
