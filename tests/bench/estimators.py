"""Which linear classifier tells best what an encoder's features are worth: the table behind `classifier.l2: auto`.

    python tests/bench/estimators.py [--seeds N] [--minutes M] [--only CELL ...] [--anew]

Each encoder is trained once per (cell, seed), with CL where the seed is even and AFCL where it is odd, and its features
of training and test images are kept. Then every estimator is fitted on the same features, so that differences between
estimators are paired. None of the pairs of classes is the one that suggested the candidates (T-shirt/top and Shirt).

    adamw    stage two's classifier: 20 epochs of AdamW, no penalty
    probe    stage one's probe beside it: L-BFGS, at most 30 iterations, l2 = .001
    min      logistic regression to convergence, l2 = 1/N_min, where N_min counts the rarest class's images
    eff      the same, l2 = 1/N_eff, where N_eff = (sum of w)^2 / sum of w^2 over the images' weights
    class    the same, l2 = C/N_eff, for C classes (added when the first seed of each pair had been seen)
    dims     the same, l2 = D/(32 N_eff), for D features
    dof      the same, l2 = 1/N_eff, raised until each effective parameter has four effective images: today's `auto`
    cv       the same, l2 of eight values, by the weighted log loss in five stratified folds of the training images
    lda      linear discriminant analysis, the covariance shrunk as Ledoit and Wolf have it, all classes equally likely

A run that was ended goes on where it was, and a new one with what the published table lacks: features and scores of
each (cell, seed) are files of their own. The page says how many seeds each cell had.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from estimator_cells import CELLS, GROUPS, ON_REQUEST, WORK, Cell, trial_config, wanted
from estimator_page import LATER, ORDER, lines, read_rows, rounded
from measure import OUT
from scipy.optimize import minimize
from torch import Tensor

from trainers.config import ClassifierConfig, TrialConfig
from trainers.contrastive_loss import contrastive_loss
from trainers.data import load, load_test
from trainers.data.arrays import Split
from trainers.data.transforms.augment import Normaliser, unit
from trainers.files import write_atomically
from trainers.models import LinearClassifier
from trainers.stages import classifier as stage_two
from trainers.stages import representation as stage_one
from trainers.stages.batches import DeviceSplit, class_weights, to_device
from trainers.stages.logistic import fit_logistic, value_and_gradient
from trainers.stages.metrics import evaluate
from trainers.stages.penalty import raised_penalty
from trainers.stages.probe import fit_probe

ADAMW = {"solver": "adamw"} if "solver" in ClassifierConfig.model_fields else {}
GRID = (1.0, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4)  # each fit starts from the one before
FOLDS = 5
CPU = torch.device("cpu")
ABOUT = """Written by `tests/bench/estimators.py`, whose head says what each estimator is; `estimators.json` has every
row. Of each cell and seed one encoder was trained, in float32 (16 epochs, 1,000 images of a pair of classes; CL at even
seeds, AFCL with η = 60, γ = 2 at odd ones), and all estimators were fitted on its features. The script, run again, goes
on with what is lacking, up to 20 seeds a cell. Other encoders than `small` of width 8, and the clip art (200 training
images of 32 x 32 pixels), are measured only where `--only ResNet width clip` asks for them.

`auto` is dof. It was chosen in two steps.

**First eff, on `small` of width 8.** In the mean over its cells without clip art eff is ahead of the other penalties:
by .0042 ± .0009 of min, which is far behind with many classes of which one is tiny, and by .0013 ± .0011 of cv, which
has forty fits for one. It is not distinguishable from class (.0006 ± .0007), and was chosen for the worst case: with
nine classes of 300 images and one of 3 it is .0148 ahead of class. Against AdamW eff loses up to .019 where a pair has
20 images of one class, and gains up to .016 with few images of many classes; the mean is equal. Discriminant analysis
(lda) is .0011 ± .0010 better than eff in the mean; it is no penalty of this objective, so it is a lead and no choice
here.

**Then dof, as eff was wrong with ResNet-18**: .03 and .08 below AdamW on the first two of its cells, with AUROC nearly
equal, so that the threshold was lost. A penalty that grows with the number of features (dims) mends these two. But it
is wrong too: with the 256 features of a wide `small` it loses what it gains with a ResNet. What the two encoders differ
in is not how many features they have, but how many of them the fit uses. At 1/N_eff it has .6 and 1.8 effective
parameters for each effective image in the two cells of the ResNet, and .03 to .3 with `small`. So dof raises the
penalty until each has four effective images; four was chosen, among 2, 3, 4, 5, 6 and 8, on the two cells of the
ResNet, two seeds of each cell of width 8 (four of clip art), seed 0 of width 64 and seed 0 of the ResNet on digits.
With three and five the mean gain was a fifth less and a sixth more, and with five AUROC lost more. MacKay's evidence
(1992) as a choice of the penalty was tried on the same: as good with the ResNet, .011 worse than eff with width 64.

