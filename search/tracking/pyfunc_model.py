"""The confirmed winner as an MLflow model. MLflow runs this file when it loads the model.

The package `trainers` is stored with the model. The weights are read with `weights_only=True`, so that loading them
runs no code.
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
    """Classifies images [N, C, H, W] uint8 into a table with a row for each image.

    A row has the predicted class and the probability of every class.
    """

    def load_context(self, context: Any) -> None:
        """Build the classifier from the model's weights."""
        self._predictor = Predictor(load_checkpoint(Path(context.artifacts["weights"])))

    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify the images.

        Args:
            context: MLflow's context; unused.
            model_input: images [N, C, H, W], uint8.
            params: unused.

        Returns:
            N rows: the column `class`, and a column `p CLASS` for each class.
        """
        probabilities = self._predictor.probabilities(torch.from_numpy(np.array(model_input, dtype=np.uint8)))
        names = self._predictor.class_names
        found = pd.DataFrame(probabilities.numpy(), columns=[f"p {name}" for name in names])
        found.insert(0, "class", [names[k] for k in probabilities.argmax(1)])
        return found


set_model(ImageClassifier())
