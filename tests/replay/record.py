"""Record the learning curves of real trials as one table, for the backend that replays them (`make record`).

Two hundred configurations of the demo's space, drawn at random, run on Fashion-MNIST's T-shirt/top against Shirt, in
both regimes: 900:100 and 980:20 training images. Each runs in six cells. A cell is a seed of the split and of the
initialisation. Cell 0 is the same for all configurations, as in a search whose trials share one; the other five are
each configuration's own. Nothing is stopped early.

The table has a row for each epoch of stage one and each estimator, and one for the final classifier, with the scores
on the validation and on the test images. The estimators learn from all training images, on standardised features:

    probe    that of `solver: adamw`: L-BFGS, at most 30 iterations, l2 = .001
    min      L-BFGS to convergence, l2 = 1/N_min, where N_min counts the rarest class's images
    eff      L-BFGS to convergence, l2 = 1/N_eff, where N_eff = (sum of w)^2 / sum of w^2 over the images' weights
    final    stage two's classifier at its last epoch, with `solver: adamw`

A killed recording goes on where it was: each (regime, configuration, cell) is a file of its own until it stands in the
table. A table of the first configurations is a whole table of fewer.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.progress import Progress

from search.algorithms.proposer import SearchAgenda
from search.journal.history import History, Trial
from spaces.spec import SearchSpec, load_spec
from trainers.config import TrialConfig
from trainers.contrastive_loss import contrastive_loss
from trainers.data import load, load_test
from trainers.data.arrays import TrialData
from trainers.data.transforms.augment import Normaliser, unit
from trainers.errors import DivergedError
from trainers.models import LinearClassifier
from trainers.seeds import derive_seed
from trainers.stages import classifier as stage_two
from trainers.stages import representation as stage_one
from trainers.stages.batches import DeviceSplit, class_weights, to_device
from trainers.stages.encoder_training import Encoder
from trainers.stages.metrics import evaluate
from trainers.stages.probe import fit_probe

REGIMES = ("900:100", "980:20")
CONFIGURATIONS, CELLS = 200, 6
CONVERGED = 500  # iterations; far fewer are used
ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "results" / "curves" / "curves.parquet"
PARTS = ROOT / "results" / "curves" / "parts"
CPU = torch.device("cpu")
Row = dict[str, Any]


def regime_spec(regime: str) -> SearchSpec:
    """The demo's spec with random search and AdamW's classifier, at a regime's ratio."""
    ratio = [int(count) // 10 for count in regime.split(":")]
    changes = ["search.sampler=random", "search.baselines=[]", "classifier.solver=adamw", "data.val_per_class=250"]
    return load_spec("demo", [f"data.ratio={ratio}", *changes])


@cache
def configurations(regime: str, count: int = CONFIGURATIONS) -> list[dict[str, Any]]:
    """The first `count` draws of random search: values by path."""
    agenda, history = SearchAgenda(regime_spec(regime), 1), History()
    drawn: list[dict[str, Any]] = []
    for number in range(count):
        question = agenda.question(number, history)
        history.trials[number] = Trial(number, "CL", False, question.values, {}, 0)
        drawn.append(question.values)
    return drawn


def cell_seed(configuration: int, cell: int) -> int:
    """The seed of split and initialisation: 0 for all in cell 0, each configuration's own in the others."""
    return 0 if cell == 0 else derive_seed(0, "curves", configuration, cell)


def trial_config(regime: str, configuration: int, cell: int) -> TrialConfig:
    """What a trial of that configuration in that cell runs by."""
    config = regime_spec(regime).trial_config(configurations(regime)[configuration])
    seed = cell_seed(configuration, cell)
    return config.model_copy(update={"seed": seed, "data": config.data.model_copy(update={"seed": seed})})


@torch.no_grad()
def scores(fitted: LinearClassifier, features: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Scores of a linear classifier on one split whose classes are of equal size."""
    logits = fitted(features)
    metrics, _ = evaluate(logits, labels)
    log_p = logits.double().log_softmax(1)[torch.arange(len(labels)), labels]
    return {
        "balanced_accuracy": metrics["balanced_accuracy"],
        "accuracy": metrics["accuracy"],
        "auroc": metrics["auroc"],
        "log_loss": -log_p.mean().item(),
        "soft_accuracy": log_p.exp().mean().item(),  # the mean probability of the true class
    }


def estimators(labels: torch.Tensor, classes: int) -> dict[str, tuple[int, float]]:
    """Iterations at most and l2 of each estimator on training labels."""
    weight = class_weights(labels, classes)[labels].double()
    effective = float(weight.sum() ** 2 / weight.square().sum())
    rarest = int(torch.bincount(labels, minlength=classes).min())
    return {"probe": (30, 1e-3), "min": (CONVERGED, 1 / rarest), "eff": (CONVERGED, 1 / effective)}


def curves(config: TrialConfig, data: TrialData, test: DeviceSplit) -> Iterator[Row]:
    """Rows of one trial, as `trainers.pipeline` would run it; fewer where it diverges."""
    classes = len(data.class_names)
    train, validation = to_device(data.train, classes, CPU), to_device(data.validation, classes, CPU)
    normalise = Normaliser.of(train.images, CPU)
    one = config.representation
    stage = stage_one.new_representation(config.model, one, train.images.shape[1], config.seed, CPU)
    loss = contrastive_loss(config)
    known = estimators(train.labels, classes)
    splits = [as_encoded(split.images, normalise) for split in (train, validation, test)]

    def rows(epoch: int, estimator: str, fitted: LinearClassifier, there: list[torch.Tensor]) -> Iterator[Row]:
        for name, split, features in zip(("val", "test"), (validation, test), there, strict=True):
            yield {"epoch": epoch, "estimator": estimator, "split": name, **scores(fitted, features, split.labels)}

    for epoch in range(1, one.epochs + 1):
        stage_one.train_one_epoch(stage, train, normalise, loss, one, epoch, config.seed)
        features, *there = (encode(stage.encoder, images) for images in splits)
        for name, (iterations, l2) in known.items():
            yield from rows(epoch, name, fit_probe(features, train.labels, classes, iterations, l2), there)
    classifier, optimizer = stage_two.new_classifier(features, classes, config.classifier)
    for epoch in range(1, config.classifier.epochs + 1):
        stage_two.train_one_epoch(classifier, optimizer, features, train, config.classifier, epoch, config.seed)
    yield from rows(one.epochs, "final", classifier, there)


def as_encoded(images: torch.Tensor, normalise: Normaliser) -> list[torch.Tensor]:
    """A split's images as `trainers.stages.classifier.encode` hands them to the encoder, made once for all epochs."""
    return [
        normalise(unit(some)).contiguous(memory_format=torch.channels_last)
        for some in images.split(stage_two.FEATURE_BATCH)
    ]


@torch.no_grad()
def encode(encoder: Encoder, images: list[torch.Tensor]) -> torch.Tensor:
    """Features [N, feature_dim] of a split, to the bits of `trainers.stages.classifier.encode`."""
    encoder.eval()
    return torch.cat([encoder(some) for some in images])


@cache
def test_of(regime: str) -> DeviceSplit:
    """The test images of both classes."""
    split = load_test(regime_spec(regime).data)
    return to_device(split, 2, CPU)


def record(regime: str, configuration: int, cell: int, folder: Path) -> Path:
    """Run one trial and leave its rows in a file; nothing where it is there."""
    path = folder / f"{regime.replace(':', '-')}-{configuration:03}-{cell}.parquet"
    if path.exists():
        return path
    torch.set_num_threads(1)
    config = trial_config(regime, configuration, cell)
    made: list[Row] = []
    with_failure = None
    try:
        made.extend(curves(config, load(config.data), test_of(regime)))  # those before a failure stay
    except DivergedError as error:
        with_failure = str(error)
    table = pd.DataFrame(made or [{"epoch": 0, "estimator": "none", "split": "val"}])
    table.insert(0, "regime", regime)
    table.insert(1, "configuration", configuration)
    table.insert(2, "cell", cell)
    table["failure"] = with_failure
    partial_path = path.with_suffix(f".{os.getpid()}.partial")
    table.to_parquet(partial_path)
    partial_path.rename(path)
    return path


def joined(parts: Path, table: Path) -> pd.DataFrame:
    """All that has been recorded, with the searched values beside the scores, in the order of the keys."""
    found = [part for path in sorted(parts.glob("*.parquet")) if not (part := pd.read_parquet(path)).empty]
    fresh = pd.concat([part.assign(failure=part["failure"].astype("string")) for part in found], ignore_index=True)
    values = pd.DataFrame(
        [
            {"regime": regime, "configuration": number, **values}
            for regime in REGIMES
            for number, values in enumerate(configurations(regime))
        ]
    )
    fresh = fresh.merge(values, on=["regime", "configuration"])
    scores_ = fresh.select_dtypes("float64").columns.difference(values.columns)
    fresh[scores_] = fresh[scores_].astype("float32")
    if table.exists():
        fresh = pd.concat([pd.read_parquet(table), fresh], ignore_index=True)
    keys = ["regime", "configuration", "cell", "epoch", "estimator", "split"]
    return fresh.drop_duplicates(keys).sort_values(keys, ignore_index=True)


def in_table(table: Path) -> set[tuple[str, int, int]]:
    """The trials that the table has."""
    if not table.exists():
        return set()
    keys = pd.read_parquet(table, columns=["regime", "configuration", "cell"]).drop_duplicates()
    return set(keys.itertuples(index=False, name=None))


def record_all(
    record_one: Callable[..., object], work: Sequence[tuple[object, ...]], processes: int, minutes: float | None
) -> None:
    """Call a function with each of its arguments in processes, until the minutes are over; None: to the end."""
    ends = None if minutes is None else time.monotonic() + 60 * minutes
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool, Progress() as progress:
        task = progress.add_task("trials", total=len(work))
        for done in as_completed([pool.submit(record_one, *one) for one in work]):
            done.result()
            progress.advance(task)
            if ends is not None and time.monotonic() > ends:
                pool.shutdown(cancel_futures=True)
                print("the time is up: say the same again to go on")
                break


def main() -> None:
    """Record what is lacking, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configurations", type=int, default=CONFIGURATIONS)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--parts", type=Path, default=PARTS, help="where unfinished work stands")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--minutes", type=float, default=None, help="stop after so many; a later call goes on")
    given = parser.parse_args()
    given.parts.mkdir(parents=True, exist_ok=True)
    work = [
        (regime, number, cell)
        for number in range(given.configurations)  # so that a part of the table is a smaller table
        for cell in range(CELLS)
        for regime in REGIMES
    ]
    there = in_table(given.table)
    work = [one for one in work if one not in there]
    record_all(record, [(*one, given.parts) for one in work], given.processes, given.minutes)
    given.table.parent.mkdir(parents=True, exist_ok=True)
    joined(given.parts, given.table).to_parquet(given.table, compression="zstd", index=False)
    print(f"{given.table}: {given.table.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
