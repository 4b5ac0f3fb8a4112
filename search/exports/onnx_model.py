"""An exported model as ONNX, for runtimes other than torch: images as bytes in, the probability of each class out.

What torch computes is followed operation by operation (`torch.export`), and the file is run once and held to it before
it is kept.
"""

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from trainers.data.transforms.augment import unit
from trainers.errors import EnvironmentProblem
from trainers.files import write_atomically
from trainers.predictor import Predictor

TOLERANCE = 1e-5  # of a probability: runtimes add up in float32, each in its own order


class WholeModel(nn.Module):
    """Images [N, C, H, W] uint8 to the probability of each class, [N, classes] float32, in one graph."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.encoder, self.classifier = predictor.encoder, predictor.classifier
        self.register_buffer("mean", predictor.normalise.mean.clone())
        self.register_buffer("std", predictor.normalise.std.clone())

    def forward(self, images: Tensor) -> Tensor:
        """Classify."""
        mean, std = self.get_buffer("mean")[:, None, None], self.get_buffer("std")[:, None, None]
        logits: Tensor = self.classifier(self.encoder((unit(images) - mean) / std))
        return logits.softmax(1)


def write_onnx(predictor: Predictor, images: Tensor, target: Path) -> None:
    """Write a model as ONNX, with its class names and its reading of image files in the file's metadata.

    Args:
        predictor: the model, on the CPU.
        images: [N, C, H, W] uint8, at least two, of the size that it takes; what the file is tried on.
        target: the file.

    Raises:
        EnvironmentProblem: the packages that write and run ONNX are not installed, or the file's probabilities differ
            from torch's by more than `TOLERANCE`.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            f"--onnx needs {error.name}; install it with: pip install 'afcl-search[onnx]'"
        ) from None
    model = WholeModel(predictor).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter, about its own future
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
    for some in (images, images[:1]):  # any number of images
        found = torch.from_numpy(session.run(None, {"images": some.numpy()})[0])
        off = (found - predictor.probabilities(some)).abs().max().item()
        if not off <= TOLERANCE:
            raise EnvironmentProblem(f"no {target.name}: onnxruntime's probabilities differ from torch's by {off:.2g}")
    write_atomically(target, content)
