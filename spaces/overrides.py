"""`--set a.b=c`: a change of a spec's raw values before they are checked."""

from collections.abc import Iterable, Mapping
from typing import Any

from spaces.fields import nearest_paths
from spaces.yaml_file import parse_yaml
from trainers.config_base import Config
from trainers.errors import InputError
from trainers.loss_config import OWN_LOSS
from trainers.parsing import known_keys
from trainers.wording import did_you_mean, printable, shown

FLAG = "--set"


def apply_override(kind: type[Config], values: dict[str, Any], text: str) -> str:
    """Apply one override to the raw values of a spec, in place.

    Everything after `space.` is one key, because the keys of a space contain dots. For such a key, null removes the
    range.

    Args:
        kind: the config class that the values are for.
        values: the raw values.
        text: the override, PATH=YAML.

    Returns:
        The path.

    Raises:
        InputError: one line.
    """
    path, equals, written = text.partition("=")
    path = path.strip()
    if not equals or not path:
        raise InputError(f"{FLAG} {shown(text)}: must be path=value, such as search.trials=64")
    where = f"{FLAG} {printable(path)}"
    if not written.strip():
        raise InputError(f"{where}: a value must follow the = (null for none)")
    names = ["space", path.removeprefix("space.")] if path.startswith("space.") else path.split(".")
    _check_known(kind, names, path, where)
    value, _ = parse_yaml(written, where)
    section = values
    for depth, name in enumerate(names[:-1], 1):
        inner = section.setdefault(name, {})
        if not isinstance(inner, dict):
            at = ".".join(names[:depth])
            raise InputError(f"{where}: {at} must be a mapping of keys to values, but got {shown(inner)}")
        section = inner
    if names[0] == "space" and len(names) == 2 and value is None:
        if section.pop(names[1], None) is None:
            raise InputError(f"{where}: there is no such range to take away{did_you_mean(names[1], list(section))}")
    else:
        section[names[-1]] = value
    return path


def _check_known(kind: type[Config], names: list[str], path: str, where: str) -> None:
    if names[0] == "space" or (names[0] == OWN_LOSS and len(names) > 1):
        return  # keys below `space` are checked with the ranges, and keys below `own_loss` with the losses
    for depth, name in enumerate(names):
        if name not in known_keys(kind, names[:depth]):
            raise InputError(f"{where}: unknown key{nearest_paths(path, all_paths(kind))}")


def all_paths(kind: type[Config], under: str = "") -> list[str]:
    """The paths of every section and field below a config class."""
    paths = []
    for name in known_keys(kind, under.split(".") if under else []):
        path = f"{under}.{name}" if under else name
        paths += [path, *all_paths(kind, path)]
    return paths


def misplaced_range(values: Mapping[str, Any], paths: Iterable[str], kinds: tuple[str, ...]) -> str | None:
    """The first of the paths at which `values` has a range instead of a fixed value; None if there is none."""
    for path in paths:
        here: Any = values
        for name in path.split("."):
            here = here.get(name) if isinstance(here, Mapping) else None
        if isinstance(here, Mapping) and any(key in kinds for key in here):
            return path
    return None