**On fresh cells**, which suggested nothing, dof gains with ResNet-18 and loses nothing with width 64. In the mean over
eight cells each its balanced accuracy is, with ResNet-18 (one or two seeds) and with width 64 (three seeds): .0112 ±
.0024 and .0007 ± .0049 above eff, in the worst cell .0023 and .0042 below; .0120 ± .0079 and .0133 ± .0051 above AdamW;
.0074 ± .0076 and .0100 ± .0089 above cv. AUROC is that of eff. With so few seeds the intervals are rough. Seeds that
were looked at before four was fixed are not among them. With width 64 lda is ahead of dof, by .0071 ± .0080."""
Scores = dict[str, float]


@dataclass(frozen=True)
class Features:
    """[N, feature_dim] float32 and labels of training and test images."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: int

    @property
    def weights(self) -> Tensor:
        """Of the classes, all of which count alike."""
        return class_weights(self.train_labels, self.classes)


def features_of(cell: Cell, seed: int, work: Path) -> Features:
    """The features of a trained encoder, from the file where it was trained before."""
    path = work / f"{cell.slug}-{seed:02}.npz"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez(file, **train(trial_config(cell, seed)))
        part.rename(path)
    with np.load(path) as held:
        tensors = {name: torch.from_numpy(held[name]) for name in ("train", "train_labels", "test", "test_labels")}
        return Features(**tensors, classes=int(held["classes"]))


def train(config: TrialConfig) -> dict[str, Any]:
    """Stage one of a trial, and the features of its encoder in float32."""
    data, test = load(config.data), load_test(config.data)
    classes, one = len(data.class_names), config.representation
    there = to_device(data.train, classes, CPU)
    normalise = Normaliser.of(there.images, CPU)
    stage = stage_one.new_representation(config.model, one, there.images.shape[1], config.seed, CPU)
    loss = contrastive_loss(config)
    for epoch in range(1, one.epochs + 1):
        stage_one.train_one_epoch(stage, there, normalise, loss, one, epoch, config.seed)
    stage.encoder.eval()

    @torch.no_grad()
    def encoded(split: Split) -> np.ndarray:
        images = to_device(split, classes, CPU).images.split(stage_two.FEATURE_BATCH)
        inputs = (normalise(unit(some)).contiguous(memory_format=torch.channels_last) for some in images)
        return torch.cat([stage.encoder(some) for some in inputs]).numpy()

    return {
        "train": encoded(data.train),
        "train_labels": data.train.labels,
        "test": encoded(test),
        "test_labels": test.labels,
        "classes": classes,
    }


def fit_adamw(have: Features, seed: int) -> LinearClassifier:
    """Stage two as `solver: adamw` has it."""
    config = ClassifierConfig(**ADAMW)
    split = DeviceSplit(torch.empty(len(have.train), 0), have.train_labels, have.classes)
    fitted, optimizer = stage_two.new_classifier(have.train, have.classes, config)
    for epoch in range(1, config.epochs + 1):
        stage_two.train_one_epoch(fitted, optimizer, have.train, split, config, epoch, seed)
    return fitted


def by_cross_validation(have: Features) -> float:
    """The l2 of `GRID` with the least weighted log loss over five stratified folds."""
    folds = torch.zeros(len(have.train), dtype=torch.int64)
    for label in range(have.classes):
        members = torch.nonzero(have.train_labels == label).flatten()
        folds[members] = torch.arange(len(members)) % FOLDS
    of_images = have.weights.double()[have.train_labels]
    losses = dict.fromkeys(GRID, 0.0)
    for fold in range(FOLDS):
        inside, outside = folds != fold, folds == fold
        frame = LinearClassifier(have.train.shape[1], have.classes)
        frame.standardise_by(have.train[inside])
        x = (have.train.double() - frame.mean) / frame.scale
        labels, share = have.train_labels, of_images[inside] / of_images[inside].sum()
        at = np.zeros(have.classes * (x.shape[1] + 1))
        for l2 in GRID:
            at = _minimum(at, x[inside], labels[inside], have.classes, l2, share)
            parameters = torch.from_numpy(at).reshape(have.classes, -1)
            losses[l2] += float(value_and_gradient(parameters, x[outside], labels[outside], 0.0, of_images[outside])[0])
    return min(GRID, key=losses.__getitem__)


def _minimum(start: np.ndarray, x: Tensor, labels: Tensor, classes: int, l2: float, share: Tensor) -> np.ndarray:
    """The minimum of one fold's objective, near enough to be scored."""

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(torch.from_numpy(at).reshape(classes, -1), x, labels, l2, share)
        return float(value), gradient.flatten().numpy()

    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-4, "maxiter": 300})
    at: np.ndarray = found.x
    return at


