"""Make the fixture: drawn images of ISIC 2018 Task 3's seven classes, and what its official scorer says of them.

It was run once, in a virtual environment of its own with isic-challenge-scoring 5.6.0, pandas 2.3.3 and scikit-learn
1.9.1 (Python 3.11), as `python make.py`. The scorer is no dependency of ours, and fails with pandas 3.
"""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from isic_challenge_scoring.classification import ClassificationMetric, ClassificationScore

HERE = Path(__file__).parent
NAMES = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
SIZES = [18, 50, 14, 12, 16, 10, 10]


def drawn() -> pd.DataFrame:
    """Probabilities of three digits, so that they tie; no two of an image are its highest, which the scorer refuses."""
    draws = np.random.default_rng(2018)
    truth = np.repeat(np.arange(7), SIZES)
    logits = draws.normal(size=(len(truth), 7))
    logits[np.arange(len(truth)), truth] += draws.uniform(0, 5, len(truth))
    parts = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    parts = np.clip(parts.round(3), 0.001, None)
    assert all((np.sort(row)[-1] > np.sort(row)[-2]) for row in parts)
    found = pd.DataFrame(parts, columns=NAMES)
    found.insert(0, "class", np.array(NAMES)[truth])
    found.insert(0, "image", [f"ISIC_9{k:06d}" for k in range(len(truth))])
    return found


def official(images: pd.DataFrame) -> dict[str, object]:
    """What the scorer says, by measure and class."""
    truth = pd.DataFrame({"image": images["image"]} | {name: (images["class"] == name) * 1.0 for name in NAMES})
    streams = (StringIO(one.to_csv(index=False)) for one in (truth, images.drop(columns="class")))
    score = ClassificationScore.from_stream(*streams, ClassificationMetric.BALANCED_ACCURACY)
    told = score.to_dict(rocs=False)
    return told["per_category"] | {"balanced_accuracy": told["aggregate"]["balanced_accuracy"]}


images = drawn()
images.to_csv(HERE / "images.csv", index=False)
sure = images[images[NAMES].max(axis=1) > 0.5]
scores = {"all": official(images), "sure": official(sure)}
(HERE / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
