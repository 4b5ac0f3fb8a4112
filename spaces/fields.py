"""The fields of TrialConfig by their dotted paths: which may be searched, and which kinds of range fit each."""

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from spaces.range_yaml import parse_range
from spaces.ranges import Choice, IntUniform, Range, Value, ZeroOr, is_number, kind_of, same
from trainers.config import TrialConfig
from trainers.config_base import ENCODER_GROUP, Config
from trainers.errors import InputError
from trainers.loss_config import LOSS_GROUP, NAME, OWN_LOSS
from trainers.own_parts import path_of
from trainers.wording import did_you_mean, printable, shown

_STAGE_LENGTH = "rungs and the step counter need the stage lengths fixed within a search"
_ONE_ESTIMATOR = "the probes that rungs compare are one estimator, and so is the score"
NOT_SEARCHED = {  # path or section: why it may not be searched
    "data": "scores on different data cannot be compared",
    "seed": "scores of different seeds cannot be compared; `afcl confirm` repeats the winners with fresh ones",
    "deterministic": "it says how a trial runs, not what it learns",
    "model.compile": "it says how a trial runs, not what it learns",
    "representation.chunk": "it says how a batch passes the device, not what is learnt",
    "representation.probe_images": "scores of different probes cannot be compared",
    "representation.alignment": "it says what a trial reports, not what it learns",
    "representation.epochs": _STAGE_LENGTH,
    "classifier.epochs": _STAGE_LENGTH,
    "classifier.solver": _STAGE_LENGTH,
    "classifier.fine_tune": _STAGE_LENGTH,
    "classifier.fine_tune_epochs": _STAGE_LENGTH,
    "end_to_end.match": "rungs compare trials whose epochs mean the same",
    "classifier.l2": _ONE_ESTIMATOR,
    "classifier.l2_rules": _ONE_ESTIMATOR,
}


UNIONS = (typing.Union, types.UnionType)


@dataclass(frozen=True)
class Field:
    """What a field means and which values it takes.

    The field takes, by `kind`: a real number; a whole number; one of `words`; any value (a parameter of a user's own
    loss); or something else, which cannot be searched.
    """

    kind: Literal["real", "whole", "words", "any", "other"]
    words: tuple[Value, ...] = ()
    takes_own: bool = False  # whether the field also takes a user's own part, by import path or entry point
    description: str = ""


def by_path(values: Mapping[str, Any], prefix: str = "", depth: int = 99) -> dict[str, Any]:
    """The values of nested mappings by dotted path. Mappings that are nested deeper than `depth` are kept as values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        is_section = isinstance(value, Mapping) and depth > 1
        found |= by_path(value, f"{prefix}{key}.", depth - 1) if is_section else {f"{prefix}{key}": value}
    return found


@cache
def fields() -> Mapping[str, Field]:
    """Every field of a trial by its path, such as loss.eta."""
    return dict(_leaves(TrialConfig, ""))


def searchable() -> dict[str, Field]:
    """The fields that may be searched, by path."""
    return {path: field for path, field in fields().items() if why_not_searched(path) is None and field.kind != "other"}


PARAMETER = re.compile(rf"{OWN_LOSS}\.{NAME}\.{NAME}")
_OF_OWN_LOSS = Field("any", description="A parameter of a loss of your own: own_loss.FUNCTION.PARAMETER.")
_GROUPS = {"model.encoder": ENCODER_GROUP, "loss.name": LOSS_GROUP}  # field: the group of entry points that it takes


def field_at(path: str) -> Field | None:
    """The field at a dotted path, which may be a parameter of a user's own loss; None if there is no such field."""
    return _OF_OWN_LOSS if PARAMETER.fullmatch(path) else fields().get(path)


def read_space(raw: object) -> dict[str, Range]:
    """The ranges by path, read from the raw `space` of a spec. Raises InputError with one line.

    Whether trials take the ends of the ranges is checked later, in `spaces.checks`.
    """
    if not isinstance(raw, Mapping):
        raise InputError(f"space: must be a mapping of fields to ranges, but got {shown(raw)}")
    return {str(path): _read_range(str(path), one) for path, one in raw.items()}


