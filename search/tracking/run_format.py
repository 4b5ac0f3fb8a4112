"""The format of a search's runs in MLflow. Each run has the format's number in a tag; without the tag it is format 1.

1: the oldest format. The score is logged at the last epoch, and every parameter in full. The training metrics of both
   stages share their names. A stopped trial is KILLED. The search's run has the parameters of a loss, like a trial.
2: the score is logged at step 0, where the UI draws it as a bar. The score is rounded to four decimals, and a trial's
   parameters to four significant digits. The training metrics of a stage have the stage's name as a prefix. A stopped
   trial is FINISHED and has the tag `state = stopped`.

All runs of a search have one format. A search that an older version began keeps its format.
"""

from collections.abc import Mapping
from typing import Any

from search.journal.history import State, Trial
from search.journal.labels import by_epoch
from search.journal.log import Event
from search.tracking.troubles import StoreProblem
from trainers.loss_config import END_TO_END

FORMAT, TAG = 2, "afcl.format"
OF_A_STAGE = ("train_loss", "lr", "images_per_second", "epoch_seconds", "probe_seconds")  # metrics that each stage has
DIGITS = 4


def format_of(tags: Mapping[str, str]) -> int:
    """The number of the format of a run with these tags.

    Raises:
        StoreProblem: a later version of afcl wrote the run.
    """
    found = tags.get(TAG, "1")
    if found not in map(str, range(1, FORMAT + 1)):
        raise StoreProblem(
            f"its runs there are of a later afcl (format {found}; this one writes {FORMAT}): use that one"
        )
    return int(found)


def remark_on(number: int) -> str | None:
    """A remark for the user about runs in format `number`; None if that is the current format."""
    if number == FORMAT:
        return None
    return (
        "its runs in MLflow were begun by an older afcl and keep its ways: a stopped trial is KILLED, the score stands "
        "at the last epoch, and the training metrics of both stages have the same names"
    )


def metric_name(name: str, trial: Trial, epoch: int) -> str:
    """The name in MLflow of the metric `name`. One of `OF_A_STAGE` has the stage that ran at `epoch` as a prefix."""
    if name not in OF_A_STAGE:
        return name
    if trial.family in END_TO_END:
        return f"end_to_end/{name}"
    return f"{'representation' if epoch <= trial.config['representation']['epochs'] else 'classifier'}/{name}"


def shown_score(score: float) -> float:
    """A score rounded to four decimals. The metric at the trial's last epoch is not rounded."""
    return round(score, DIGITS)


def shown_parameter(value: Any) -> Any:
    """A trial's parameter; a float as text with four significant digits. The journal and an export have all digits."""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else value


def of_the_search(params: Mapping[str, Any], searched: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the search's own run: the spec without the searched fields and without the loss's fields.

    Args:
        params: the whole spec, by path.
        searched: the ranges, by path.
    """
    return {path: value for path, value in params.items() if path not in searched and not path.startswith("loss.")}


def status_of(state: State, number: int) -> str:
    """MLflow's status of an ended trial, in format `number`. In format 1 a stopped trial is KILLED and looks failed."""
    stopped = "KILLED" if number == 1 else "FINISHED"
    return {"finished": "FINISHED", "stopped": stopped, "failed": "FAILED"}[state]


def rung_name(decision: Event, number: int) -> str:
    """The name of the rung at which `decision` was made: its epoch; in format 1, the rung's number."""
    return str(decision["rung"]) if number == 1 else f"epoch {decision['epoch']}"


def reason_in(reason: str, number: int) -> str:
    """The journal's text on why a trial ended, with the rung named by its epoch; unchanged in format 1."""
    return reason if number == 1 else by_epoch(reason)
