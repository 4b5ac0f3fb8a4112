"""Write the report, with a clear error on a machine that lacks plotly because it only trains."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.errors import EnvironmentProblem

if TYPE_CHECKING:
    from search.reporting.pictures import Kind
    from search.reporting.report import Written


def write_report(
    name: str,
    *,
    png: bool = False,
    figures: "Kind | None" = None,
    sensitivity: Mapping[str, float] | None = None,
    results: Path | None = None,
    data: Path | None = None,
) -> "Written":
    """Do what `search.reporting.report.report` does; raise EnvironmentProblem also if plotly is not installed."""
    try:
        from search.reporting.report import report
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":  # another missing module is our own mistake
            raise
        raise EnvironmentProblem(f"no report of {name}: plotly, which draws it, is not installed here") from None
    return report(name, png=png, figures=figures, sensitivity=sensitivity, results=results, data=data)
