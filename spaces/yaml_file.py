"""Reads a YAML file that a person wrote, and says in one line what is wrong with it and where.

PyYAML's loaders follow YAML 1.1, where `1e-3` is text, `90:10` is 5410 and `no` is false. Here scalars are read
as in YAML 1.2, by which editors check the same file. Some things that a spec never needs can only be a mistake
or an attack. They are refused: keys given twice, aliases, tags, deep nesting, large files.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from trainers.errors import InputError
from trainers.wording import printable, shown

MAX_BYTES = 256_000  # PyYAML reads about 130 kB a second, and a spec has 2 kB
MAX_DEPTH = 20

_SCALARS = [  # YAML 1.2's core schema: tag, form, first characters
    ("null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    ("int", re.compile(r"[-+]?[0-9]+"), list("-+0123456789")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), list("-+.0123456789")),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), list("-+.")),
]
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """A file's values, and the line of every key by its dotted path."""

    values: dict[str, Any]
    lines: dict[str, int]


def read_mapping(path: Path, name: str = "") -> Document:
    """Read the mapping in a YAML file; `name` is what messages call the file (by default its path).

    Raises InputError with one line: the file, the line and column where they are known, and what is wrong.
    """
    name = printable(name or str(path))
    try:
        if path.is_dir():
            raise InputError(f"{name}: is a folder, not a YAML file")
        if path.exists() and not path.is_file():  # reading a pipe or a device might never end
            raise InputError(f"{name}: is not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: is larger than {MAX_BYTES // 1000} kB, which no spec needs")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is not UTF-8 text (byte {error.start} is 0x{content[error.start]:02x})") from None
    values, lines = parse_yaml(text, name)
    if values is None:
        raise InputError(f"{name}: is empty; a mapping of keys to values is needed")
    if not isinstance(values, dict):
        raise InputError(f"{name}: must hold a mapping of keys to values, but got {shown(values)}")
    return Document(values, lines)


def parse_yaml(text: str, name: str) -> tuple[Any, dict[str, int]]:
    """The plain value of one YAML document and the line of each of its keys. Raises InputError with one line."""
    lines: dict[str, int] = {}
    try:
        node = _composed(text)
        return (None if node is None else _plain(node, "", lines)), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = error.problem or error.context or "is not YAML"
        if problem.startswith("but ") and error.context:
            problem = f"{error.context}, {problem}"
        if "'\\t'" in problem:
            problem = "a tab where YAML wants spaces"
        raise InputError(f"{name}{place}: {printable(problem)}") from None
    except yaml.reader.ReaderError as error:
        raise InputError(f"{name}: is not text: character {error.position} is {error.character:#x}") from None


@lru_cache(maxsize=64)
def _composed(text: str) -> yaml.Node | None:
    """The nodes of one document; callers must not change them. Cached, because a search's spec is read often."""
    return _Reader(text).get_single_node()


class _Reader(yaml.SafeLoader):
    """PyYAML's parser with YAML 1.2 scalars, without aliases and deep nesting."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # a table of the class
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _complaint(f"alias *{event.anchor}: write the value out instead", event)
        if self.depth == MAX_DEPTH:
            raise _complaint("is nested too deeply", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Writer(yaml.SafeDumper):
    """PyYAML's writer, which also quotes text that only YAML 1.2 would read as a number (1e3)."""

    def ignore_aliases(self, data: object) -> bool:
        return True


for _tag, _form, _first in _SCALARS:
    anchored = re.compile(rf"(?:{_form.pattern})\Z")
    _Reader.add_implicit_resolver(_TAG + _tag, anchored, _first)
    _Writer.add_implicit_resolver(_TAG + _tag, anchored, _first)


def dump_yaml(values: dict[str, Any]) -> str:
    """YAML that `parse_yaml` reads back as the same values, the innermost mappings and lists on one line each."""
    text: str = yaml.dump(
        values, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    return text


def _plain(node: yaml.Node, path: str, lines: dict[str, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_plain(one, path, {}) for one in node.value]
    kind = node.tag.removeprefix(_TAG)
    try:
        if isinstance(node, yaml.ScalarNode):
            return _plain_scalar(kind, node.value)
    except (ValueError, KeyError):
        raise _complaint(f"{shown(node.value)} cannot be read as {kind}", node) from None
    raise _complaint(f"tag {node.tag} is not allowed", node)


def _plain_mapping(node: yaml.MappingNode, path: str, lines: dict[str, int]) -> dict[str, Any]:
    if node.tag != f"{_TAG}map":
        raise _complaint(f"tag {node.tag} is not allowed", node)
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _complaint("a key must be a word", key_node)
        key = key_node.value  # as written: a key is always text
        if key in values:
            raise _complaint(f"{path + '.' if path else ''}{key}: is given twice", key_node)
        here = f"{path}.{key}" if path else key
        lines[here] = key_node.start_mark.line + 1
        values[key] = _plain(value_node, here, lines)
    return values


def _plain_scalar(kind: str, text: str) -> Any:
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()]
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    raise KeyError(kind)


def _complaint(problem: str, where: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    mark: Any = where.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
