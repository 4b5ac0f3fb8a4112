"""The spec of a whole search: the fixed fields of its trials, the ranges over some of them, and how to search.

`load_spec` reads a YAML file into a checked SearchSpec. If something is wrong, it raises an error of one line, with
the file, the line, the path, the rule and the value.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator, model_validator

from spaces.checks import check_ends, check_families, check_first, check_own_losses, check_workers, value_at
from spaces.conditions import (
    SWITCH,
    active,
    completed,
    families_of,
    refuse_unused,
    searched_losses,
)
from spaces.deciding import DecidedBy, check_deciding, decided_by, deciding_key
from spaces.fields import by_path, field_at, fields, nearest_paths, read_space
from spaces.overrides import FLAG, apply_override, misplaced_range
from spaces.range_yaml import KINDS
from spaces.ranges import Range, Value, ZeroOr
from spaces.schema import in_standard_words, space_schema
from spaces.sections import ResourcesConfig, SearchConfig, StorageConfig, TrackingConfig
from spaces.yaml_file import dump_yaml, read_mapping
from trainers.commands import command_line
from trainers.config import ClassifierConfig, ModelConfig, RepresentationConfig, TrialConfig
from trainers.config_base import Config, Seed
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.loss_config import (
    END_TO_END,
    OWN_LOSS,
    WITH_A_SECTION,
    BalancedContrastiveConfig,
    CrossEntropyConfig,
    EndToEndConfig,
    Family,
    FocalConfig,
    KPositiveConfig,
    LogitAdjustedConfig,
    LossConfig,
    LossName,
    OwnLossParameters,
    SupervisedMinorityConfig,
    is_ignored,
    own_family,
    unused_with,
)
from trainers.older_configs import as_meant_then
from trainers.own_parts import is_path
from trainers.parsing import parse
from trainers.wording import did_you_mean, printable

READY = Path(__file__).parent  # the searches that come with the package
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Space: TypeAlias = Annotated[
    Mapping[str, Range],
    PlainValidator(read_space),
    PlainSerializer(lambda space: {path: one.as_yaml() for path, one in space.items()}, return_type=dict[str, Any]),
    WithJsonSchema(space_schema()),
]


def described(name: str) -> str | None:
    """The description of the field `name` of TrialConfig; None if it has none."""
    return TrialConfig.model_fields[name].description


class SearchSpec(Config):
    """A search, whole and checked; `space` overrides the fixed values of the fields that it names."""

    name: Annotated[str, Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
    """Name of the search, its folder and its run in MLflow; `--name` replaces it."""
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    end_to_end: EndToEndConfig = EndToEndConfig()
    cross_entropy: CrossEntropyConfig = CrossEntropyConfig()
    focal: FocalConfig = FocalConfig()
    logit_adjusted: LogitAdjustedConfig = LogitAdjustedConfig()
    balanced_contrastive: BalancedContrastiveConfig = BalancedContrastiveConfig()
    k_positive: KPositiveConfig = KPositiveConfig()
    supervised_minority: SupervisedMinorityConfig = SupervisedMinorityConfig()
    own_loss: OwnLossParameters = Field(default_factory=dict, description=described("own_loss"))
    representation: RepresentationConfig = RepresentationConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    seed: Seed = Field(0, description=described("seed"))
    deterministic: bool = Field(False, description=described("deterministic"))
    space: Space = Field(default_factory=dict)
    search: SearchConfig
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()
    storage: StorageConfig = StorageConfig()

    @field_validator("name")
    @classmethod
    def _a_folder_can_have_it(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("must start with a letter or digit and hold only these and . _ -, at most 64 in all")
        return name

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        scheduler, epochs = self.search.scheduler, self.representation.epochs
        if scheduler.name != "none" and (scheduler.grace or 0) > epochs:
            raise InputError(
                "search.scheduler.grace: grace ≤ representation.epochs must hold,"
                f" but got grace={scheduler.grace}, epochs={epochs}"
            )
        if self.search.trials == 0 and not self.search.baselines:
            raise InputError("search.trials: must be at least 1 without baselines, but got 0")
        if self.search.trials > 0 and not self.space:
            raise InputError("space: must name at least one range, unless search.trials is 0 and only baselines run")
        refuse_unused(self.space, self.losses)
        if SWITCH in self.space and self.search.sampler == "grid":
            raise InputError(
                "search.sampler: a grid has no fields of one loss alone; with loss.name take curves, tpe, gp, random"
            )
        check_own_losses(self)
        if self.search.per_family:
            check_families(self)
        check_deciding(self.search, self.losses)
        check_ends(self)
        check_first(self)
        check_workers(self)
        return self

    @property
    def base(self) -> TrialConfig:
        """The configuration of a trial that has the fixed values only."""
        return self.trial_config({})

    @property
    def losses(self) -> tuple[LossName, ...]:
        """The losses that the sampler's proposals may have."""
        return searched_losses(self.space, self.loss.name)

    @property
    def decided_by(self) -> DecidedBy:
        """The measure that rungs, sampler and ranking go by: `search.decide_by`, with `auto` resolved."""
        return decided_by(self.search, self.losses)

    @property
    def deciding_key(self) -> str:
        """The name under which a trial reports the measure `decided_by`; larger is better."""
        return deciding_key(self.search, self.losses)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that the sampler's proposals may belong to."""
        return families_of(self.losses)

    def last_epoch(self, family: Family) -> int:
        """The last epoch of a trial of this family; trials of one stage have no classifier epochs."""
        return self.representation.epochs + (0 if family in END_TO_END else self.classifier.steps)

    def trial_config(self, values: Mapping[str, Value]) -> TrialConfig:
        """The configuration of a trial: the fixed values, with those that `values` gives by path in their place.

        Raises InputError if a value is wrong, or if the trial's loss does not use it.
        """
        loss = values.get(SWITCH, self.loss.name)
        raw = self.model_dump(include=set(TrialConfig.model_fields), exclude=unused_with(loss))
        of_others = [name for name in raw.get(OWN_LOSS, ()) if is_ignored(f"{OWN_LOSS}.{name}.", loss)]
        for name in of_others:
            del raw[OWN_LOSS][name]
        for path, value in values.items():
            if field_at(path) is None:
                raise InputError(f"{printable(path)}: unknown field{nearest_paths(path, list(fields()))}")
            *sections, name = path.split(".")
            here = raw
            for section in sections:
                here = here.setdefault(section, {})
            here[name] = value
        return parse(TrialConfig, raw)

    def loss_of(self, family: Family) -> LossName:
        """The loss of a family, as `loss.name` names it.

        `family` may also be the import path of a loss of the user's own, as in search.baselines; this path is returned.
        """
        if is_path(family):
            return family
        own = {own_family(name): name for name in reversed(self.own_losses)}
        return own.get(family) or WITH_A_SECTION.get(family, "afcl")

    @property
    def own_losses(self) -> tuple[LossName, ...]:
        """The import paths of the user's own losses: of proposals, then of baselines, then of first guesses."""
        guessed = [str(guess[SWITCH]) for guess in self.search.first if SWITCH in guess]
        return tuple(dict.fromkeys(filter(is_path, (*self.losses, *self.search.baselines, *guessed))))

    @property
    def own_families(self) -> tuple[Family, ...]:
        """The families of the user's own losses, without repetitions, in the order of `own_losses`."""
        return tuple(dict.fromkeys(map(own_family, self.own_losses)))

    def baseline(self, family: Family) -> TrialConfig:
        """The baseline of a family: the fixed values with the family's loss, η and γ. It may lie outside the ranges.

        For a loss of the user's own, `family` may also be its import path.
        """
        if (loss := self.loss_of(family)) != "afcl":
            return self.trial_config({SWITCH: loss})
        return self.trial_config(
            {
                SWITCH: "afcl",
                "loss.eta": self.search.baseline_eta if family in ("ACL", "AFCL") else 0.0,
                "loss.gamma": self.search.baseline_gamma if family in ("FCL", "AFCL") else 0.0,
            }
        )

    def baseline_values(self, family: Family) -> dict[str, Value]:
        """The values of a family's baseline, by path, for the searched fields that its loss uses."""
        config = self.baseline(family)
        return {path: value_at(config, path) for path in active(self.space, {SWITCH: config.loss.name})}

    def family_space(self, family: Family) -> tuple[dict[str, Range], dict[str, Value]]:
        """The ranges of one family's own search, and the fixed values that keep its trials in the family."""
        loss = self.loss_of(family)
        ranges, fixed = active(self.space, {SWITCH: loss}), dict[str, Value]()
        if ranges.pop(SWITCH, None) is not None:
            fixed[SWITCH] = loss
        if loss != "afcl":
            return ranges, fixed
        for path, members in (("loss.eta", ("ACL", "AFCL")), ("loss.gamma", ("FCL", "AFCL"))):
            given = ranges.get(path)
            if family not in members or given is None:
                ranges.pop(path, None)
                fixed[path] = value_at(self.baseline(family), path)
            elif isinstance(given, ZeroOr):
                ranges[path] = given.range
        return ranges, fixed

    def guessed(self, drawn: Mapping[str, Value], guess: Mapping[str, Value]) -> dict[str, Value]:
        """The values of a first guess, completed with drawn values (see `completed`)."""
        return completed(drawn, guess, self.losses)

    def dump(self) -> dict[str, Any]:
        """Plain values that `parse_spec` reads back as an equal spec."""
        return self.model_dump(mode="json")

    def dump_yaml(self) -> str:
        """YAML that `load_spec` reads back as an equal spec."""
        return dump_yaml(self.dump())


