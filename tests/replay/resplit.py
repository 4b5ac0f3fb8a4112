"""Whether the trials of a search should share a split and an initialisation: `data.resplit`, on recorded trials.

    python tests/replay/resplit.py [--configurations N] [--processes P] [--minutes M]

To the recorded table (record.py) come trials of its first configurations in other cells. The arms:

    shared           all trials have one split and one initialisation (the table's cell 0): what a search does
    initialisation   an initialisation for each trial, one split
    split            a split for each trial, one initialisation
    both             both (the table's cell 1)
    pool: split      as split, but all splits are of one pool of 1,250 and 300 images, which is all that a user has
    pool: both       as both, in that pool

The pool is too small for 900:100 with 250 validation images of each class. Random searches are drawn as in deciding.py:
SEARCH configurations, ASHA's rule at the demo's rungs, by the estimator `eff`. A configuration's truth is its mean
balanced accuracy on the test images in the table's cells 2 to 5, which no arm sees. Regret: what the truth of a
search's first lacks to the best of those that it tried. False stops: searches that stopped the best by the truth.

A run that was ended goes on where it was: each trial is a file of its own until it stands in the table.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from deciding import SEARCH, search
from record import (
    CPU,
    REGIMES,
    TABLE,
    Row,
    as_encoded,
    encode,
    estimators,
    record_all,
    regime_spec,
    scores,
    test_of,
    trial_config,
)
from rich.progress import track

from search.algorithms.asha import rung_epochs
from trainers.config import TrialConfig
from trainers.contrastive_loss import contrastive_loss
from trainers.data import load
from trainers.data.arrays import Split, TrialData
from trainers.data.transforms.augment import Normaliser
from trainers.errors import DivergedError
from trainers.seeds import derive_seed
from trainers.stages import representation as stage_one
from trainers.stages.batches import to_device
from trainers.stages.probe import fit_probe

RECORDED = ("initialisation", "split", "pool: split", "pool: both")  # the arms that the table lacks
ARMS = ("shared", "initialisation", "split", "both", "pool: split", "pool: both")
POOL = (1250, 300)
HIDDEN = (2, 3, 4, 5)  # cells of the truth
VALUES = {"metric": "balanced_accuracy", "soft_balanced_accuracy": "soft_accuracy"}
SEARCHES, REPETITIONS = 3000, 100
RESPLIT = TABLE.with_name("resplit.parquet")
PARTS = TABLE.with_name("resplit-parts")
PAGE = TABLE.parents[1] / "bench" / "resplit.md"


def fits(regime: str, arm: str) -> bool:
    """Whether the arm's pool has room for the regime's images."""
    return regime == "980:20" or not arm.startswith("pool")


def config_of(regime: str, configuration: int, arm: str) -> TrialConfig:
    """What the trial of an arm runs by."""
    config, own = trial_config(regime, configuration, 0), derive_seed(0, "resplit", configuration, arm)
    seed = config.seed if arm in ("split", "pool: split") else own
    of_split = config.data.seed if arm == "initialisation" else own
    return config.model_copy(update={"seed": seed, "data": config.data.model_copy(update={"seed": of_split})})


def images_of(config: TrialConfig, arm: str) -> TrialData:
    """The images of a trial: drawn from all, or from the pool."""
    if not arm.startswith("pool"):
        return load(config.data)
    train, validation = ([int(number) for number in part.counts(2)] for part in _parts(load(config.data)))
    room = tuple(have - number for have, number in zip(POOL, validation, strict=True))
    shape = {"seed": 0, "ratio": None, "train_size": None, "counts": room}
    pool = load(config.data.model_copy(update=shape))
    images, labels = (np.concatenate([getattr(part, name) for part in _parts(pool)]) for name in ("images", "labels"))
    draws, chosen = np.random.default_rng(config.data.seed), ([], [])
    for label in range(2):
        order = draws.permutation(np.flatnonzero(labels == label))
        chosen[0].append(order[validation[label] : validation[label] + train[label]])
        chosen[1].append(order[: validation[label]])
    halves = (Split(images[at], labels[at]) for at in map(np.concatenate, chosen))
    return replace(pool, **dict(zip(("train", "validation"), halves, strict=True)))


def _parts(data: TrialData) -> tuple[Split, Split]:
    return data.train, data.validation


def curve(config: TrialConfig, data: TrialData, regime: str) -> Iterator[Row]:
    """Rows of the estimator `eff` at the rungs and at the end; fewer where the trial diverges."""
    spec, test = regime_spec(regime), test_of(regime)
    train, validation = to_device(data.train, 2, CPU), to_device(data.validation, 2, CPU)
    normalise, one = Normaliser.of(train.images, CPU), config.representation
    stage = stage_one.new_representation(config.model, one, train.images.shape[1], config.seed, CPU)
    splits = {
        name: (split, as_encoded(split.images, normalise)) for name, split in (("val", validation), ("test", test))
    }
    learnt = as_encoded(train.images, normalise)
    for epoch in range(1, one.epochs + 1):
        stage_one.train_one_epoch(stage, train, normalise, contrastive_loss(config), one, epoch, config.seed)
        if epoch in (*rung_epochs(spec), one.epochs):
            fitted = fit_probe(encode(stage.encoder, learnt), train.labels, 2, *estimators(train.labels, 2)["eff"])
            for name, (split, images) in splits.items():
                features = encode(stage.encoder, images)
                yield {"epoch": epoch, "split": name, **scores(fitted, features, split.labels)}


def record(regime: str, configuration: int, arm: str, folder: Path) -> None:
    """Run one trial and leave its rows in a file; nothing where it is there."""
    path = folder / f"{regime.replace(':', '-')}-{configuration:03}-{ARMS.index(arm)}.parquet"
    if path.exists():
        return
    torch.set_num_threads(1)
    config, made = config_of(regime, configuration, arm), list[Row]()
    try:
        made.extend(curve(config, images_of(config, arm), regime))
    except DivergedError:
        made = []  # the configuration is left out
    table = pd.DataFrame(made or [{"epoch": 0, "split": "val"}])
    for place, (name, value) in enumerate((("regime", regime), ("configuration", configuration), ("arm", arm))):
        table.insert(place, name, value)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    table.to_parquet(partial)
    partial.rename(path)


def joined(parts: Path, table: Path) -> pd.DataFrame:
    """All that has been recorded."""
    found = [pd.read_parquet(path) for path in sorted(parts.glob("*.parquet"))]
    found = [pd.read_parquet(table), *found] if table.exists() else found
    keys = ["regime", "configuration", "arm", "epoch", "split"]
    whole = pd.concat(found, ignore_index=True).drop_duplicates(keys).sort_values(keys, ignore_index=True)
    numbers = whole.select_dtypes("float64").columns
    return whole.astype(dict.fromkeys(numbers, "float32"))


def arrays_of(
    regime: str, fresh: pd.DataFrame, table: pd.DataFrame
) -> tuple[dict[tuple[str, str], np.ndarray], np.ndarray]:
    """By arm and value [rungs and the end, configurations], and the truth [configurations], of those that have all."""
    table = table[(table["regime"] == regime) & (table["estimator"] == "eff")]
    fresh = fresh[fresh["regime"] == regime]
    epochs = (*rung_epochs(regime_spec(regime)), int(table["epoch"].max()))
    of_table = table.assign(arm=table["cell"].map({0: "shared", 1: "both"}))
    rows = pd.concat([of_table[of_table["arm"].notna()], fresh], ignore_index=True)
    rows = rows[(rows["split"] == "val") & rows["epoch"].isin(epochs)]
    tests = table[(table["split"] == "test") & (table["epoch"] == epochs[-1]) & table["cell"].isin(HIDDEN)]
    truth = tests.pivot(index="configuration", columns="cell", values="balanced_accuracy").dropna().mean(axis=1)
    arms = [arm for arm in ARMS if fits(regime, arm)]
    counts = rows.groupby("configuration").size()
    there = truth.index.intersection(counts.index[counts == len(arms) * len(epochs)])
    found = {}
    for arm in arms:
        for name, column in VALUES.items():
            of_arm = rows[rows["arm"] == arm].pivot(index="epoch", columns="configuration", values=column)
            found[arm, name] = of_arm.loc[list(epochs), there].to_numpy()
    return found, truth[there].to_numpy()


def played(
    values: dict[tuple[str, str], np.ndarray],
    truth: np.ndarray,
    pool: Sequence[int],
    seed: tuple[int, ...],
    searches: int,
) -> np.ndarray:
    """Mean regret and share of false stops [arms and values, 2] of the same searches."""
    draws, total = np.random.default_rng(seed), np.zeros((len(values), 2))
    for _ in range(searches):
        chosen = draws.choice(np.asarray(pool), SEARCH, replace=False)
        for row, seen in enumerate(values.values()):
            found = search(seen[:, chosen], truth[chosen])
            total[row] += found.regret, found.false_stop
    return total / searches


def table_of(regime: str, fresh: pd.DataFrame, table: pd.DataFrame) -> Iterator[str]:
    """The rows of one regime in Markdown."""
    values, truth = arrays_of(regime, fresh, table)
    count, keys = len(truth), list(values)
    if count < 2 * SEARCH:
        return
    mean = played(values, truth, range(count), (0,), SEARCHES)
    repeats = []
    for number in track(range(REPETITIONS), description=regime):
        half = np.random.default_rng((1, number)).permutation(count)[: count // 2]
        repeats.append(played(values, truth, half, (2, number), SEARCHES // 10)[:, 0])
    for row, (arm, value) in enumerate(keys):
        to = keys.index(("shared", value))
        low, high = np.quantile([one[row] - one[to] for one in repeats], [0.025, 0.975])
        less = mean[row, 0] - mean[to, 0]
        against = "" if row == to else f"{1e4 * less:+.0f} ({1e4 * low:+.0f} to {1e4 * high:+.0f})"
        yield f"| {regime} | {count} | {arm} | {value} | {1e4 * mean[row, 0]:.0f} | {against} | {mean[row, 1]:.0%} |"


def page(fresh: pd.DataFrame, table: pd.DataFrame) -> str:
    """The page's text."""
    about = (__doc__ or "").split("\n\n")
    lines = ["# One split and one initialisation for all trials, or one for each", "", about[2], ""]
    lines += [f"```\n{about[3]}\n```", "", about[4].replace("SEARCH", str(SEARCH)), ""]
    lines += [
        f"Regret and differences are in 1/10,000 of balanced accuracy. An interval holds 95 % of {REPETITIONS} "
        "repetitions, each with a random half of the configurations (see deciding.py). There is one shared split and "
        "one shared initialisation, whose own luck no interval covers.",
        "",
        "| regime | configurations | arm | decided by | regret | difference to shared | false stops |",
        "|---|---|---|---|---|---|---|",
    ]
    for regime in REGIMES:
        lines += table_of(regime, fresh, table)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Record what is lacking, then write the table and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=None, help="stop after so many; a later call goes on")
    parser.add_argument("--parts", type=Path, default=PARTS, help="where unfinished work stands")
    parser.add_argument("--table", type=Path, default=TABLE, help="the recorded one")
    parser.add_argument("--out", type=Path, default=RESPLIT)
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    given.parts.mkdir(parents=True, exist_ok=True)
    has = set[tuple[str, int, str]]()
    if given.out.exists():
        has = set(pd.read_parquet(given.out)[["regime", "configuration", "arm"]].itertuples(index=False, name=None))
    work = [
        (regime, number, arm)
        for number in range(given.configurations)
        for regime in REGIMES
        for arm in RECORDED
        if fits(regime, arm) and (regime, number, arm) not in has
    ]
    record_all(record, [(*one, given.parts) for one in work], given.processes, given.minutes)
    fresh = joined(given.parts, given.out)
    fresh.to_parquet(given.out, compression="zstd", index=False)
    text = page(fresh, pd.read_parquet(given.table))
    given.page.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
