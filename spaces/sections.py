"""The sections of a spec that say how to search, on what and with which keepers: all that no trial knows of."""

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from spaces.ranges import Value
from spaces.storage_uri import check_uri
from trainers.config_base import Config, Real, Seed, Whole
from trainers.errors import InputError
from trainers.loss_config import Family

CREDENTIALS = re.compile(r"://[^/]*@")  # in an address; not in the path of a file

Text: TypeAlias = Annotated[str, Field(min_length=1)]


class SchedulerConfig(Config):
    """When hopeless trials stop: at the rungs grace · reduction^k of stage one, all but the best 1/reduction."""

    name: Literal["asha", "none"] = "asha"
    """asha: hopeless trials stop early; none: every trial runs to its end."""
    grace: Annotated[Whole, Field(ge=1)] = 2
    """Epochs that every trial gets."""
    reduction: Annotated[Whole, Field(ge=2)] = 3
    """All but the best 1/reduction stop at a rung, and rungs lie a factor of this apart."""


class FinalConfig(Config):
    """The last step of a search: its best few run again on fresh splits and seeds, and their mean ranks them.

    The test split stays shut. Every configuration gets the same seeds, so that scores are compared in pairs.
    """

    top: Annotated[Whole, Field(ge=1)] = 4
    """How many of the best trials run again."""
    seeds: Annotated[Whole, Field(ge=1)] = 3
    """On how many fresh seeds, each for its split, order and initialisation."""


class SearchConfig(Config):
    """How many trials, from which sampler, judged by what, and within which bounds."""

    trials: Annotated[Whole, Field(ge=0, le=1_000_000)]
    """Those that the sampler proposes; a grid may have fewer points. Baselines come on top."""
    baselines: tuple[Family, ...] = ("CE", "CL", "FCL", "ACL")
    """Run first, at the fixed values, and never stopped: CL, FCL, ACL, AFCL; CE (cross-entropy), FOCAL and LA
    (logit-adjusted), which are trained end to end."""
    baseline_eta: Annotated[Real, Field(gt=0)] = 60.0
    """η of the baselines ACL and AFCL."""
    baseline_gamma: Annotated[Real, Field(gt=0)] = 2.0
    """γ of the baselines FCL and AFCL."""
    per_family: bool = False
    """A search of `trials` for each family, apart from the others: CL, FCL, ACL and AFCL, and those end to end that
    loss.name is searched over."""
    sampler: Literal["tpe", "gp", "random", "grid"] = "tpe"
    """tpe and gp (Optuna's) learn from earlier trials; random; grid."""
    scheduler: SchedulerConfig = SchedulerConfig()
    first: tuple[dict[str, Value], ...] = ()
    """Your own guesses, tried before the sampler's, each a mapping of fields to values, such as {loss.eta: 30}. They
    count among `trials`. A searched field that a guess does not name is drawn at random."""
    metric: Literal["balanced_accuracy", "accuracy", "macro_f1", "auroc"] = "balanced_accuracy"
    """Of the validation images: what is searched for, and reported as the score."""
    decide_by: Literal["auto", "metric", "auroc", "balanced_log_loss", "soft_balanced_accuracy"] = "auto"
    """Of the validation images: what ASHA's rungs, the sampler and the search's ranking go by. Values without a
    threshold vary less with the choice of images; the last step and `confirm` go by the metric itself. auto is
    soft_balanced_accuracy where the metric is balanced_accuracy and all proposals of a search are of one loss, else
    metric."""
    max_concurrent: Annotated[Whole, Field(ge=1)] | None = None
    """Trials at once; null: as many as the cluster holds."""
    max_hours: Annotated[Real, Field(gt=0)] | None = None
    """Hours after which the search pauses; null: no bound."""
    max_failures: Annotated[Whole, Field(ge=0)] = 2
    """Times that a crashed trial is tried again."""
    max_failed_share: Annotated[Real, Field(ge=0, le=1)] = 0.5
    """More failed trials than this share of those that ended, and at least three, stop the search."""
    exempt_share: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Share of the trials that would be stopped, drawn by seed, that go on: by them ASHA's stops are judged."""
    final: FinalConfig | None = FinalConfig()
    """The last step, which ranks the best few by their mean on fresh seeds; null: the search's own scores rank."""
    keep_best: Annotated[Whole, Field(ge=1)] = 10
    """Finished trials whose checkpoints stay, to be exported."""
    grid_points: Annotated[Whole, Field(ge=2, le=1000)] = 5
    """Values for each range, with the grid."""
    seed: Seed = 0
    """Of the sampler's draws, and of those that are exempt."""

    @field_validator("baselines")
    @classmethod
    def _each_once(cls, baselines: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(baselines)) != len(baselines):
            raise ValueError("baselines must differ from each other")
        return baselines

    @property
    def checkpoints_kept(self) -> int:
        """Of how many of the best trials the checkpoints stay: `keep_best`, and never fewer than the last step runs."""
        return max(self.keep_best, 0 if self.final is None else self.final.top)

    @property
    def metric_key(self) -> str:
        """The metric's name among those that a trial reports."""
        return f"val_{self.metric}"


class ResourcesConfig(Config):
    """What one trial asks of the cluster: so much for each of its workers."""

    cpus: Annotated[Real, Field(gt=0)] = 1.0
    """Cores for each worker of a trial."""
    gpus: Annotated[Real, Field(ge=0)] = 0.0
    """GPUs for each worker of a trial, at most 1; 0.25: four trials share one. 0: trials run on the CPU."""
    workers: Annotated[Whole, Field(ge=1)] = 1
    """Processes that share each batch of a trial, on one node or several."""

    @model_validator(mode="after")
    def _a_worker_computes_on_one_gpu(self) -> Self:
        if self.gpus > 1:
            raise InputError(
                f"resources.gpus: a worker computes on one GPU at most, but got {self.gpus:g}; "
                "resources.workers sets how many workers a trial has"
            )
        if self.workers > 1 and 0 < self.gpus < 1:
            raise InputError(
                f"resources.gpus: workers of one trial need a GPU each, but got {self.gpus:g} "
                f"with {self.workers} workers"
            )
        return self


class TrackingConfig(Config):
    """Where MLflow keeps the runs; None leaves it to the command line, the environment and the default."""

    uri: Text | None = None
    """MLflow's store or server; null: MLFLOW_TRACKING_URI, else a store beside the results."""
    experiment: Text | None = None
    """Its name in MLflow; null: afcl."""

    @field_validator("uri")
    @classmethod
    def _holds_no_password(cls, uri: str | None) -> str | None:
        if uri is not None and CREDENTIALS.search(uri):
            # without the value, which ends up in logs
            raise InputError(
                "tracking.uri: must hold no name and password, as a spec is copied to many places; set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or the whole address as MLFLOW_TRACKING_URI"
            )
        return uri


class StorageConfig(Config):
    """Where a search's journal and checkpoints are kept as well, so that they outlive the driver's host."""

    uri: Text | None = None
    """Such as s3://bucket/folder; null: in the results folder alone."""

    @model_validator(mode="after")
    def _is_an_address_without_secrets(self) -> Self:
        if self.uri is not None:
            check_uri(self.uri)
        return self
