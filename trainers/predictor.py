"""A trained trial as a classifier of images, from its checkpoint: normaliser, encoder, linear classifier."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from trainers.checkpoint import Checkpoint
from trainers.compute.devices import image_format, in_float64
from trainers.config import TrialConfig
from trainers.data.arrays import Labels, Logits, Split
from trainers.data.transforms.augment import Normaliser
from trainers.errors import InputError
from trainers.models import LinearClassifier, build_encoder
from trainers.older_configs import as_meant_then
from trainers.stages.batches import to_device
from trainers.stages.class_measures import class_measures
from trainers.stages.classifier import encode, images_at_once
from trainers.stages.metrics import evaluate


class Predictor(nn.Module):
    """A module from images to logits. On the same kind of device the logits are the trial's own, to the bit."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device | None = None) -> None:
        """Build the networks on `device` (None: the CPU), with the checkpoint's weights.

        Raises InputError for a checkpoint of stage one, which has no classifier yet.
        """
        super().__init__()
        if checkpoint.classifier is None:
            raise InputError(f"the checkpoint of epoch {checkpoint.epoch} is of stage one and cannot classify yet")
        config = TrialConfig.model_validate(as_meant_then(checkpoint.config))
        device = device or torch.device("cpu")
        self.class_names = tuple(checkpoint.class_names)
        self.channels = len(checkpoint.pixel_mean)
        self.look = checkpoint.look
        # all weights come from the checkpoint: nothing is drawn or downloaded
        model = config.model.model_copy(update={"pretrained": False})
        self.encoder = build_encoder(model, self.channels, seed=0)
        self.encoder.load_state_dict(checkpoint.encoder)
        self.classifier = LinearClassifier(self.encoder.feature_dim, len(self.class_names))
        self.classifier.load_state_dict(checkpoint.classifier)
        self.normalise = Normaliser(checkpoint.pixel_mean.to(device), checkpoint.pixel_std.to(device))
        self._at_once = images_at_once(config.training, device)  # the batch size that the trial used
        self.encoder.to(device).to(memory_format=image_format(device))
        self.classifier.to(device)
        self.eval()

    def read(self, paths: Iterable[Path]) -> Tensor:
        """Read image files into [N, C, H, W] uint8, as the training images were read.

        They are turned upright, put on the background, scaled to 8 bits and resized. Raises InputError if the trial was
        not trained on image files, or if a file cannot be read.
        """
        if self.look is None:
            raise InputError("this was not trained on image files (or by an older version), so it cannot read any")
        from trainers.data.io.decoding import read_files  # imports Pillow, which workers do not need

        return torch.from_numpy(read_files(list(paths), self.look))

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] uint8 to the encoder's features [N, feature_dim] float32."""
        return encode(self.encoder, images, self.normalise, at_once=self._at_once)

    def probabilities(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] uint8 to the probability of each class, [N, classes] float64 on the CPU.

        They are computed in double precision, because in single precision very confident predictions would tie at 1.
        """
        probabilities: Tensor = in_float64(self(images)).softmax(1).cpu()
        return probabilities

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] uint8 to logits [N, classes] float32."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


@dataclass(frozen=True)
class SplitScores:
    """The results of a predictor on a split."""

    metrics: dict[str, float]  # by name, those of `evaluate` and of `class_measures`
    confusion: list[list[int]]  # a row for each true class, a column for each predicted class
    predicted: Labels  # [N], in the split's order
    logits: Logits  # [N, C], in the same order


def score_split(predictor: Predictor, split: Split) -> SplitScores:
    """Classify a split and score it. The split's labels must be positions in the predictor's class names."""
    there = to_device(split, len(predictor.class_names), predictor.normalise.mean.device)
    logits = predictor(there.images)
    metrics, confusion = evaluate(logits, there.labels)
    metrics |= class_measures(logits, there.labels, predictor.class_names)
    return SplitScores(metrics, confusion.tolist(), logits.argmax(1).cpu().numpy(), logits.cpu().numpy())
