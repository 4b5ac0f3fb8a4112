"""Hyper-parameter searches for the asymmetric focal contrastive loss: every command of `afcl` is a function here.

    import search

    found = search.run("demo", name="mine", trials=8)
    print(found.best.values, found.frames().trials)
    found.confirm(seeds=10)
    found.export(top=3)

`afcl search` is `search.run`; `afcl data check` and `afcl data fetch` are `search.data_check` and `search.data_fetch`;
every other command has a function of its own name. `search.open` returns an existing search as a `Search` object.

What is public: the names in `search.__all__`, with their arguments and the public attributes of what they return, the
values that `--json` prints, the exit codes, and the files that `export` writes. All versions 0.x.y with the same x keep
these as they are. A version with a new x may change them, and its release notes say how; searches of older versions can
still be opened. Everything else in the packages search, spaces and trainers may change at any time.
"""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.api import Spec, extend, plan, resume, run, stop
    from search.cluster.submit import JobStatus, Submitted
    from search.confirming import confirm
    from search.engine.confirmation import Confirmed
    from search.engine.doctor import Finding
    from search.engine.plan import Calibration, Plan
    from search.engine.runner import SessionEnd
    from search.evidence.evidence import Evidence
    from search.evidence.side_by_side import SideBySide
    from search.exports.prediction import Prediction, Predictions
    from search.exports.retrain import Comparison
    from search.handle import Search, SearchResult
    from search.journal.frames import Frames
    from search.journal.history import Decision, History, Trial
    from search.machine import data_check, data_fetch, doctor, schema
    from search.outcomes import BestTrial, CheckedData, Confirmation, Listed, Planned
    from search.reading import compare, explain, logs, report, show, sync, ui
    from search.reading import list_searches as list  # noqa: A004  # named as the command
    from search.reading import open_search as open  # noqa: A004  # read as `search.open`
    from search.reporting.report import Written
    from search.storage.search_folder import SearchFolder
    from search.submitted import status, submit
    from search.takeaway import export, predict, rm, train
    from search.tracking.outbox import Synced
    from spaces.spec import SearchSpec
    from trainers.errors import DivergedError, EnvironmentProblem, InputError

    __version__: str

if sys.platform == "darwin":  # read by PyTorch on import: what mps cannot compute runs on the CPU
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")

_HOMES = {
    "search.api": ("Spec", "extend", "plan", "resume", "run", "stop"),
    "search.cluster.submit": ("JobStatus", "Submitted"),
    "search.confirming": ("confirm",),
    "search.engine.confirmation": ("Confirmed",),
    "search.engine.doctor": ("Finding",),
    "search.engine.plan": ("Calibration", "Plan"),
    "search.engine.runner": ("SessionEnd",),
    "search.evidence.evidence": ("Evidence",),
    "search.evidence.side_by_side": ("SideBySide",),
    "search.exports.prediction": ("Prediction", "Predictions"),
    "search.exports.retrain": ("Comparison",),
    "search.handle": ("Search", "SearchResult"),
    "search.journal.frames": ("Frames",),
    "search.journal.history": ("Decision", "History", "Trial"),
    "search.machine": ("data_check", "data_fetch", "doctor", "schema"),
    "search.outcomes": ("BestTrial", "CheckedData", "Confirmation", "Listed", "Planned"),
    "search.reading": ("compare", "explain", "logs", "report", "show", "sync", "ui", "list", "open"),
    "search.reporting.report": ("Written",),
    "search.storage.search_folder": ("SearchFolder",),
    "search.submitted": ("status", "submit"),
    "search.takeaway": ("export", "predict", "rm", "train"),
    "search.tracking.outbox": ("Synced",),
    "spaces.spec": ("SearchSpec",),
    "trainers.errors": ("DivergedError", "EnvironmentProblem", "InputError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_NAMED_THERE = {"list": "list_searches", "open": "open_search"}  # their own modules must not hide Python's built-ins

__all__ = [
    "BestTrial",
    "Calibration",
    "CheckedData",
    "Comparison",
    "Confirmation",
    "Confirmed",
    "Decision",
    "DivergedError",
    "EnvironmentProblem",
    "Evidence",
    "Finding",
    "Frames",
    "History",
    "InputError",
    "JobStatus",
    "Listed",
    "Plan",
    "Planned",
    "Prediction",
    "Predictions",
    "Search",
    "SearchFolder",
    "SearchResult",
    "SearchSpec",
    "SessionEnd",
    "SideBySide",
    "Spec",
    "Submitted",
    "Synced",
    "Trial",
    "Written",
    "__version__",
    "compare",
    "confirm",
    "data_check",
    "data_fetch",
    "doctor",
    "explain",
    "export",
    "extend",
    "list",
    "logs",
    "open",
    "plan",
    "predict",
    "report",
    "resume",
    "rm",
    "run",
    "schema",
    "show",
    "status",
    "stop",
    "submit",
    "sync",
    "train",
    "ui",
]


if not TYPE_CHECKING:  # else a type checker would accept every name

    def __getattr__(name: str) -> Any:
        """Import a public name when it is used. Ray's workers import this package and use none of the names."""
        if name == "__version__":
            from search.storage.provenance import own_version

            return own_version()
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME_OF[name]), _NAMED_THERE.get(name, name))


def __dir__() -> Iterable[str]:
    return [*globals(), *__all__]
