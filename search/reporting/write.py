"""The way to the report from a session: a machine that only trains may lack plotly, which draws it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.errors import EnvironmentProblem

if TYPE_CHECKING:
    from search.reporting.report import Written


def write_report(
    name: str,
    *,
    png: bool = False,
    sensitivity: Mapping[str, float] | None = None,
    results: Path | None = None,
    data: Path | None = None,
) -> "Written":
    """Do as search.reporting.report.report does. Raises EnvironmentProblem also where plotly is not installed."""
    try:
        from search.reporting.report import report
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":  # a mistake of ours
            raise
        raise EnvironmentProblem(f"no report of {name}: plotly, which draws it, is not installed here") from None
    return report(name, png=png, sensitivity=sensitivity, results=results, data=data)
