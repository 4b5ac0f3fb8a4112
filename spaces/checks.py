"""Rules about several fields of a spec at once; each violation is one line."""

from collections.abc import Mapping
from typing import Any, Protocol

from spaces.conditions import SWITCH, without_inactive
from spaces.corners import corners, ends
from spaces.fields import why_not_searched
from spaces.ranges import Range, Value, ZeroOr
from spaces.sections import ResourcesConfig, SearchConfig
from trainers.config import RepresentationConfig, TrialConfig
from trainers.errors import InputError
from trainers.loss_config import END_TO_END, FAMILIES, WITH_A_SECTION, Family, LossName, family_named, own_family
from trainers.own_parts import MARK
from trainers.wording import did_you_mean, printable


class Searched(Protocol):
    """The part of a SearchSpec that these checks read."""

    @property
    def space(self) -> Mapping[str, Range]: ...  # noqa: D102
    @property
    def search(self) -> SearchConfig: ...  # noqa: D102
    @property
    def resources(self) -> ResourcesConfig: ...  # noqa: D102
    @property
    def representation(self) -> RepresentationConfig: ...  # noqa: D102
    @property
    def own_loss(self) -> Mapping[str, Mapping[str, Value]]: ...  # noqa: D102
    @property
    def losses(self) -> tuple[LossName, ...]: ...  # noqa: D102
    @property
    def own_losses(self) -> tuple[LossName, ...]: ...  # noqa: D102
    @property
    def families(self) -> tuple[Family, ...]: ...  # noqa: D102
    def trial_config(self, values: Mapping[str, Value]) -> TrialConfig: ...  # noqa: D102
    def family_space(self, family: Family) -> tuple[dict[str, Range], dict[str, Value]]: ...  # noqa: D102
    def guessed(self, drawn: Mapping[str, Value], guess: Mapping[str, Value]) -> dict[str, Value]: ...  # noqa: D102


def check_own_losses(spec: Searched) -> None:
    """Raise InputError if the names or the parameters of the user's own losses are wrong.

    Tables show the name of a loss's function. So this name must differ between losses, and from the names in FAMILIES.
    Each name in `own_loss` must be that of a loss among the proposals, the baselines or the first guesses. If a range
    varies a parameter of a baseline's loss, `own_loss` must also have a fixed value for this parameter.
    """
    named = dict[str, str]()
    for path in dict.fromkeys(one.partition(MARK)[0] for one in spec.own_losses):
        name = own_family(path)
        if name in FAMILIES:
            raise InputError(f"loss.name: {path} would be called {name}, as a built-in family is; rename the function")
        if name in named:
            raise InputError(f"loss.name: {named[name]} and {path} would both be called {name}; rename one function")
        named[name] = path
    for name in spec.own_loss:
        if name not in named:
            hint = did_you_mean(name, list(named)) or "; name one in loss.name"
            raise InputError(f"own_loss.{name}: no loss of this search is called so{hint}")
    for path in spec.space:
        section, _, rest = path.partition(".")
        name, _, parameter = rest.partition(".")
        is_baseline = name in map(family_named, spec.search.baselines)
        if section == "own_loss" and is_baseline and parameter not in spec.own_loss.get(name, {}):
            raise InputError(
                f"search.baselines: {name} needs a fixed value of what {path} searches; "
                f"give own_loss: {{{name}: {{{parameter}: …}}}}"
            )


def check_ends(spec: Searched) -> None:
    """Raise InputError for a range that could draw a value that a trial would refuse.

    Each end of every range is tried in a trial config: alone, and in pairs within a section, because some rules are
    about two fields (`pretrained` and `encoder`). Meanwhile each other searched field has the first value that
    `ends` lists, not its fixed value: a fixed value that a range overrides need not be valid.
    """
    first = {path: ends(one)[0] for path, one in spec.space.items()}
    for values in corners(spec.space):
        try:
            for loss in [values[SWITCH]] if SWITCH in values else spec.losses:
                switched = {SWITCH: loss} if SWITCH in spec.space else {}
                spec.trial_config(without_inactive(first | values | switched))
        except InputError as error:
            at, rule = str(error).split(": ", 1)
            # an error of a whole section names no field: blame the ranges in that section
            blamed = [at] if at in spec.space else [path for path in values if path.startswith(f"{at}.")]
            blamed = blamed or [path for path in spec.space if path.startswith(f"{at}.")]
            raise InputError(f"space.{' and '.join(blamed)}: {rule}") from None


