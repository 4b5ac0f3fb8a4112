"""JSON Schema of a spec's `space`: which ranges each field takes. The config classes give the rest of the schema."""

from typing import Any

from spaces.fields import Field, searchable

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _pair(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 2, "maxItems": 2}


def space_schema() -> dict[str, Any]:
    """The schema of a mapping from searchable paths to the ranges that fit them."""
    return {
        "type": "object",
        "description": "The ranges, by the path of their field; each overrides the field's fixed value.",
        "properties": {
            path: {"description": field.description} | _range_schema(field) for path, field in searchable().items()
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
        return {"oneOf": [_choice({"enum": list(field.words)})]}
    whole = _form("intuniform", _pair({"type": "integer"}), "a whole number, both ends included")
    if field.kind == "whole":
        inside, item = [whole], {"type": "integer"}
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
        item = {"type": "number"}
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
