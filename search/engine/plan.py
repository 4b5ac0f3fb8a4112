"""What a search will cost, before it starts."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch

from search.algorithms.asha import bracket_of, rung_epochs
from search.algorithms.luck import FEWEST_ENDED
from search.algorithms.promotion import MOST_WAITING
from search.algorithms.proposer import grid_walk, planned_by_now
from search.algorithms.startup import CURVES_DRAWS, draws_before
from search.cluster.slots import slots_on
from search.engine.checkpoint_retention import UNJUDGED
from search.engine.time_left import expected_epochs, share_of_two_stages
from search.evidence.standard_error import balanced_accuracy_error
from search.journal.history import History, Trial
from search.journal.labels import short
from spaces.checks import fewest_views, too_many_workers
from spaces.sections import ResourcesConfig
from spaces.spec import SearchSpec
from trainers.compute.devices import gpu_count, has_mps
from trainers.compute.precision import gpu_name
from trainers.config import ClassifierConfig, TrialConfig
from trainers.data.arrays import TrialData
from trainers.launch.local_processes import run_trial_on
from trainers.loss_config import END_TO_END
from trainers.models import build_encoder, build_projection
from trainers.stages.probe import WHOLE_UP_TO


@dataclass(frozen=True)
class Plan:
    """A search's size. `most_epochs` and `expected_epochs` count both stages of all trials, without the last step."""

    trials: int
    baselines: int
    representation_epochs: int  # of stage one, in a trial that is not stopped
    last_epoch: int  # the step counter's last value in a trial
    rungs: tuple[int, ...]
    most_epochs: int
    expected_epochs: int
    expected_classifier_epochs: int  # how many of the expected epochs are of stage two
    expected_representation_epochs_per_trial: float  # on average, over trials that the sampler proposes, with stops
    expected_classifier_epochs_per_trial: float  # on average, over the same trials
    checkpoint_bytes: int
    checkpoints_kept: int  # how many trials that have ended keep a checkpoint
    slots: int  # how many trials run at once
    standard_error: float  # of a balanced accuracy near .8, from the validation images
    waiting: int = 0  # how many trials may be paused at once, with their checkpoints
    final_trials: int = 0  # how many trials the last step runs again; fewer if fewer finish
    final_seeds: int = 0

    @property
    def classifier_epochs(self) -> int:
        """The epochs of stage two in a trial that is not stopped."""
        return self.last_epoch - self.representation_epochs

    def last_epoch_of(self, trial: Trial) -> int:
        """The step counter's last value in this trial. A trial that is trained end to end has no stage two."""
        return self.representation_epochs if trial.family in END_TO_END else self.last_epoch

    @property
    def final_runs(self) -> int:
        """How many runs the last step has. None is stopped early."""
        return self.final_trials * self.final_seeds

    @property
    def disk_bytes(self) -> int:
        """The most bytes that checkpoints take.

        Three of each running trial, as one is being written; two of each that waits; and those that are kept.
        """
        going_on = 3 * self.slots + 2 * self.waiting
        return self.checkpoint_bytes * (going_on + self.checkpoints_kept + self.final_trials)

    def in_slots(self, slots: int) -> "Plan":
        """The same search with at most `slots` trials at once."""
        return replace(self, slots=min(self.trials, slots))

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        return vars(self) | {"rungs": list(self.rungs), "disk_bytes": self.disk_bytes}


def check_workers(spec: SearchSpec, data: TrialData) -> None:
    """Raise InputError if a trial has more workers than rows: each view of a training image is a row."""
    images = len(data.train)
    rows = images * fewest_views(spec)
    if spec.resources.workers > rows:
        raise too_many_workers(spec.resources.workers, rows, f"{images} training images")


def make_plan(spec: SearchSpec, data: TrialData, history: History | None = None, extend_by: int = 0) -> Plan:
    """The plan of a search on its data, with `extend_by` trials added and as many slots as this machine has.

    `history` is the search so far; None before it has begun.
    """
    trials = planned_by_now(spec, History() if history is None else history, extend_by)
    planned = plan_of(spec, data, trials, len(spec.search.baselines))
    if spec.search.final is None:
        return planned
    top = min(spec.search.final.top, planned.trials)
    return replace(planned, final_trials=top, final_seeds=spec.search.final.seeds)


