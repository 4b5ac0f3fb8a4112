"""The same search on stock Ray Tune (ASHAScheduler, OptunaSearch, Tuner.restore) and on ours, each killed once.

Prints the epochs that each computed, undisturbed and killed: what a restart costs. One slot, digits, the same pipeline,
space, stage lengths, rungs and seed; the two samplers draw differently, so each is held against itself.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from killing import kill, run, start, wait_for_lines
from rich.console import Console
from rich.table import Table

from search.storage.search_folder import SearchFolder

TRIALS, EPOCHS, GRACE, REDUCTION = 24, 12, 1, 2
SPEC = [
    "digits",
    "--set",
    f"search.trials={TRIALS}",
    "--set",
    "search.baselines=[]",
    "--set",
    "search.max_concurrent=1",
]
SPEC += ["--set", f"representation.epochs={EPOCHS}"]


def main() -> None:
    """Run all four searches and print their epochs."""
    table = Table("search", "epochs, undisturbed", "epochs, killed at half and restored", "trials known at the end")
    with tempfile.TemporaryDirectory(prefix="afcl-stock-") as name:
        root = Path(name)
        table.add_row("stock Ray Tune", *stock(root / "stock"))
        table.add_row("afcl", *ours(root / "ours"))
    Console().print(table)


def ours(root: Path) -> tuple[str, str, str]:
    """Epochs of our search, undisturbed and killed, and how many trials its journal has."""
    run("search", *SPEC, results=root / "whole")
    whole = computed(root / "whole" / "digits")
    folder = SearchFolder(root / "killed" / "digits")
    process = start("search", *SPEC, results=root / "killed")
    wait_for_lines(process, folder.journal, whole, random.Random(0))  # a line an epoch and some more: about half way
    kill(process, with_workers=True)
    run("resume", "digits", results=root / "killed")
    return str(whole), str(computed(folder.path)), str(len(folder.history().trials))


def computed(folder: Path) -> int:
    """Epochs that the trials computed: each logs a line when it has, recomputed ones again."""
    return sum(log.read_text().count("\nepoch ") for log in folder.glob("trials/*/log.txt"))


def stock(root: Path) -> tuple[str, str, str]:
    """Epochs of the stock search, undisturbed and killed, and how many trials Ray knows at the end."""
    for kind in ("whole", "killed"):
        (root / kind).mkdir(parents=True)
    subprocess.run(stock_command(root / "whole"), check=True, capture_output=True)
    whole = lines(root / "whole")
    process = subprocess.Popen(stock_command(root / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while lines(root / "killed") < whole // 2 and process.poll() is None:
        time.sleep(0.01)
    kill(process, with_workers=True)
    subprocess.run(stock_command(root / "killed"), check=True, capture_output=True)
    return str(whole), str(lines(root / "killed")), (root / "killed" / "trials").read_text()


def lines(folder: Path) -> int:
    """Epochs that the stock trials computed: a line each."""
    epochs = folder / "epochs"
    return epochs.read_text().count("\n") if epochs.exists() else 0


def stock_command(folder: Path, trials: int = TRIALS, epochs: int = EPOCHS, slots: int = 1) -> list[str]:
    """What to start to run or restore the stock search in a process of its own."""
    return [sys.executable, __file__, "stock", str(folder), str(trials), str(epochs), str(slots)]


def stock_search(folder: Path, trials: int, epochs: int, slots: int) -> None:
    """Run or restore the stock search as its documentation shows."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from spaces.spec import load_spec
    from trainers.data import load

    spec = load_spec("digits", [f"representation.epochs={epochs}"])
    data = load(spec.data)

    def trainable(config: dict[str, float]) -> None:
        from trainers.checkpoint import newest_checkpoint, save_checkpoint
        from trainers.config import METRIC
        from trainers.pipeline import run_trial

        resume = None
        if (checkpoint := tune.get_checkpoint()) is not None:
            with checkpoint.as_directory() as path:
                resume = newest_checkpoint(Path(path))
        held = tempfile.mkdtemp()

        def report(step: int, metrics: dict[str, float]) -> None:
            if resume is not None and step == resume.epoch:
                return
            with (folder / "epochs").open("a") as file:
                file.write(f"{step}\n")
            tune.report({"epoch": step, METRIC: metrics[METRIC]}, checkpoint=tune.Checkpoint.from_directory(held))

        run_trial(spec.trial_config(config), data, report, resume, save=lambda c: save_checkpoint(c, Path(held)))

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False)
    space = {
        "loss.eta": tune.loguniform(1, 300),
        "loss.gamma": tune.uniform(0.5, 10),
        "loss.temperature": tune.loguniform(0.03, 1),
    }
    experiment = folder / "ray" / "stock"
    if (experiment / "tuner.pkl").exists():
        tuner = tune.Tuner.restore(str(experiment), trainable, resume_unfinished=True)
    else:
        scheduler = ASHAScheduler(
            time_attr="epoch", grace_period=GRACE, reduction_factor=REDUCTION, max_t=spec.base.last_epoch
        )
        tuner = tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="val_balanced_accuracy",
                mode="max",
                num_samples=trials,
                search_alg=OptunaSearch(seed=0),
                scheduler=scheduler,
                max_concurrent_trials=slots,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(name="stock", storage_path=str(folder / "ray"), verbose=0),
        )
    (folder / "trials").write_text(str(len(tuner.fit())))


if __name__ == "__main__":
    if sys.argv[1:2] == ["stock"]:
        stock_search(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        main()
