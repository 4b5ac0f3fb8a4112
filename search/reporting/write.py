"""Write the report, with an error that people understand on machines that lack plotly because they only train."""

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
    """As `search.reporting.report.report`; also raises EnvironmentProblem if plotly is not installed."""
    try:
        from search.reporting.report import report
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":  # another missing module is our own mistake
            raise
        raise EnvironmentProblem(f"no report of {name}: plotly, which draws it, is not installed here") from None
    return report(name, png=png, figures=figures, sensitivity=sensitivity, results=results, data=data)
