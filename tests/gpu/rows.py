"""What the GPU check has to tell: rows, and the table that they make in results/bench/gpu.md and gpu.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainers.files import write_atomically


@dataclass(frozen=True)
class Row:
    """One measured thing, and the goal that it has, if it has one.

    value: a number, or "yes" or "no" for a thing that is right or is not. at_most, at_least: the goal of a number.
    """

    what: str
    value: float | str
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @classmethod
    def check(cls, what: str, ok: bool, note: str = "") -> "Row":
        """A thing that is right or is not."""
        return cls(what, "yes" if ok else "no", note=note)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if isinstance(self.value, str):
            return {"yes": True, "no": False}.get(self.value)
        if self.at_most is None and self.at_least is None:
            return None
        # NaN meets no goal
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def goal(self) -> str:
        """The goal in words."""
        if isinstance(self.value, str):
            return "yes" if self.met is not None else ""
        parts = [f"≤ {self.at_most:g}" if self.at_most is not None else ""]
        parts.append(f"≥ {self.at_least:g}" if self.at_least is not None else "")
        return " and ".join(part for part in parts if part)


@dataclass
class Section:
    """What one section told, and how it ended."""

    name: str
    about: str
    rows: list[Row]
    ending: str = "not run"
    seconds: float = 0.0
    error: str = ""
    told_by: str = ""  # when, on which card and at which commit


def earlier(folder: Path, name: str) -> dict[str, Section]:
    """The sections that a table holds from runs before this one; none where there is no table."""
    try:
        content = json.loads((folder / f"{name}.json").read_text())
    except FileNotFoundError:
        return {}
    return {
        each["name"]: Section(**each | {"rows": [Row(**row) for row in each["rows"]]}) for each in content["sections"]
    }


def write(folder: Path, name: str, about: dict[str, Any], sections: Sequence[Section]) -> None:
    """Write the table as FOLDER/NAME.md for people and FOLDER/NAME.json for programs."""
    folder.mkdir(parents=True, exist_ok=True)
    content = about | {"sections": [asdict(each) for each in sections]}
    write_atomically(folder / f"{name}.json", (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    write_atomically(folder / f"{name}.md", markdown(about, sections).encode())


def markdown(about: dict[str, Any], sections: Sequence[Section]) -> str:
    """The table as Markdown: what machine it was taken on, then each section."""
    known = "; ".join(f"{key}: {value}" for key, value in about.items() if key != "versions")
    used = ", ".join(f"{key} {value}" for key, value in about["versions"].items())
    lines = ["# The GPU check", "", f"{known}; {used}.", "", *_counts(sections)]
    for section in sections:
        lines += ["", f"## {section.name}: {section.about}", ""]
        lines += [f"{section.told_by}, {section.seconds:.0f} s.", ""] if section.told_by else []
        if section.ending != "done":
            lines += [f"**{section.ending}** after {section.seconds:.0f} s. {section.error}".strip(), ""]
        if section.rows:
            lines += ["| what | value | goal | met | note |", "| --- | ---: | --- | --- | --- |"]
            lines += [f"| {' | '.join(_cells(row))} |" for row in section.rows]
    return "\n".join(lines) + "\n"


def _counts(sections: Sequence[Section]) -> list[str]:
    with_goal = [(section.name, row) for section in sections for row in section.rows if row.met is not None]
    missed = [f"- {name}: {row.what}" for name, row in with_goal if not row.met]
    line = f"{len(with_goal) - len(missed)} of {len(with_goal)} goals are met"
    return [line + (", these are not:" if missed else "."), *(["", *missed] if missed else [])]


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "**no**", None: ""}[row.met]
    return (row.what, f"{shown(row.value)} {row.unit}".strip(), row.goal, met, row.note.replace("|", "/"))


def shown(value: float | str) -> str:
    """A value in three digits."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
