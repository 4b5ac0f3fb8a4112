"""The base class of all configs, and the types of their fields."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from trainers.own_parts import PATH_PATTERN, is_path, path_of, registered
from trainers.wording import did_you_mean


def refuse_bool(value: object) -> object:
    """Return the value. Raises ValueError for true and false, which Python takes for numbers."""
    if isinstance(value, bool):
        raise ValueError("a number must be given, not true or false")
    return value


Real = Annotated[float, BeforeValidator(refuse_bool), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(refuse_bool)]
Rules = Annotated[Literal[1, 2], BeforeValidator(refuse_bool)]  # 1: as in older versions
Seed = Annotated[Whole, Field(ge=0, lt=2**31)]
ColumnName = Annotated[str, Field(min_length=1)]
LEAST_PENALTY = 1e-6  # below it a fit may take thousands of steps


def _penalty(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_PENALTY <= value < float("inf"):
        raise ValueError(f"must be auto or a number of at least {LEAST_PENALTY:g}")
    return float(value)


Penalty = Annotated[
    float | Literal["auto"],
    BeforeValidator(_penalty),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": LEAST_PENALTY}]}),
]


def _images(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be auto or a whole number of at least 1")
    return value


ImagesOrAuto = Annotated[
    int | Literal["auto"],
    BeforeValidator(_images),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1}]}),
]


def _encoder(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"must be one of {', '.join(ENCODERS)}, or a path such as mypkg.models:build")
    if value in ENCODERS or is_path(value) or re.fullmatch(TIMM_PATTERN, value):
        return value
    if (path := path_of(ENCODER_GROUP, value)) is not None:
        return path
    known = [*ENCODERS, *registered(ENCODER_GROUP)]
    told = f"{', '.join(known)}, timm:NAME, or a path such as mypkg.models:build"
    raise ValueError(f"must be one of {told}{near(value, known)}")


def near(value: object, known: list[str]) -> str:
    """Text to append to an error message: the name in `known` that is most similar to `value`; empty if none is.

    An example is ` (did you mean fmnist?)`.
    """
    hint = did_you_mean(str(value), known, else_all=False).removeprefix("; ")
    return f" ({hint})" if hint else ""


ENCODERS = ("small", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
ENCODER_GROUP = "afcl.encoders"  # the group of entry points in which a package registers encoders
TIMM_PATTERN = r"timm:[\w.-]+"
EncoderName = Annotated[
    Literal["small", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] | str,
    BeforeValidator(_encoder),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(ENCODERS)},
                {"type": "string", "pattern": f"^({TIMM_PATTERN}|{PATH_PATTERN})$"},
            ]
        }
    ),
]


def one_of_or_own(words: Sequence[str], group: str, example: str) -> Callable[[object], object]:
    """Make the check of a field whose value is one of `words` or names a piece of the user's own code.

    Args:
        words: the names of what ships with this package.
        group: the group of entry points in which a package registers such code.
        example: an import path, for the message.

    Returns:
        A function of the field's value. It returns one of `words` or an import path; an entry point's name is replaced
        by its import path. It raises ValueError for any other value.
    """

    def checked(value: object) -> object:
        if isinstance(value, str):
            if value in words or is_path(value):
                return value
            if (path := path_of(group, value)) is not None:
                return path
        known = [*words, *registered(group)]
        raise ValueError(f"must be one of {', '.join(known)}, or a path such as {example}{near(value, known)}")

    return checked


DATASETS = ("fmnist", "digits", "folder", "isic2018")
DATASET_GROUP = "afcl.datasets"  # the group of entry points in which a package registers datasets
DatasetName = Annotated[
    Literal["fmnist", "digits", "folder", "isic2018"] | str,
    BeforeValidator(one_of_or_own(DATASETS, DATASET_GROUP, "mypkg.data:load")),
    WithJsonSchema({"anyOf": [{"enum": list(DATASETS)}, {"type": "string", "pattern": f"^{PATH_PATTERN}$"}]}),
]


def _weights(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and ("." in value or "/" in value)):
        return value
    raise ValueError("must be true, false, or the path of a file of weights")


FirstWeights = Annotated[
    bool | str, BeforeValidator(_weights), WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string"}]})
]


def _colour(value: object) -> object:
    """Return a colour's name or hex digits unchanged. Raises ValueError for anything else."""
    if value == "white":
        return value  # checked without Pillow, which few workers import
    from PIL import ImageColor

    rule = """must be a colour: a name such as black, or in quotes as "#ffffff" (# begins a comment in YAML)"""
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-zA-Z]+", value):
        raise ValueError(rule)
    if value[0] != "#" and value.lower() not in ImageColor.colormap:
        raise ValueError(rule + did_you_mean(value, list(ImageColor.colormap), else_all=False))
    return value


class Config(BaseModel):
    """Base of every config: unknown keys are refused, and values cannot be changed once checked.

    The text under a field is its description in the JSON Schema, which editors show.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Colour = Annotated[str, BeforeValidator(_colour)]
