"""Read a range from the form that it has in a YAML spec."""

from collections.abc import Mapping
from typing import Any

from spaces.ranges import NUMBER_WITHOUT_A_DOT, Choice, IntUniform, LogUniform, Range, Uniform, ZeroOr, is_number
from trainers.errors import InputError
from trainers.wording import did_you_mean, shown

KINDS = ("uniform", "loguniform", "intuniform", "choice", "zero_or")


def parse_range(path: str, raw: object) -> Range:
    """Read a range from its YAML form, such as {loguniform: [1, 300]}; `path` is named in the one-line InputError."""
    try:
        return _read(raw)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read(raw: object) -> Range:
    if isinstance(raw, Range):
        return raw
    if not isinstance(raw, Mapping) or not raw:
        raise InputError(f"must be a range such as {{uniform: [0, 1]}}, but got {shown(raw)}")
    kinds = [str(key) for key in raw if key != "share"]
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"unknown kind of range {shown(kind)}{did_you_mean(kind, list(KINDS))}")
    if len(kinds) != 1:
        raise InputError(f"must name one kind of range, but got {' and '.join(kinds) or 'share alone'}")
    kind, inside = kinds[0], raw[kinds[0]]
    if kind == "zero_or":
        if not isinstance(inside, Mapping):
            raise InputError(
                f"zero_or must hold a range, such as {{zero_or: {{loguniform: [1, 300]}}}}, but got {shown(inside)}"
            )
        # the class itself checks the kind of the inner range and the size of the share
        return ZeroOr(_read(inside), written_as_number(raw.get("share", 0.25)))  # type: ignore[arg-type]
    if "share" in raw:
        raise InputError(f"share belongs to zero_or, but got it with {kind}")
    if kind == "choice":
        if not isinstance(inside, list | tuple):
            raise InputError(f"choice must hold a list of values, but got {shown(inside)}")
        return Choice(tuple(written_as_number(one) for one in inside))
    if not isinstance(inside, list | tuple) or len(inside) != 2:
        raise InputError(f"{kind} must hold [low, high], but got {shown(inside)}")
    low, high = (written_as_number(end) for end in inside)
    if kind == "intuniform":
        return IntUniform(_whole(low), _whole(high))
    return LogUniform(low, high) if kind == "loguniform" else Uniform(low, high)


def written_as_number(value: Any) -> Any:
    """`value`, except that a text such as 1e-3 becomes the number that YAML 1.2 reads in it."""
    if isinstance(value, str) and NUMBER_WITHOUT_A_DOT.fullmatch(value):
        return float(value)
    return value


def _whole(end: Any) -> Any:
    return int(end) if is_number(end) and float(end).is_integer() else end
