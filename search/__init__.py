"""Many trials: the words of the command line as functions, for notebooks.

import search
found = search.run("spaces/demo.yaml")
search.export(found.folder.name, top=3)
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.engine.runner import SearchResult
    from spaces.spec import SearchSpec

__all__ = ["export", "extend", "resume", "run"]

# Ray's workers import this package at the start of a trial: what only the driver needs is imported in the functions.


def run(spec: "SearchSpec | str | Path", overrides: Sequence[str] = (), **options: Any) -> "SearchResult":
    """Run a new search: a spec, or the path or name of one, with overrides as for `--set`.

    See search.engine.runner.run.
    """
    from search.engine import runner
    from spaces.spec import SearchSpec, load_spec

    return runner.run(spec if isinstance(spec, SearchSpec) else load_spec(str(spec), overrides), **options)


def resume(name: str, **options: Any) -> "SearchResult":
    """Go on with a search from its journal; see search.engine.runner.resume."""
    from search.engine import runner

    return runner.resume(name, **options)


def extend(name: str, trials: int, **options: Any) -> "SearchResult":
    """Go on with a search with so many trials more; see search.engine.runner.resume."""
    from search.engine import runner

    return runner.resume(name, extend_by=trials, **options)


def export(name: str, **options: Any) -> list[Path]:
    """Write a search's best configurations; see search.exports.export.export."""
    from search.exports import export as exports

    return exports.export(name, **options)