def check_first(spec: Searched) -> None:
    """Raise InputError if `search.first` has more guesses than there are trials, or a guess that no trial can have."""
    first = spec.search.first
    if len(first) > spec.search.trials:
        raise InputError(f"search.first: has {len(first)} guesses for {spec.search.trials} trials")
    if first and spec.search.per_family:
        raise InputError("search.first: cannot be used with search.per_family")
    drawn = {path: ends(one)[0] for path, one in spec.space.items()}
    for number, guess in enumerate(first):
        if not guess:
            raise InputError(f"search.first[{number}]: must name at least one field, such as loss.eta")
        for path in guess:
            if (reason := why_not_searched(path)) is not None:
                raise InputError(f"search.first[{number}].{printable(path)}: may not differ within a search: {reason}")
        try:
            spec.trial_config(spec.guessed(drawn, guess))
        except InputError as error:
            raise InputError(f"search.first[{number}].{error}") from None


def check_workers(spec: Searched) -> None:
    """Raise InputError if a trial has more workers than its smallest batch or chunk has rows (views of images).

    The batches of an epoch are of nearly equal size. With few images they are smaller than `batch_size`, and then a
    worker might get no row.
    """
    batch = bounds(spec, "representation.batch_size")[0] * fewest_views(spec)
    chunk = spec.representation.chunk
    rows, path = batch, "representation.batch_size × views"
    if chunk is not None and chunk < batch:
        rows, path = chunk, "representation.chunk"
    if spec.resources.workers > rows:
        raise too_many_workers(spec.resources.workers, rows, path)


def fewest_views(spec: Searched) -> int:
    """The fewest views of an image in a batch, among the trials of a search: 1 if any trial is trained end to end."""
    guessed = {guess.get(SWITCH) for guess in spec.search.first}
    of_one_stage = END_TO_END.keys() & {*spec.families, *spec.search.baselines} or {*END_TO_END.values()} & guessed
    return 1 if of_one_stage else bounds(spec, "representation.views")[0]


def too_many_workers(workers: int, rows: int, why: str) -> InputError:
    """The error for more workers than `rows`; `why` names the fields that decide the number of rows."""
    return InputError(
        "resources.workers: each worker needs a row of each batch or chunk, "
        f"but got {workers} workers for {rows} rows ({why})"
    )


def bounds(spec: Searched, path: str) -> tuple[int, int]:
    """The smallest and largest value of the whole-numbered field at `path`, among the trials of a search.

    Baselines have the field's fixed value, and the user's first guesses their own; both may lie outside its range.
    """
    given = spec.space.get(path)
    values = [value_at(spec, path)] if given is None or spec.search.baselines else []
    values += [] if given is None else ends(given)
    values += [guess[path] for guess in spec.search.first if path in guess]
    return min(int(value) for value in values), max(int(value) for value in values)


def check_families(spec: Searched) -> None:
    """Raise InputError if searches of one family each would have unequal chances, or one would have no range.

    Called only if `search.per_family` is true.
    """
    search = spec.search
    if search.sampler == "grid":
        raise InputError(
            "search.per_family: takes the samplers curves, tpe, gp and random, as grids would differ in size"
        )
    outside = set(spec.families) - set(map(family_named, search.baselines))
    if outside and outside != set(spec.families):
        raise InputError(
            f"search.baselines: with per_family all families that are searched ({', '.join(spec.families)}) must have "
            f"one, or none of them ([]), but got {', '.join(search.baselines)}"
        )
    for path in ("loss.eta", "loss.gamma"):
        given = spec.space.get(path)
        if given is not None and not isinstance(given, ZeroOr) and given.contains(0):
            raise InputError(f"space.{path}: with per_family zero must stand in a zero_or, but got {given.describe()}")
    for family in spec.families if search.trials > 0 else ():
        if not spec.family_space(family)[0]:
            such = "loss.temperature" if family in FAMILIES else "representation.lr"
            if family in WITH_A_SECTION:
                such = f"{WITH_A_SECTION[family]}.{'lr' if family in END_TO_END else 'temperature'}"
            raise InputError(f"space: with per_family {family} must have something to search, such as {such}")


def value_at(config: TrialConfig | Searched, path: str) -> Value:
    """The value of a trial's field at a dotted path; for a search, the field's fixed value."""
    here: Any = config
    for name in path.split("."):
        here = here[name] if isinstance(here, Mapping) else getattr(here, name)
    value: Value = here
    return value
