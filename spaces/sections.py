"""The sections of a spec that a trial does not see: how to search, on which resources, with which stores."""

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from spaces.fields import with_import_path
from spaces.ranges import Value
from spaces.storage_uri import check_uri
from trainers.config_base import Config, Real, Seed, Whole, one_of_or_own
from trainers.errors import InputError
from trainers.loss_config import BaselineName
from trainers.own_parts import PATH_PATTERN

CREDENTIALS = re.compile(r"://[^/]*@")  # a name or password before an address's host; not an @ in its path

SAMPLERS = ("curves", "tpe", "gp", "random", "grid")
SAMPLER_GROUP = "afcl.samplers"  # the group of entry points in which a package registers samplers
SamplerName = Annotated[
    str,
    BeforeValidator(one_of_or_own(SAMPLERS, SAMPLER_GROUP, "mypkg:propose")),
    WithJsonSchema({"anyOf": [{"enum": list(SAMPLERS)}, {"type": "string", "pattern": f"^{PATH_PATTERN}$"}]}),
]


def _with_import_paths(guesses: tuple[dict[str, Value], ...]) -> tuple[dict[str, Value], ...]:
    """First guesses in which entry points, such as that of a loss, are replaced by their import paths."""
    return tuple({path: with_import_path(path, value) for path, value in guess.items()} for guess in guesses)


Text: TypeAlias = Annotated[str, Field(min_length=1)]


GRACE = {"promotion": 4, "asha": 2}  # epochs, where a spec gives none


class SchedulerConfig(Config):
    """Which trials do not run to their end, and how early that is decided, at epochs that are called rungs."""

    name: Literal["promotion", "asha", "none"] = "promotion"
    """promotion: every trial pauses at a rung, and the most promising of those that wait go on; the rungs are at the
    epochs of stage one ÷ reduction^k, rounded up, none but the last before `grace`. asha: at each rung, epoch
    grace · reduction^k, all but the best 1/reduction stop. none: every trial runs to its end."""
    grace: Annotated[Whole, Field(ge=1)] | None = None
    """Epochs that every trial gets, unless promotion's only rung is earlier; null: 4 with promotion, 2 with asha."""
    reduction: Annotated[Whole, Field(ge=2)] = 3
    """Of the trials at a rung, 1/reduction go on; each rung is this factor later than the one before."""

    @property
    def first(self) -> int:
        """The epoch before which no rung stands: `grace`, with null resolved."""
        return self.grace or GRACE.get(self.name, 1)


class FinalConfig(Config):
    """The last step of a search: its best few run again on fresh splits and seeds, and their mean ranks them.

    The test split stays shut. Every configuration gets the same seeds, so that scores are compared in pairs.
    """

    top: Annotated[Whole, Field(ge=1, le=1000)] = 4
    """How many of the best trials run again."""
    seeds: Annotated[Whole, Field(ge=1, le=1000)] = 3
    """On how many fresh seeds, each for its split, order and initialisation."""


