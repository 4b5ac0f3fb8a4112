"""A search whose trials really ran, without Ray, and a confirmation of it whose scores are told by hand."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from told_trials import told_value

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.engine.paired_runs import PairedAgenda, paired_spec
from search.evidence.candidates import CONFIRMS, as_plan, candidates
from search.storage.provenance import about_data, provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import Scores
from search.worker.trial_files import LocalTrial
from spaces.spec import load_spec
from trainers.config import TrialConfig
from trainers.data import load
from trainers.launch.local_processes import run_trial_on
from trainers.trial_result import result_of

ONE = ["search.trials=0", "search.baselines=[CL]", "space={}", "representation.epochs=2", "model.width=4"]
SEEDS = [11, 12]


def scored_search(root: Path, name: str = "scored") -> SearchFolder:
    """A finished search of one trial, whose checkpoint is kept."""
    spec = load_spec("digits", ONE, name=name)
    arrays = load(spec.data)
    folder = create_folder(root, spec, provenance(about_data(arrays)))
    conductor = Conductor(spec, folder.history(), folder.open_journal(), SearchAgenda(spec, 1))
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        files = LocalTrial(folder.trial(trial.number).path)
        config = TrialConfig.model_validate(trial.config)
        tell = lambda step, metrics, number=trial.number: conductor.result(number, step, dict(metrics))  # noqa: E731
        run_trial_on(1, config, arrays, tell, None, save=files.save)
        files.write_result(asdict(result_of(files.newest(), torch.device("cpu"))))
    conductor.close("done")
    return folder


def confirmed(folder: SearchFolder, told: dict[int, Scores | None]) -> SearchFolder:
    """Confirm its best by what is told of each seed; None leaves no scores, as older versions did."""
    history = folder.history()
    chosen = candidates(history, 1)
    spec = paired_spec(folder.spec(), folder.next_confirmation().name)
    noted = {CONFIRMS: as_plan(chosen, list(told)) | {"test": "", "allowed": []}}
    inside = create_folder(folder.path, spec, folder.about()["provenance"], noted=noted)
    agenda = PairedAgenda(history.trials, chosen, list(told))
    conductor = Conductor(spec, inside.history(), inside.open_journal(), agenda)
    conductor.open()
    for scores in told.values():
        trial = conductor.next_trial()
        if scores is not None:
            inside.trial(trial.number).write_scores(scores)
        for epoch in range(1, spec.base.last_epoch + 1):
            conductor.result(trial.number, epoch, told_value(conductor, 0.5))
    conductor.close("done")
    return inside


def scores_of(validation: list[tuple[float, int]], test: list[tuple[float, int]]) -> Scores:
    """Of the probability of class 0 and the label of each image, with three classes."""

    def both(split: list[tuple[float, int]]):
        shares = np.array([[p, (1 - p) / 2, (1 - p) / 2] for p, _ in split])
        return np.log(shares).astype(np.float32), np.array([label for _, label in split])

    return Scores(*both(validation), *both(test))
