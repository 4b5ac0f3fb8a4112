"""JSON Schema of a spec's `space`: which ranges each field takes. The config classes give the rest of the schema."""

from typing import Any

from spaces.fields import PARAMETER, Field, field_at, searchable
from trainers.loss_config import OWN_LOSS

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _pair(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 2, "maxItems": 2}


def space_schema() -> dict[str, Any]:
    """The schema of a mapping from searchable paths to the ranges that fit them."""
    of_own_loss = field_at(f"{OWN_LOSS}.loss.parameter")
    assert of_own_loss is not None, "a parameter of a loss of the user's own is a field"
    return {
        "type": "object",
        "description": "The ranges, by the path of their field; each overrides the field's fixed value.",
        "properties": {
            path: {"description": field.description} | _range_schema(field) for path, field in searchable().items()
        },
        "patternProperties": {
            f"^{PARAMETER.pattern}$": {"description": of_own_loss.description} | _range_schema(of_own_loss)
        },
        "additionalProperties": False,
    }


def in_standard_words(schema: Any) -> Any:
    """Replace pydantic's words for bounds (gt, le), which it leaves in fields with a validator, by JSON Schema's."""
    if isinstance(schema, list):
        return [in_standard_words(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    words = _BOUNDS if schema.get("type") in ("number", "integer") else {}
    return {words.get(key, key): in_standard_words(value) for key, value in schema.items()}


def _range_schema(field: Field) -> dict[str, Any]:
    if field.kind == "words":
        words = {"enum": list(field.words)}
        own = {"type": "string", "pattern": ":"}  # the import path of a user's own part, or timm:NAME
        return {"oneOf": [_choice({"anyOf": [words, own]} if field.takes_own else words)]}
    whole = _form("intuniform", _pair({"type": "integer"}), "a whole number, both ends included")
    if field.kind == "whole":
        inside, item = [whole], dict[str, Any](type="integer")
    else:
        inside = [
            _form("uniform", _pair({"type": "number"}), "a number, every part of the range equally likely"),
            _form(
                "loguniform",
                _pair({"type": "number", "exclusiveMinimum": 0}),
                "a positive number, every factor equally likely",
            ),
            whole,
        ]
        item = {"type": "number"} if field.kind == "real" else {"type": ["number", "string", "boolean"]}
    zero_or = _form("zero_or", {"oneOf": inside}, "exactly 0 with probability `share`, else from the range inside")
    zero_or["properties"]["share"] = {
        "type": "number",
        "description": "The probability of exactly 0.",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.25,
    }
    return {"oneOf": [*inside, zero_or, _choice(item)]}


def _choice(item: dict[str, Any]) -> dict[str, Any]:
    values = {"type": "array", "items": item, "minItems": 2, "uniqueItems": True}
    return _form("choice", values, "one of these, each equally likely")


def _form(key: str, holds: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: {"description": description} | holds},
        "required": [key],
        "additionalProperties": False,
    }
