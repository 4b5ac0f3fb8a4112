"""Many trials: the words of the command line as functions, for notebooks.

import search
found = search.run("spaces/demo.yaml")
search.export(found.folder.name, top=3)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.api import Confirmation, SearchResult, confirm, export, extend, resume, run

__all__ = ["Confirmation", "SearchResult", "confirm", "export", "extend", "resume", "run"]


def __getattr__(name: str) -> Any:
    """The public names, when they are asked for: Ray's workers import this package, and need none of them."""
    if name in __all__:
        from search import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