def parse_spec(values: Mapping[str, Any]) -> SearchSpec:
    """Check the raw values of a spec. Raises InputError with one line: path, rule, value."""
    of_own_losses = list(by_path({OWN_LOSS: values.get(OWN_LOSS)}, depth=3))
    misplaced = misplaced_range(values, (*fields(), *of_own_losses), KINDS)
    if misplaced is not None:
        raise InputError(f"{misplaced}: must be a fixed value here; its range goes under space, as space.{misplaced}")
    return parse(SearchSpec, values)


def load_spec(
    path_or_name: str | Path, overrides: Sequence[str] = (), name: str | None = None, *, kept: bool = False
) -> SearchSpec:
    """Read a spec from a YAML file, or a ready one by its name (demo, fmnist, digits, isic2018, study).

    Args:
        path_or_name: the path of a file, or a name. If both fit, it is the file.
        overrides: PATH=VALUE texts, applied before anything is checked.
        name: replaces the spec's own name.
        kept: the file is the resolved spec that a search keeps, perhaps written by an older version.

    Raises:
        InputError: one line, with the file, the line, the path, the rule and the value.
    """
    path, shown_as = _find(path_or_name)
    document = read_mapping(path, shown_as)
    values = as_meant_then(document.values) if kept else document.values
    origins = {key: f"{shown_as}:{line}" for key, line in document.lines.items()}
    for text in overrides:
        changed = apply_override(SearchSpec, values, text)
        origins = {key: origin for key, origin in origins.items() if not key.startswith(f"{changed}.")}
        origins[changed] = FLAG
    if name is not None:
        values["name"] = name
        origins["name"] = "--name"
    try:
        return parse_spec(values)
    except InputError as error:
        raise InputError(f"{_origin(str(error), origins) or shown_as}: {error}") from None