def lda_scores(have: Features) -> Tensor:
    """Logits of the test images by discriminant analysis on standardised features."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    frame = LinearClassifier(have.train.shape[1], have.classes)
    frame.standardise_by(have.train)
    train, test = (((some - frame.mean) / frame.scale).double().numpy() for some in (have.train, have.test))
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(have.classes, 1 / have.classes))
    model.fit(train, have.train_labels.numpy())
    return torch.from_numpy(model.predict_log_proba(test)).float()


def fits(have: Features, seed: int) -> dict[str, Callable[[], tuple[LinearClassifier, float]]]:
    """Each estimator but lda by its name: what fits it and returns it with its l2, 0 where it has none."""
    weights = have.weights
    counts = torch.bincount(have.train_labels, minlength=have.classes)
    of_images = weights[have.train_labels].double()
    effective = float(of_images.sum() ** 2 / of_images.square().sum())
    penalties: dict[str, Callable[[], float]] = {
        "min": lambda: 1 / int(counts.min()),
        "eff": lambda: 1 / effective,
        "class": lambda: have.classes / effective,
        "dims": lambda: have.train.shape[1] / 32 / effective,
        "dof": lambda: raised_penalty(have.train, have.train_labels, have.classes, 1 / effective, weights),
        "cv": lambda: by_cross_validation(have),
    }

    def logistic(l2_of: Callable[[], float]) -> tuple[LinearClassifier, float]:
        l2 = l2_of()
        return fit_logistic(have.train, have.train_labels, have.classes, l2, weights), l2

    return {
        "adamw": lambda: (fit_adamw(have, seed), 0.0),
        "probe": lambda: (fit_probe(have.train, have.train_labels, have.classes), 1e-3),
        **{name: partial(logistic, l2_of) for name, l2_of in penalties.items()},
    }


def scores_of(have: Features, seed: int, wanted: Collection[str]) -> Iterator[tuple[str, Scores]]:
    """The wanted estimators with their test scores, the seconds of their fits and, where they have one, their l2."""
    for name, fit in fits(have, seed).items():
        if name in wanted:
            started = time.perf_counter()
            fitted, l2 = fit()
            seconds = time.perf_counter() - started
            with torch.no_grad():
                yield name, _scores(fitted(have.test), have.test_labels) | {"seconds": seconds, "l2": l2}
    if "lda" in wanted:
        started = time.perf_counter()
        logits = lda_scores(have)
        yield "lda", _scores(logits, have.test_labels) | {"seconds": time.perf_counter() - started}


def _scores(logits: Tensor, labels: Tensor) -> Scores:
    metrics, _ = evaluate(logits, labels)
    return {name: metrics[name] for name in ("balanced_accuracy", "auroc")}


def measure(cell: Cell, seed: int, work: Path) -> None:
    """Leave the rows of one encoder in a file; of one that is there, only those that it lacks are taken."""
    path = work / f"{cell.slug}-{seed:02}.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    found = {row["estimator"]: row for row in rows}
    if cell.features == 32 and "eff" in found:
        found["dims"] = found["eff"] | {"estimator": "dims"}  # the same penalty
    if lacking := {*ORDER, *LATER} - found.keys():
        scores = scores_of(features_of(cell, seed, work), seed, lacking)
        found |= {name: {"cell": cell.name, "seed": seed, "estimator": name, **one} for name, one in scores}
    if len(found) > len(rows):
        write_atomically(path, json.dumps(list(found.values())).encode())


def take_up(published: Path, work: Path) -> None:
    """Leave the rows of the published table in the work folder, as if they had been measured there."""
    names = {cell.name: cell.slug for cell in (*CELLS, *ON_REQUEST)}
    found: dict[Path, list[dict[str, Any]]] = {}
    rows = json.loads(published.read_text()) if published.exists() else ()
    for row in (row for row in rows if row["cell"] in names):
        found.setdefault(work / f"{names[row['cell']]}-{row['seed']:02}.json", []).append(row)
    for path, rows in found.items():
        if not path.exists():
            write_atomically(path, json.dumps(rows).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=None, help="stop after so many; a later call goes on")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="CELL", help="cells whose names hold one of these words"
    )
    parser.add_argument("--anew", action="store_true", help="take up nothing of the published table")
    parser.add_argument("--work", type=Path, default=WORK, help="where features and scores are kept")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    if not given.anew:
        take_up(OUT / "estimators.json", given.work)
    ends = None if given.minutes is None else time.monotonic() + 60 * given.minutes
    for seed in range(given.seeds):  # so that what was measured by the end is balanced
        for cell in wanted(given.only):
            if seed >= cell.first_seed and (ends is None or time.monotonic() < ends):
                measure(cell, seed, given.work)
        print(f"seed {seed} done", flush=True)
    rows = read_rows(given.work)
    groups = {words: [cell.name for cell in cells] for words, cells in GROUPS.items()}
    page = "\n".join(lines(rows, groups, ABOUT)) + "\n"
    before = (OUT / "estimators.md").read_text() if (OUT / "estimators.md").exists() else ""
    _, heading, taus = before.partition("\n## Kendall's tau")  # tests/replay/probe_order.py's part
    write_atomically(OUT / "estimators.md", (page + heading + taus).encode())
    write_atomically(OUT / "estimators.json", rounded(rows).encode())


if __name__ == "__main__":
    main()
