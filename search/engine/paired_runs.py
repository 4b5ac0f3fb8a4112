"""Chosen configurations run again on the same fresh seeds, so that their scores are compared in pairs.

A search's last step and its confirmations are such runs. A seed sets the split, the order of the data and the
initialisation. A validation split that the user gives stays the same for all seeds. No run is stopped early.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search.algorithms.proposer import Question
from search.engine.plan import plan_of
from search.engine.prepare import Task
from search.evidence.ablation import Ablation, changed
from search.evidence.candidates import Candidate, every_run
from search.journal.history import History, Trial
from search.storage.provenance import about_data, provenance
from search.storage.results_folder import create_folder
from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec
from trainers.config import TrialConfig
from trainers.data.arrays import Split, TrialData
from trainers.older_configs import as_meant_then

GIVEN_SPLIT = (
    "the validation split is your own and stays: the seeds vary initialisation, order and, where a shape leaves some "
    "out, the training images"
)


class PairedAgenda:
    """The order of the runs: all candidates on the first seed, then all on the second, so that pairs complete early.

    The steps of an ablation run when the candidates have run on all seeds: all steps on the first seed, and so on.
    """

    def __init__(
        self,
        trials: Mapping[int, Trial],
        chosen: Sequence[Candidate],
        seeds: Sequence[int],
        runs: Sequence[tuple[int, int]] | None = None,
        ablation: Ablation | None = None,
    ) -> None:
        """Keep the plan of the runs.

        Args:
            trials: the search's trials, by number.
            chosen: the candidates.
            seeds: the fresh seeds.
            runs: for each run, by number, a pair: the position of its candidate in `chosen` and of its seed in `seeds`.
                None runs all candidates on all seeds.
            ablation: an ablation. The positions after the candidates' are those of its steps.
        """
        self._trials, self._chosen, self._seeds = trials, chosen, seeds
        self._ablation = ablation
        self._runs = every_run(len(chosen), len(seeds)) if runs is None else runs

    def planned(self, history: History) -> int:
        """How many runs there are. Each run is a trial."""
        return len(self._runs)

    def question(self, number: int, history: History) -> Question:
        """The configuration of run `number`: that of its candidate or ablation step, with the run's seed.

        The seed sets split, order and initialisation.
        """
        position, k = self._runs[number]
        seed = self._seeds[k]
        if position < len(self._chosen):
            trial = self._trials[self._chosen[position].trial]
            values, config, what = trial.values, as_meant_then(trial.config), f"trial {trial.number}"
        else:
            assert self._ablation is not None, "only a path has positions after the candidates'"
            step = self._ablation.between[position - len(self._chosen)]
            trial = self._trials[self._ablation.trial]
            config = changed(as_meant_then(trial.config), step.changes)
            values = {path: step.changes.get(path, value) for path, value in trial.values.items()}
            what = f"ablation {step.label}"
        raw = config | {"seed": seed, "data": config["data"] | {"seed": seed}}
        return Question(values, TrialConfig.model_validate(raw), note=f"{what}, seed {seed}")

    def expected(self, numbers: Sequence[int], history: History) -> None:
        """Nothing: no run of a last step or a confirmation pauses."""

    def judged(self, history: History) -> list[tuple[int, float, float]]:
        """None: their scores rank them."""
        return []

    def best_of_each(self, history: History) -> set[int]:
        """The numbers of the runs whose weights are kept: each candidate's best so far, by score on validation images.

        Steps of an ablation are no candidates, so none of their runs is kept.
        """
        places = {trial.number: self._runs[trial.number][0] for trial in history.ranked()[::-1]}
        places = {number: place for number, place in places.items() if place < len(self._chosen)}
        return set({place: number for number, place in places.items()}.values())


def paired_spec(spec: SearchSpec, name: str) -> SearchSpec:
    """The spec of a last step or a confirmation whose folder is called `name`: no run is stopped early."""
    scheduler = spec.search.scheduler.model_copy(update={"name": "none"})
    whole = {"max_hours": None, "stop_when": None, "final": None}
    search = spec.search.model_copy(update={"scheduler": scheduler, "keep_best": 1} | whole)
    return spec.model_copy(update={"name": name, "search": search})


def paired_task(
    folder: SearchFolder, agenda: PairedAgenda, arrays: Mapping[int, TrialData], test: Split | None = None
) -> Task:
    """The task of a session of a last step or a confirmation.

    Args:
        folder: the folder of the last step or confirmation; it may not exist yet.
        agenda: the candidates and seeds.
        arrays: the images by seed, in the order of the seeds.
        test: images on which each run is scored at its end; None keeps the test split closed.
    """
    spec = folder.spec() if folder.is_begun() else paired_spec(folder.searched.spec(), folder.name)
    first = next(iter(arrays.values()))
    return Task(
        folder,
        spec,
        plan_of(spec, first, agenda.planned(History())),
        data=arrays,
        agenda=lambda slots: agenda,
        test=test,
        kept=agenda.best_of_each,
    )


def folder_maker(task: Task, key: str, planned: Mapping[str, Any]) -> Callable[[], SearchFolder]:
    """A function that creates the task's folder, with `planned` under `key` in its search.json."""
    first, noted = next(iter(task.data.values())), {key: dict(planned)}
    return lambda: create_folder(task.folder.path.parent, task.spec, provenance(about_data(first)), noted=noted)
