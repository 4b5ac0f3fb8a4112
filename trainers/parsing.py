"""Check raw values against a config class; an error is one line: the path, the rule and the value."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from trainers.config_base import Config
from trainers.errors import InputError
from trainers.wording import did_you_mean, printable, shown

AnyConfig = TypeVar("AnyConfig", bound=Config)


def parse(kind: type[AnyConfig], values: Mapping[str, Any], where: str = "") -> AnyConfig:
    """Check `values` against the config class `kind`, and return the config.

    Raises InputError with one line: the path of the wrong value (under `where`), the rule and the value; for an unknown
    key, its path and the known key that is most similar.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(_first_complaint(kind, error, where)) from None


# Our words for pydantic's errors, by pydantic's name of the error.
_RULES = {
    "missing": "is required",
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "string_type": "must be text (a number or a word like true needs quotes to be text)",
    "string_too_short": "must not be empty",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "literal_error": "must be {expected}",
}


def _first_complaint(kind: type[Config], error: ValidationError, where: str) -> str:
    complaints = error.errors(include_url=False)
    # a misspelt key also makes its right name missing: report the misspelling
    first = next((one for one in complaints if one["type"] == "extra_forbidden"), complaints[0])
    context = first.get("ctx", {})
    said = context.get("error")
    if isinstance(said, InputError):  # a validator of ours that wrote the whole line, path included
        return f"{where}.{said}" if where else str(said)
    names = [str(part) for part in first["loc"]]
    path = where
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    path = printable(path or kind.__name__)
    if first["type"] == "extra_forbidden":
        return f"{path}: unknown key{did_you_mean(names[-1], known_keys(kind, names[:-1]))}"
    value = first["input"]
    rule = _RULES[first["type"]].format(**context) if first["type"] in _RULES else first["msg"]
    rule = rule.removeprefix("Value error, ").replace("Input should be", "must be")
    rule = printable(rule[0].lower() + rule[1:])
    if first["type"] == "missing" or ", but got " in rule or (said and isinstance(value, Mapping)):
        return f"{path}: {rule}"
    hint = ""
    if first["type"] == "literal_error" and isinstance(value, str):
        hint = did_you_mean(value, re.findall("'([^']*)'", context["expected"]), else_all=False)
    return f"{path}: {rule}, but got {shown(value)}{hint}"


def known_keys(kind: type[Config], names: list[str]) -> list[str]:
    """The keys of the section at the path `names` below a config class; empty if there is no such section."""
    here: Any = kind
    for name in names:
        field = here.model_fields.get(name) if isinstance(here, type) and issubclass(here, Config) else None
        if field is None:
            return []
        here = field.annotation
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, Config) else []