def section_of(name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The raw values that PATH=VALUE texts set in section `name` of a spec.

    Raises InputError if a text sets something else.
    """
    values: dict[str, Any] = {}
    for text in overrides:
        path = apply_override(SearchSpec, values, text)
        if path.split(".")[0] != name:
            raise InputError(f"{FLAG} {path}: only fields of {name} can be set here")
    section = values.get(name, {})
    if not isinstance(section, dict):
        raise InputError(f"{FLAG} {name}: must be a mapping of keys to values")
    return section


def refuse_spec(path: Path) -> None:
    """Raise InputError if a file is a search's spec. For callers that need one trial's configuration."""
    if "search" in read_mapping(path).values:
        raise InputError(
            f"{path}: is a search's spec, not one configuration; run it with `{command_line('search', path)}`"
        )


def ready_names() -> list[str]:
    """The names of the searches that come with the package."""
    return sorted(path.stem for path in READY.glob("*.yaml"))


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a spec's YAML file, for editors."""
    schema = in_standard_words(SearchSpec.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "A search of afcl"}


def _find(path_or_name: str | Path) -> tuple[Path, str]:
    """The file that `path_or_name` means, and its name in messages. A user's file comes before a ready spec.

    Raises InputError if there is neither.
    """
    text = str(path_or_name)
    bare = text.removeprefix("spaces/").removesuffix(".yaml")
    try:
        path = Path(path_or_name).expanduser()
        if not path.is_file() and bare in ready_names():
            return READY / f"{bare}.yaml", f"{bare}.yaml"
        exists = path.exists()
    except (
        OSError,
        RuntimeError,
    ) as error:  # the name is too long, the folder is unreadable, or ~user is nobody
        raise InputError(f"{printable(text)}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not exists:
        hint = did_you_mean(path.stem, ready_names(), else_all="/" not in text and not path.suffix)
        raise InputError(f"{printable(text)}: no such file{hint}")
    return path, printable(text)


def _origin(message: str, origins: Mapping[str, str]) -> str | None:
    """Where the path at the start of `message` was written: file and line, or a flag; None if unknown.

    `origins` has this for each path. If the path is not in it, its section's entry is taken.
    """
    path = message.split(": ", 1)[0].split("[", 1)[0]
    while path and path not in origins:
        path = path.rpartition(".")[0]
    changed = any(key.startswith(f"{path}.") and origin == FLAG for key, origin in origins.items())
    return f"{origins[path]} with {FLAG}" if path and changed else origins.get(path)
