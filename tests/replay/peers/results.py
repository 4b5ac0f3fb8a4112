"""Results of searches on disk: a Parquet table, and beside it the lines of a run that has not ended.

A result counts while its mark is that of today: a hash of what it depends on, the curves, the peer's file and its
libraries' versions, or the product's own code. So a run goes on where it stopped, and what has changed is run again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from curves import CurveFailed, Generator
from peers.environments import requirements_of
from peers.registry import BUDGETS, PEERS, REGIMES

from search.storage.scoring_code import definitions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
KEYS = ["peer", "regime", "slots", "seed", "most_epochs"]
OWN_CODE = ("search/algorithms/*.py", "search/engine/controller.py", "search/engine/replay.py", "spaces/demo.yaml")


class Results:
    """The table at `path` and its lines.

    Args:
        path: of the Parquet table.
        marks: by peer; others' results count no more.
    """

    def __init__(self, path: Path, marks: Mapping[str, str]) -> None:
        self._path, self._lines, self._marks = path, path.with_suffix(".jsonl"), marks

    def there(self) -> set[tuple[Any, ...]]:
        """The keys of the searches that need not run again."""
        table = self.table()
        return set(table[KEYS].drop_duplicates().itertuples(index=False, name=None))

    def add(self, result: Mapping[str, Any]) -> None:
        """Keep a search's result, safe from a kill from now on."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_cut = self._lines.exists() and not self._lines.read_bytes().endswith(b"\n")  # by a kill
        line = json.dumps({**result, "mark": self._marks[result["peer"]]})
        with self._lines.open("a", encoding="utf-8") as lines:
            lines.write(f"\n{line}\n" if is_cut else f"{line}\n")

    def table(self) -> pd.DataFrame:
        """All that counts: a row for each point of each search, in the order of the keys."""
        parts = [pd.read_parquet(self._path)] if self._path.exists() else []
        if self._lines.exists():
            parts.append(as_rows(_whole(self._lines.read_text(encoding="utf-8").splitlines())))
        if not parts:
            return as_rows([])
        found = pd.concat([part for part in parts if not part.empty] or parts[:1], ignore_index=True)
        found = found[found["mark"] == found["peer"].map(self._marks)]
        return found.drop_duplicates([*KEYS, "epochs_spent"]).sort_values([*KEYS, "epochs_spent"], ignore_index=True)

    def gather(self) -> pd.DataFrame:
        """Put the lines into the table, and give it."""
        table = self.table()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        table.to_parquet(partial, compression="zstd", index=False)
        partial.replace(self._path)
        self._lines.unlink(missing_ok=True)
        return table


def as_rows(results: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A row for each point."""
    columns = [*KEYS, "mark", "epochs_spent", "seconds", "regret", "trials", "finished", "failed"]
    rows = [{**{key: one[key] for key in [*KEYS, "mark"]}, **point} for one in results for point in one["points"]]
    kinds = {"seconds": "float32", "regret": "float32", "peer": "str", "regime": "str", "mark": "str"}
    return pd.DataFrame(rows, columns=columns).astype({name: kinds.get(name, "int32") for name in columns})


def panel_of(table: pd.DataFrame, regime: str, slots: int) -> pd.DataFrame:
    """The rows of one regime and one number of slots."""
    is_in = (table["regime"] == regime) & (table["slots"] == slots) & (table["most_epochs"] == BUDGETS[slots])
    return table[is_in]


def _whole(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The results in lines; one that a kill cut off is left out."""
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def marks() -> dict[str, str]:
    """By peer: a hash of all that its results depend on."""
    of_curves = curves_mark()
    return {name: _hash(of_curves, name, *_code_of(name)) for name in PEERS}


def curves_mark() -> str:
    """A hash of what the generator of curves says, not of how it is written."""
    said: list[float | None] = []
    for regime in REGIMES:
        for seed in (0, 1):
            curves = Generator(seed, regime)
            said.append(curves.best)
            for place in range(12):
                values = curves.from_units([(0.37 * place + 0.21 * k) % 1 for k in range(len(curves.space))])
                said.append(curves.truth(values))
                for epoch in (1, 5, curves.epochs):
                    said.append(curves.seconds(values, epoch))
                    try:
                        said.append(curves.value(values, place, epoch))
                    except CurveFailed:
                        said.append(None)
    return _hash(*(f"{one:.10f}" if one is not None else "failed" for one in said))


def _code_of(name: str) -> list[str]:
    entry = PEERS[name]
    files = [HERE / "loop.py", HERE / f"{entry.module}.py", HERE.parent / "regret.py"]
    if entry.module == "product":
        files += [HERE.parent / "played.py", *(file for one in OWN_CODE for file in sorted(ROOT.glob(one)))]
    code = [text for file in files for text in _text_of(file)]
    if entry.environment == "product":
        return [*sorted(code), *(f"{library} {version(library)}" for library in ("optuna", "ray"))]
    return [*sorted(code), *requirements_of(entry.environment)]


def _text_of(file: Path) -> list[str]:
    return list(definitions(file, None)) if file.suffix == ".py" else [file.read_text(encoding="utf-8")]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