def _read_range(path: str, raw: object) -> Range:
    where = f"space.{printable(path)}"
    reason = why_not_searched(path)
    if reason is not None:
        raise InputError(f"{where}: may not be searched: {reason}")
    field = _OF_OWN_LOSS if PARAMETER.fullmatch(path) else searchable().get(path)
    if field is None:
        inside = [known for known, one in searchable().items() if known.startswith(f"{path}.") and one.kind == "real"]
        if inside:
            raise InputError(f"{where}: is a section; name its fields, such as {inside[0]}: {{uniform: [0, 1]}}")
        raise InputError(f"{where}: unknown field{nearest_paths(path, list(searchable()))}")
    given = parse_range(where, raw)
    if isinstance(given, Choice):
        given = Choice(tuple(with_import_path(path, value) for value in given.values))
    return _fitted(where, given, field)


def with_import_path(path: str, value: Value) -> Value:
    """A value of the field at `path`. If it names an entry point, the import path of this entry point is returned."""
    if path not in _GROUPS or not isinstance(value, str) or value in searchable()[path].words or ":" in value:
        return value
    return path_of(_GROUPS[path], value) or value


def nearest_paths(path: str, known: list[str]) -> str:
    """A hint to append to "unknown …": the most similar path in `known`, else those with the same last word.

    For eta: loss.eta. Empty if there are none.
    """
    hint = did_you_mean(path, known, else_all=False)
    if hint:
        return hint
    last = path.rpartition(".")[2]
    alike = [one for one in known if one.rpartition(".")[2] == last]
    return f"; did you mean {' or '.join(alike)}?" if alike else ""


def why_not_searched(path: str) -> str | None:
    """Why a field may not be searched; None if it may."""
    return next((why for stem, why in NOT_SEARCHED.items() if path == stem or path.startswith(f"{stem}.")), None)


def _fitted(where: str, given: Range, field: Field) -> Range:
    """The range `given`, with its choices in the field's type. Raises InputError if it does not fit the field."""
    if field.kind == "any":
        return given
    if field.kind == "words":
        known = [shown(word).strip("'") for word in field.words]
        if not isinstance(given, Choice):
            raise InputError(f"{where}: takes choice only (of {', '.join(known)}), but got {kind_of(given)}")
        for value in given.values:
            is_own = field.takes_own and isinstance(value, str) and ":" in value
            if not is_own and not any(same(value, word) for word in field.words):
                hint = did_you_mean(str(value), known, else_all=False)
                raise InputError(f"{where}: a choice must be one of {', '.join(known)}, but got {shown(value)}{hint}")
        return given
    if isinstance(given, Choice):
        for value in given.values:
            if not is_number(value) or (field.kind == "whole" and not float(value).is_integer()):
                raise InputError(f"{where}: a choice must be a {field.kind} number, but got {shown(value)}")
        return Choice(tuple(int(value) if field.kind == "whole" else float(value) for value in given.values))
    inner = given.range if isinstance(given, ZeroOr) else given
    if field.kind == "whole" and not isinstance(inner, IntUniform):
        raise InputError(f"{where}: a whole number takes intuniform or choice, but got {kind_of(inner)}")
    return given


def _leaves(section: type[Config], under: str) -> typing.Iterator[tuple[str, Field]]:
    for name, info in section.model_fields.items():
        path = f"{under}.{name}" if under else name
        if isinstance(info.annotation, type) and issubclass(info.annotation, Config):
            yield from _leaves(info.annotation, path)
        else:
            yield path, replace(_field(info.annotation), description=info.description or "")


def _field(annotation: Any) -> Field:
    if typing.get_origin(annotation) in UNIONS and typing.get_origin(typing.get_args(annotation)[0]) is Literal:
        return Field("words", typing.get_args(typing.get_args(annotation)[0]), takes_own=True)
    if annotation is bool or (typing.get_origin(annotation) in UNIONS and bool in typing.get_args(annotation)):
        return Field("words", (True, False))  # if the field also takes a text, no text can be among the choices
    if annotation is int:
        return Field("whole")
    if annotation is float:
        return Field("real")
    if typing.get_origin(annotation) is Literal:
        return Field("words", typing.get_args(annotation))
    return Field("other")  # text, lists, and fields that may be null
