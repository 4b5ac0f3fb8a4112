"""How a search's runs in MLflow are written, and the number of that format, which their tags have.

1: as afcl wrote before it noted a format. The score stood at the last epoch, every parameter in full, both stages'
   training under one name, a stopped trial as KILLED, and the search's run had a loss as if it were a trial.
2: the score stands at step 0, where the UI draws it as a bar, with four digits like a trial's parameters; what a stage
   measures of its training bears the stage's name; a stopped trial is FINISHED with the tag `state = stopped`.

The runs of one search keep one format: an older search is gone on with in the format that it has.
"""

from collections.abc import Mapping
from typing import Any

from search.journal.history import State, Trial
from search.journal.labels import by_epoch
from search.journal.log import Event
from search.tracking.troubles import StoreProblem
from trainers.loss_config import END_TO_END

FORMAT, TAG = 2, "afcl.format"
OF_A_STAGE = ("train_loss", "lr", "images_per_second", "epoch_seconds", "probe_seconds")  # measured in each of them
DIGITS = 4


def format_of(tags: Mapping[str, str]) -> int:
    """The format of a run with these tags.

    Raises:
        StoreProblem: a later version of afcl wrote it.
    """
    found = tags.get(TAG, "1")
    if found not in map(str, range(1, FORMAT + 1)):
        raise StoreProblem(
            f"its runs there are of a later afcl (format {found}; this one writes {FORMAT}): use that one"
        )
    return int(found)


def remark_on(number: int) -> str | None:
    """What a person should know of runs in an older format; None for today's."""
    if number == FORMAT:
        return None
    return (
        "its runs in MLflow were begun by an older afcl and keep its ways: a stopped trial is KILLED, the score stands "
        "at the last epoch, and both stages' training bears the same names"
    )


def metric_name(name: str, trial: Trial, epoch: int) -> str:
    """What a metric of an epoch is called: with the stage's name before it, where each stage has one of its own."""
    if name not in OF_A_STAGE:
        return name
    if trial.family in END_TO_END:
        return f"end_to_end/{name}"
    return f"{'representation' if epoch <= trial.config['representation']['epochs'] else 'classifier'}/{name}"


def shown_score(score: float) -> float:
    """A score with four digits; the metric at the trial's last epoch has it whole."""
    return round(score, DIGITS)


def shown_parameter(value: Any) -> Any:
    """A trial's parameter with four digits where it is no whole number; the journal and an export have it whole."""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else value


def of_the_search(params: Mapping[str, Any], searched: Mapping[str, Any]) -> dict[str, Any]:
    """A search's parameters without what its trials have each of their own: its run is none of a loss.

    Args:
        params: the whole spec, by path.
        searched: the ranges, by path.
    """
    return {path: value for path, value in params.items() if path not in searched and not path.startswith("loss.")}


def status_of(state: State, number: int) -> str:
    """MLflow's status of a trial that has ended; ASHA's stop is no failure, and KILLED looks like one."""
    stopped = "KILLED" if number == 1 else "FINISHED"
    return {"finished": "FINISHED", "stopped": stopped, "failed": "FAILED"}[state]


def rung_name(decision: Event, number: int) -> str:
    """A rung as people know it: by its epoch; older runs have its number."""
    return str(decision["rung"]) if number == 1 else f"epoch {decision['epoch']}"


def reason_in(reason: str, number: int) -> str:
    """Why a trial ended, with its rung by the epoch; older runs have the rung's number too."""
    return reason if number == 1 else by_epoch(reason)