def plan_of(spec: SearchSpec, data: TrialData, trials: int, baselines: int = 0) -> Plan:
    """The plan of `trials` trials, of which `baselines` are baselines, with as many slots as this machine has."""
    rungs, families = rung_epochs(spec), spec.search.baselines[:baselines]
    last = max(map(spec.last_epoch, (*spec.families, *families)))
    proposed, baseline_epochs = trials - baselines, sum(map(spec.last_epoch, families))
    one, share = expected_epochs(rungs, spec.representation.epochs, spec.search.scheduler.reduction)
    two = share * spec.classifier.steps * share_of_two_stages(spec)
    classes = len(data.class_names)
    return Plan(
        trials=trials,
        baselines=baselines,
        representation_epochs=spec.representation.epochs,
        last_epoch=last,
        rungs=rungs,
        most_epochs=baseline_epochs + proposed * max(map(spec.last_epoch, spec.families)),
        expected_epochs=round(baseline_epochs + proposed * (one + two)),
        expected_classifier_epochs=round(baseline_epochs - baselines * spec.representation.epochs + proposed * two),
        expected_representation_epochs_per_trial=one,
        expected_classifier_epochs_per_trial=two,
        checkpoint_bytes=checkpoint_bytes(spec.base, data.train.images.shape[1]),
        checkpoints_kept=min(checkpoints_kept(spec, baselines + round(proposed * share)) + 1, trials),  # one is of CL
        waiting=most_waiting(spec, proposed),
        slots=min(trials, local_slots(spec), spec.search.max_concurrent or trials),
        standard_error=balanced_accuracy_error([len(data.validation.labels) // classes] * classes),
    )


def checkpoints_kept(spec: SearchSpec, finished: int) -> int:
    """How many of so many finished trials keep a checkpoint; by promotion more do until all have been judged."""
    unjudged = min(UNJUDGED, finished) if spec.search.scheduler.name == "promotion" else 0
    return max(spec.search.checkpoints_kept, unjudged)


def most_waiting(spec: SearchSpec, proposed: int) -> int:
    """How many of the proposed trials may be paused at once."""
    if spec.search.scheduler.name != "promotion":
        return 0
    brackets = len({bracket_of(spec, family) for family in spec.families})
    return min(proposed, MOST_WAITING * len(rung_epochs(spec)) * brackets)


def local_slots(spec: SearchSpec) -> int:
    """How many trials fit on this machine at once; 1 if none fits."""
    here = {"CPU": float(os.cpu_count() or 1), "GPU": float(gpu_count())}
    return max(1, slots_on(spec.resources, [here]))


def checkpoint_bytes(config: TrialConfig, channels: int) -> int:
    """Size in bytes of one checkpoint of stage one: networks and the optimiser's moments.

    The size is computed without an optimiser. To make one, torch would import its compiler, which takes as long as the
    rest of a plan.
    """
    model = config.model.model_copy(update={"pretrained": False, "compile": False})  # the same size, but faster to make
    encoder = build_encoder(model, channels, 0)
    networks = (encoder, build_projection(model, encoder.feature_dim, 0))
    size: int = sum(value.nbytes for network in networks for value in network.state_dict().values())
    moments = {"adamw": 2, "sgd": 1 if config.representation.momentum else 0}[config.representation.optimizer]
    return size * (1 + moments)


@dataclass(frozen=True)
class Calibration:
    """Seconds of one epoch in each stage on this machine, and what the search would take on it."""

    representation_seconds: float
    classifier_seconds: float
    threads: int
    workers: int
    device: str  # "cpu", "cuda" or "mps"
    gpu: str | None = None  # the GPU's name

    def search_seconds(self, plan: Plan, slots: int) -> float:
        """How many seconds the search is expected to take in `slots` slots, with its last step."""
        stage_two = plan.expected_classifier_epochs + plan.final_runs * plan.classifier_epochs
        stage_one = plan.expected_epochs - plan.expected_classifier_epochs
        stage_one += plan.final_runs * plan.representation_epochs
        return (stage_one * self.representation_seconds + stage_two * self.classifier_seconds) / slots


def calibrate(spec: SearchSpec, data: TrialData) -> Calibration:
    """Time the second of two real epochs of each stage, on GPUs if the spec asks for them and they are here.

    With `solver: lbfgs` the fit of stage two has a single step, which is timed. With `fine_tune` the seconds of an
    epoch of stage two are the mean over all its epochs, those of the fit and those of fine-tuning. If the spec's base
    configuration is trained end to end, stage two gets 0 seconds.
    """
    representation = spec.representation.model_copy(update={"epochs": 2, "warmup_epochs": 0})
    config = spec.base.model_copy(update={"representation": representation})
    if not config.is_end_to_end:
        shorter = {"epochs": 2, "fine_tune_epochs": 2}
        config = config.model_copy(update={"classifier": spec.classifier.model_copy(update=shorter)})
    moments: list[float] = []
    threads = max(1, int(spec.resources.cpus))
    torch.set_num_threads(threads)
    device, workers = _device_for(spec.resources), spec.resources.workers

    def note_time(step: int, metrics: Mapping[str, float]) -> None:
        moments.append(time.perf_counter())

    run_trial_on(workers, config, data, note_time, device=device)
    took = [after - before for before, after in pairwise(moments)]  # the seconds of each epoch after the first
    second = 0.0 if config.is_end_to_end else _of_stage_two(took[1:], spec.classifier, config.classifier.fit_steps)
    return Calibration(took[0], second, threads, workers, device.type, gpu_name(device))


def _of_stage_two(took: Sequence[float], classifier: ClassifierConfig, fitted: int) -> float:
    """The mean seconds of an epoch of stage two in a whole trial.

    Args:
        took: the seconds of the timed epochs of stage two: first those of the fit, then those of fine-tuning.
        classifier: the spec's section, which says how many epochs of fit and fine-tuning a whole trial has.
        fitted: how many of the timed epochs are of the fit.
    """
    seconds = took[fitted - 1] * classifier.fit_steps
    if classifier.fine_tune:
        seconds += took[-1] * classifier.fine_tune_epochs
    return seconds / classifier.steps


def _of_the_sampler(spec: SearchSpec, proposed: int, slots: int) -> Iterator[str]:
    """Remarks on how the sampler proposes trials, a sentence each; none if there is nothing special."""
    search = spec.search
    if search.first:
        yield f"the first {len(search.first)} are your own guesses (search.first)"
    if search.sampler == "grid" and proposed < (grid := grid_walk(spec)).whole + grid.off:
        yield f"a part of the grid's {grid.whole} points that fills the space (search.seed chooses it)"
    if search.sampler == "curves":
        yield f"{search.sampler} draws at random until it knows {CURVES_DRAWS} trials in the space, baselines included"
    elif draws := draws_before(search.sampler, slots):
        yield f"{search.sampler} draws at random until {draws} trials have ended in the space"


def _pauses(spec: SearchSpec) -> str:
    """What happens at a rung of promotion; "" for other schedulers."""
    scheduler = spec.search.scheduler
    return f": trials pause, and 1 of {scheduler.reduction} goes on" if scheduler.name == "promotion" else ""


def _of_luck(spec: SearchSpec, proposed: int, slots: int) -> Iterator[str]:
    """What `search.stop_when: luck` means for a search of so many proposals."""
    if spec.search.stop_when == "luck" and proposed < FEWEST_ENDED + slots:  # the others have begun by then
        yield f"search.stop_when: luck has no effect: {FEWEST_ENDED} must have ended or paused, while others run"
    elif spec.search.stop_when == "luck":
        yield f"fewer if the rest is luck, but not before {FEWEST_ENDED} have ended or paused (search.stop_when)"


def _stages_in_words(spec: SearchSpec, plan: Plan, images: int) -> str:
    """How many epochs a trial has in each stage, in words, also for trials that are trained end to end."""
    run = {*spec.families, *(spec.search.baselines if plan.baselines else ())}
    told = []
    if run - set(END_TO_END):
        told.append(f"{spec.representation.epochs} of stage one, {_stage_two_in_words(spec, images)}")
    if one_stage := [family for family in END_TO_END if family in run]:
        rounds = spec.representation.views if spec.end_to_end.match == "passes" else 1
        each = f", each {rounds} rounds of the images" if rounds > 1 else ""
        told.append(f"{spec.representation.epochs} of {', '.join(one_stage)}, end to end{each}")
    return "; ".join(told)


def _stage_two_in_words(spec: SearchSpec, images: int) -> str:
    """What stage two is, and how the probes of stage one differ from it."""
    fit = _fit_in_words(spec, images)
    if not spec.classifier.fine_tune:
        return fit
    tuned = spec.classifier.fine_tune_epochs
    return f"{fit}, {tuned} of fine-tuning: the encoder is trained on with the classifier, and the score is from there"


def _fit_in_words(spec: SearchSpec, images: int) -> str:
    if spec.classifier.solver == "adamw":
        return f"{spec.classifier.fit_steps} of stage two (AdamW; the probes of stage one are another estimator)"
    probe = spec.representation.probe_images
    if (probe is None and images <= WHOLE_UP_TO) or (probe is not None and probe >= images):
        return f"1 of stage two (L-BFGS), whose {'fit' if spec.classifier.fine_tune else 'score'} is the last probe's"
    return f"1 of stage two (L-BFGS on all {images} training images; a probe learns from fewer)"


def _device_for(resources: ResourcesConfig) -> torch.device:
    """The GPU if the spec asks for GPUs and this machine has one for each worker; else the CPU."""
    asked_for = resources.gpus > 0
    if not asked_for or gpu_count() < resources.workers:
        return torch.device("cpu")
    return torch.device("mps" if has_mps() else "cuda")


def in_words(spec: SearchSpec, data: TrialData, plan: Plan, timed: Calibration | None) -> Iterator[str]:
    """The plan for a person, line by line."""
    epochs = _stages_in_words(spec, plan, len(data.train))
    yield f"{spec.name}: {data.description}"
    proposed = plan.trials - plan.baselines
    baselines = f"{plan.baselines} baseline{'' if plan.baselines == 1 else 's'}"
    yield f"trials      {plan.trials}: {baselines}, {proposed} by {short(spec.search.sampler)}"
    yield from (f"            {line}" for line in _of_the_sampler(spec, proposed, plan.slots))
    yield from (f"            {line}" for line in _of_luck(spec, proposed, plan.slots))
    yield f"a trial     {plan.last_epoch} epochs: {epochs}"
    yield f"rungs       {', '.join(f'epoch {epoch}' for epoch in plan.rungs) or 'none'}{_pauses(spec)}"
    if spec.deciding_key != spec.search.metric_key:
        yield f"            {spec.decided_by} decides: rungs, sampler, ranking; the score is {spec.search.metric}"
    stage_two = plan.expected_classifier_epochs
    yield (
        f"epochs      {plan.expected_epochs} expected, {plan.expected_epochs - stage_two} of stage one and {stage_two} "
        f"of stage two; {plan.most_epochs} at most"
    )
    if plan.final_runs:
        yield (
            f"last step   the best {plan.final_trials} again on {plan.final_seeds} fresh seeds: "
            f"{plan.final_runs} runs, {plan.final_runs * plan.last_epoch} epochs more (search.final)"
        )
    yield (
        f"disk        {plan.disk_bytes / 1e6:.0f} MB at most for checkpoints of {plan.checkpoint_bytes / 1e6:.1f} MB, "
        f"with {plan.slots} trial{'' if plan.slots == 1 else 's'} at once"
    )
    yield (
        f"error       a balanced accuracy near .8 has a standard error of {plan.standard_error:.3f} "
        f"from {len(data.validation.labels)} validation images"
    )
    if timed is not None:
        seconds = timed.search_seconds(plan, 1)
        workers = f" in each of {timed.workers} workers" if timed.workers > 1 else ""
        yield (
            f"time        {timed.representation_seconds:.3f} s an epoch of stage one, {timed.classifier_seconds:.3f} s "
            f"of stage two with {timed.threads} threads on {timed.gpu or 'the CPU'}{workers} here: "
            f"about {seconds / 60:.1f} min for the search in one slot"
        )
        if spec.resources.gpus > 0 and timed.device == "cpu":
            needed = "1 is needed" if timed.workers == 1 else f"{timed.workers} are needed"
            yield (
                "            not what a search takes: the spec asks for GPUs, and torch sees "
                f"{gpu_count()} here where {needed}"
            )