class SearchConfig(Config):
    """How many trials, which sampler, which metric, and the limits."""

    trials: Annotated[Whole, Field(ge=0, le=1_000_000)]
    """Trials that the sampler proposes; a grid may have fewer points. Baselines come on top."""
    baselines: tuple[BaselineName, ...] = ("CE", "CL", "FCL", "ACL")
    """Run first, at the fixed values, and never stopped: CL, FCL, ACL, AFCL; CE (cross-entropy), FOCAL and LA
    (logit-adjusted), which are trained end to end; BCL, KCL and SUPMIN, contrastive; a loss of your own by its path."""
    baseline_eta: Annotated[Real, Field(gt=0)] = 60.0
    """η of the baselines ACL and AFCL."""
    baseline_gamma: Annotated[Real, Field(gt=0)] = 2.0
    """γ of the baselines FCL and AFCL."""
    per_family: bool = False
    """true: each family gets a search of its own, of `trials` trials: CL, FCL, ACL and AFCL, and the family of
    each other loss that loss.name names."""
    sampler: SamplerName = "curves"
    """curves (a Gaussian process) learns from all learning curves, tpe and gp (Optuna's) from earlier trials; random;
    grid. Or a sampler of your own, by the import path of a
    function of space, earlier trials and a seed (`mypkg:propose`), or by the name of an entry point in the group
    afcl.samplers. A search keeps the hash of your source behind the path."""
    scheduler: SchedulerConfig = SchedulerConfig()
    first: Annotated[tuple[dict[str, Value], ...], AfterValidator(_with_import_paths)] = ()
    """Your own guesses, tried before the sampler's, each a mapping of fields to values, such as {loss.eta: 30}. They
    count among `trials`. A searched field that a guess does not name is drawn at random."""
    metric: Literal["balanced_accuracy", "accuracy", "macro_f1", "auroc"] = "balanced_accuracy"
    """What the search maximises and reports as the score, on the validation images."""
    decide_by: Literal["auto", "metric", "auroc", "balanced_log_loss", "soft_balanced_accuracy"] = "auto"
    """What rungs, the sampler and the search's own ranking go by, on the validation images. A value without a
    threshold varies less with the choice of images. auto: soft_balanced_accuracy if the metric is balanced_accuracy and
    all proposals of a search have the same loss, else metric. The last step and `confirm` go by the metric itself."""
    max_concurrent: Annotated[Whole, Field(ge=1)] | None = None
    """Trials at once; null: as many as the cluster holds."""
    max_hours: Annotated[Real, Field(gt=0)] | None = None
    """Hours after which the search pauses; null: no bound."""
    stop_when: Literal["luck"] | None = None
    """luck: begin no trial any more once those that are left are expected to gain less than luck moves the best score,
    and not before 20 have ended or paused; the size of luck is a rule of thumb from our study. What `afcl extend` adds
    later is run in any case. null: run all trials."""
    max_failures: Annotated[Whole, Field(ge=0)] = 2
    """How often a crashed trial is tried again."""
    max_failed_share: Annotated[Real, Field(ge=0, le=1)] = 0.5
    """The search stops when more than this share of the ended trials failed, and at least three did."""
    exempt_share: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Share of the trials to be stopped that run on all the same, chosen by seed: they show whether ASHA was right."""
    final: FinalConfig | None = FinalConfig()
    """The last step, which ranks the best few by their mean on fresh seeds; null: the search's own scores rank them."""
    keep_best: Annotated[Whole, Field(ge=1)] = 10
    """How many finished trials keep their checkpoints, for `afcl export`."""
    grid_points: Annotated[Whole, Field(ge=2, le=1000)] = 5
    """With sampler: grid, the number of values of each range."""
    seed: Seed = 0
    """Seed of the sampler and of the choice of exempt trials."""

    @field_validator("baselines")
    @classmethod
    def _each_once(cls, baselines: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(baselines)) != len(baselines):
            raise ValueError("baselines must differ from each other")
        return baselines

    @model_validator(mode="after")
    def _only_asha_exempts(self) -> Self:
        if self.exempt_share > 0 and self.scheduler.name == "promotion":
            raise ValueError(
                "exempt_share must be 0 with scheduler promotion, by which no trial is stopped outright at a rung"
            )
        return self

    @model_validator(mode="after")
    def _the_size_of_luck_is_known(self) -> Self:
        others = {"sampler: grid": self.sampler == "grid", "per_family: true": self.per_family}
        others[f"metric: {self.metric}"] = self.metric != "balanced_accuracy"
        if self.stop_when == "luck" and (cannot := [words for words, is_so in others.items() if is_so]):
            raise ValueError(
                f"stop_when: luck cannot be had with {cannot[0]}: it needs trials that are drawn alike, and the "
                "balanced accuracy, whose luck is known"
            )
        return self

    @property
    def checkpoints_kept(self) -> int:
        """How many of the best trials keep their checkpoints: `keep_best`, or `final.top` if that is more."""
        return max(self.keep_best, 0 if self.final is None else self.final.top)

    @property
    def metric_key(self) -> str:
        """The metric's name among those that a trial reports."""
        return f"val_{self.metric}"


class ResourcesConfig(Config):
    """What each worker of a trial asks of the cluster."""

    cpus: Annotated[Real, Field(gt=0)] = 1.0
    """CPU cores of each worker of a trial."""
    gpus: Annotated[Real, Field(ge=0)] = 0.0
    """GPUs of each worker of a trial, at most 1. 0.25: four trials share a GPU; 0: trials run on the CPU."""
    workers: Annotated[Whole, Field(ge=1)] = 1
    """Processes of a trial that share each of its batches, on one node or several."""

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
    """Where MLflow keeps the runs; None leaves the choice to the command line, the environment and the default."""

    uri: Text | None = None
    """MLflow's store or server; null: MLFLOW_TRACKING_URI, else a store beside the results."""
    experiment: Text | None = None
    """The experiment's name in MLflow; null: afcl."""

    @field_validator("uri")
    @classmethod
    def _holds_no_password(cls, uri: str | None) -> str | None:
        if uri is not None and CREDENTIALS.search(uri):
            # the message must not repeat the value: messages are logged
            raise InputError(
                "tracking.uri: must hold no name and password, as a spec is copied to many places; set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or the whole address as MLFLOW_TRACKING_URI"
            )
        return uri


class StorageConfig(Config):
    """A store for the search's journal and checkpoints, so that they outlive the driver's host."""

    uri: Text | None = None
    """An address such as s3://bucket/folder; null: only the results folder has them."""

    @model_validator(mode="after")
    def _is_an_address_without_secrets(self) -> Self:
        if self.uri is not None:
            check_uri(self.uri)
        return self
