"""The confirmed winner as MLflow serves it. MLflow runs this file when it loads the model; `trainers` comes with it.

The weights are read with `weights_only=True`: no pickle of ours runs code.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from trainers.checkpoint import load_checkpoint
from trainers.predictor import Predictor


class ImageClassifier(PythonModel):
    """Images [N, C, H, W] uint8 to a row each: the predicted class, and the probability of every class."""

    def load_context(self, context: Any) -> None:
        """Build the classifier from its weights."""
        self._predictor = Predictor(load_checkpoint(Path(context.artifacts["weights"])))

    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify."""
        probabilities = self._predictor.probabilities(torch.from_numpy(np.array(model_input, dtype=np.uint8)))
        names = self._predictor.class_names
        found = pd.DataFrame(probabilities.numpy(), columns=[f"p {name}" for name in names])
        found.insert(0, "class", [names[k] for k in probabilities.argmax(1)])
        return found


set_model(ImageClassifier())
