"""The page of tests/bench/estimators.py: test scores by cell, and paired differences with their intervals."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scipy.stats import t

Scores = dict[str, dict[str, dict[int, float]]]  # by cell, estimator and seed
CANDIDATES = ("min", "eff", "class", "cv", "lda")
ORDER = ("adamw", "probe", *CANDIDATES)
LATER = ("dims", "dof")  # for encoders with many features
OF_MANY = ("adamw", "min", "eff", "class", "cv", "lda", *LATER)
METRICS = {"balanced_accuracy": "Balanced accuracy", "auroc": "AUROC, mean over classes"}


def read_rows(work: Path) -> list[dict[str, Any]]:
    """What has been measured."""
    return [row for path in sorted(work.glob("*.json")) for row in json.loads(path.read_text())]


def by_cell(rows: Sequence[dict[str, Any]], cells: Sequence[str], names: Sequence[str], metric: str) -> Scores:
    """The scores of the encoders on which all the named estimators were fitted, cells in their order."""
    found: Scores = {}
    fitted = defaultdict(set)
    for row in rows:
        fitted[row["cell"], row["seed"]].add(row["estimator"])
    for cell in cells:
        inside = [row for row in rows if row["cell"] == cell and fitted[cell, row["seed"]] >= {*names}]
        if inside:
            found[cell] = {
                name: {row["seed"]: row[metric] for row in inside if row["estimator"] == name} for name in names
            }
    return found


def difference(scores: dict[str, dict[int, float]], one: str, other: str) -> tuple[float, float, int]:
    """Mean over seeds of one - other, its standard error, and the seeds less one."""
    paired = [scores[one][seed] - scores[other][seed] for seed in scores[one]]
    error = stdev(paired) / math.sqrt(len(paired)) if len(paired) > 1 else math.nan
    return mean(paired), error, len(paired) - 1


def overall(scores: Scores, one: str, other: str) -> tuple[float, float, float, str]:
    """The mean over cells of the differences, half its 95 % interval, the worst cell's difference and its name.

    The cells are these and no sample of others; the interval is the seeds'. Its degrees of freedom are Welch's.
    """
    found = {cell: difference(of_cell, one, other) for cell, of_cell in scores.items()}
    errors = [(error, freedom) for _, error, freedom in found.values() if not math.isnan(error)]
    variance = sum(error**2 for error, _ in errors)
    fourth = sum(error**4 / freedom for error, freedom in errors)
    half = t.ppf(0.975, variance**2 / fourth) * math.sqrt(variance) / len(found) if fourth else math.nan
    worst = min(found, key=lambda cell: found[cell][0])
    return mean(value for value, _, _ in found.values()), half, found[worst][0], worst


def lines(rows: Sequence[dict[str, Any]], groups: Mapping[str, Sequence[str]], about: str) -> Iterator[str]:
    """The page in Markdown. groups: the names of cells, by what their encoders have in common; the first was first."""
    yield "# Which linear classifier: the choice of `classifier.l2: auto`"
    yield ""
    yield about
    cells = [cell for inside in groups.values() for cell in inside]
    first, *_ = groups.values()
    pairs = [(name, "adamw") for name in ORDER[1:]] + [(name, "probe") for name in CANDIDATES]
    pairs += [(b, a) for a, b in combinations(CANDIDATES, 2)]
    for metric, words in METRICS.items():
        scores = by_cell(rows, first, ORDER, metric)
        yield from ["", f"## {words} on the test images, `small` of width 8", ""]
        yield from _means(scores, ORDER)
        yield from ["", f"### {words}: paired differences to adamw, with 95 % t intervals over seeds", ""]
        yield from _differences(scores, ORDER[1:], "adamw")
        yield from ["", f"### {words}: over all these cells", ""]
        yield from _overall(scores, pairs)
    for metric, words in METRICS.items():
        scores = by_cell(rows, cells, OF_MANY, metric)
        yield from ["", f"## {words}: a penalty that knows of the features", ""]
        yield from _means(scores, OF_MANY)
        yield from ["", f"### {words}: paired differences to eff, with 95 % t intervals over seeds", ""]
        yield from _differences(scores, ("adamw", "min", "class", "cv", *LATER), "eff")
        for group, inside in groups.items():
            if measured := {cell: scores[cell] for cell in inside if cell in scores}:
                yield from ["", f"### {words}: {group}", ""]
                yield from _overall(measured, [("dof", other) for other in OF_MANY[:-1]] + [("dims", "eff")])
    yield from ["", "## Seconds of a fit, on busy cores, and the penalties that were fitted", ""]
    yield from _costs(rows)


def _means(scores: Scores, names: Sequence[str]) -> Iterator[str]:
    yield f"| data | seeds | {' | '.join(names)} |"
    yield f"| --- {'| --- ' * (len(names) + 1)}|"
    for cell, found in scores.items():
        values = " | ".join(f"{mean(found[name].values()):.4f}" for name in names)
        yield f"| {cell} | {len(found['adamw'])} | {values} |"


def _differences(scores: Scores, names: Sequence[str], to: str) -> Iterator[str]:
    yield f"| data | {' | '.join(names)} |"
    yield f"| --- {'| --- ' * len(names)}|"
    for cell, found in scores.items():
        yield f"| {cell} | {' | '.join(_with_interval(*difference(found, name, to)) for name in names)} |"


def _with_interval(value: float, error: float, freedom: int) -> str:
    return f"{value:+.4f}" if math.isnan(error) else f"{value:+.4f} ± {t.ppf(0.975, freedom) * error:.4f}"


def _overall(scores: Scores, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "| difference | mean over cells | worst cell | where | best cell |"
    yield "| --- | --- | --- | --- | --- |"
    for one, other in pairs:
        if all(of_cell[one] == of_cell[other] for of_cell in scores.values()):
            continue  # with 32 features dims is eff
        middle, half, worst, where = overall(scores, one, other)
        best = -overall(scores, other, one)[2]
        mean_of_all = f"{middle:+.4f}" if math.isnan(half) else f"{middle:+.4f} ± {half:.4f}"
        yield f"| {one} - {other} | {mean_of_all} | {worst:+.4f} | {where} | {best:+.4f} |"


def _costs(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| estimator | mean seconds | l2, least | l2, most |"
    yield "| --- | --- | --- | --- |"
    for name in (*ORDER, *LATER):
        mine = [row for row in rows if row["estimator"] == name]
        penalties = [row["l2"] for row in mine if row.get("l2")]
        span = f"{min(penalties):.2g} | {max(penalties):.2g}" if penalties else "none | none"
        yield f"| {name} | {mean(row['seconds'] for row in mine):.3f} | {span} |"


def rounded(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as JSON, a line each, without more digits than tell anything."""
    plain = [
        {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in row.items()}
        for row in rows
    ]
    return "[\n" + ",\n".join(json.dumps(row) for row in plain) + "\n]\n"
