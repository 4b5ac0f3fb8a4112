"""Validation images as points in a plane: one picture by the winner's encoder, one by that of the best CL trial.

The projection is a PCA of the features that the classifier sees. It is linear and has no seed, so a distance in the
picture is a distance in the features, as far as two dimensions can show it. The points are computed once for each
checkpoint and kept in the trial's folder as embedding.json, so the picture outlives the checkpoint and the data.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from markupsafe import Markup

from search.evidence.kept_model import kept_model
from search.journal.history import Trial, best_of_cl
from search.reporting.context import View, named
from search.reporting.html import Figure, Section, paragraph
from search.reporting.marks import in_figure
from search.storage.trial_folder import TrialFolder
from trainers.errors import EnvironmentProblem, InputError
from trainers.files import write_atomically
from trainers.seeds import derive_seed

if TYPE_CHECKING:
    from trainers.data import TrialData

MOST = 1000  # the most images in a picture


def embeddings(view: View) -> Section | None:
    """A picture of the winner's features beside that of the best CL trial; a sentence for a picture that is missing.

    None if no trial has finished.
    """
    if not view.ranked:
        return None
    contrast = best_of_cl(view.history)
    shown = view.ranked[:1] + ([contrast] if contrast is not None and contrast is not view.ranked[0] else [])
    figures, missing = [], []
    for trial in shown:
        try:
            points = points_of(view.folder.trial(trial.number), lambda: view.images)
        except (InputError, EnvironmentProblem) as problem:
            missing.append(f"No picture of {named(trial)}: {problem}.")
        else:
            figures.append(Figure(f"embedding-{trial.number:04d}", _figure(trial, points)))
    text = Markup().join(map(paragraph, missing))
    if contrast is None or contrast is view.ranked[0]:
        text += paragraph("No CL trial has finished." if contrast is None else "The winner is itself a CL trial.")
    if figures:
        text += paragraph(
            f"Features of at most {MOST} validation images from the "
            f"{'fine-tuned' if view.spec.classifier.fine_tune else 'frozen'} encoder, by PCA in two dimensions "
            "(linear, the same every time). A picture and no evidence: the classifier sees all dimensions, and the "
            "scores above say what it can tell apart."
        )
    return Section("Embeddings of the validation images", text, tuple(figures))


def points_of(folder: TrialFolder, images: Callable[[], "TrialData"]) -> dict[str, Any]:
    """The points of one trial's picture, and what the picture says of them, as embedding.json holds them.

    They are read from the trial's folder. If they are missing, or are not of the newest checkpoint in the folder, they
    are computed from this checkpoint and `images`, and stored. Raises InputError if they must be computed but no
    checkpoint can be used, and the errors of `images`.
    """
    stored = _read(folder.embedding)
    newest = next(iter(folder.checkpoint_paths()), None)
    if stored is not None and (newest is None or stored["checkpoint"] == newest.name):
        return stored
    if newest is None:
        raise InputError("its checkpoint is gone")
    made = _compute(folder, newest.name, images())
    write_atomically(folder.embedding, (json.dumps(made) + "\n").encode())
    return made


def _compute(folder: TrialFolder, name: str, data: "TrialData") -> dict[str, Any]:
    import numpy as np
    import torch  # torch and scikit-learn take seconds: imported only if a picture is missing
    from sklearn.decomposition import PCA

    from trainers.stages.batches import to_device

    checkpoint, predictor = kept_model(folder, data.fingerprint)
    validation = to_device(data.validation, len(data.class_names), torch.device("cpu"))
    draws = np.random.default_rng(derive_seed(checkpoint.config["data"]["seed"], "embedding", 0))
    chosen = torch.from_numpy(np.sort(draws.permutation(len(validation.labels))[:MOST]))
    features = predictor.features(validation.images[chosen]).numpy()
    if min(features.shape) < 2:
        raise InputError("two features and two images are needed")
    projection = PCA(2, svd_solver="full").fit(features)
    return {
        "method": "PCA",
        "checkpoint": name,
        "fingerprint": data.fingerprint,
        "explained": projection.explained_variance_ratio_.round(4).tolist(),
        "class_names": list(data.class_names),
        "labels": validation.labels[chosen].tolist(),
        "points": projection.transform(features).round(4).tolist(),
    }


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _figure(trial: Trial, stored: dict[str, Any]) -> go.Figure:
    traces = []
    for label, name in enumerate(stored["class_names"]):
        points = [point for point, own in zip(stored["points"], stored["labels"], strict=True) if own == label]
        traces.append(
            {
                "type": "scatter",
                "x": [x for x, _ in points],
                "y": [y for _, y in points],
                "mode": "markers",
                "marker": {"size": 5, "opacity": 0.75},
                "name": in_figure(name),
                "showlegend": True,
                "hovertemplate": "%{fullData.name}<extra></extra>",
            }
        )
    figure = go.Figure(traces)
    first, second = stored["explained"]
    figure.update_layout(
        title={"text": f"{named(trial)}: {first + second:.0%} of the variance", "font": {"size": 14}},
        xaxis={"showticklabels": False, "title": {"text": f"first component ({first:.0%})"}},
        yaxis={"showticklabels": False, "title": {"text": f"second component ({second:.0%})"}},
        margin={"t": 45},
        height=400,
    )
    return figure
