"""A comparison of searches, as lines and tables for a terminal."""

from collections.abc import Iterator

from rich.console import RenderableType

from search.display.block_curves import block_curves
from search.display.durations import in_words as duration
from search.display.fitted import Column, FittedTable
from search.display.leaderboard import WITH_ERROR
from search.evidence.side_by_side import Side, SideBySide, in_words
from search.journal.labels import values_of


def comparison(found: SideBySide) -> Iterator[RenderableType]:
    """The comparison as lines and tables.

    It shows the best trial of each search with its scores on fresh seeds, the best score so far by trials begun,
    and whether the searches differ.
    """
    yield f"data: {found.data}"
    yield f"score: {found.metric} {WITH_ERROR}"
    yield ""
    has_seeds = any(side.validated is not None for side in found.sides)
    columns = [Column("search"), Column("score"), *([Column("fresh seeds")] if has_seeds else []), Column("trial")]
    columns += [Column("loss"), Column("trials", right=True), Column("took"), Column("values", gives_way="wrapped")]
    yield FittedTable(tuple(columns), [_row(side, has_seeds=has_seeds) for side in found.sides])
    yield ""
    heads = [Column(f"{count} begun") for count in found.after]
    scores = [(side.name, *(_score(side.best_after(count)) for count in found.after)) for side in found.sides]
    yield FittedTable((Column("best so far"), *heads), scores)
    yield ""
    drawn = block_curves([side.curve for side in found.sides])
    rows = [(side.name, curve) for side, curve in zip(found.sides, drawn, strict=True)]
    yield FittedTable((Column("trial by trial"), Column("")), rows)
    yield ""
    yield from in_words(found)


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _row(side: Side, *, has_seeds: bool) -> tuple[str, ...]:
    best = side.best
    score = "" if best is None else f"{best.score:.4f}" + ("" if side.error is None else f" ± {side.error:.4f}")
    seeds = "" if side.validated is None else side.validated.in_words()
    return (
        side.name,
        score,
        *([seeds] if has_seeds else []),
        "" if best is None else str(best.number),
        "" if best is None else best.family,
        str(side.ended),
        "" if side.seconds is None else duration(side.seconds),
        "" if best is None else values_of(best),
    )
