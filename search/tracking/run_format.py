"""The format of a search's runs in MLflow. Its number is in a tag of each run.

1: the format before afcl wrote the tag. The score is logged at the last epoch, and every parameter in full. The
   training metrics of both stages share their names. A stopped trial is KILLED. The search's run has the parameters of
   a loss, like a trial.
2: the score is logged at step 0, where the UI draws it as a bar. The score and a trial's parameters have four digits.
   The training metrics of a stage have the stage's name as a prefix. A stopped trial is FINISHED and has the tag
   `state = stopped`.

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
    """A remark for the user about runs in an older format; None for the current format."""
    if number == FORMAT:
        return None
    return (
        "its runs in MLflow were begun by an older afcl and keep its ways: a stopped trial is KILLED, the score stands "
        "at the last epoch, and both stages' training bears the same names"
    )


def metric_name(name: str, trial: Trial, epoch: int) -> str:
    """A metric's name in MLflow at an epoch. If every stage reports the metric, the stage's name stands in front."""
    if name not in OF_A_STAGE:
        return name
    if trial.family in END_TO_END:
        return f"end_to_end/{name}"
    return f"{'representation' if epoch <= trial.config['representation']['epochs'] else 'classifier'}/{name}"


def shown_score(score: float) -> float:
    """A score with four digits. The metric at the trial's last epoch has all digits."""
    return round(score, DIGITS)


def shown_parameter(value: Any) -> Any:
    """A trial's parameter, with four digits if it is a float. The journal and an export have all digits."""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else value


def of_the_search(params: Mapping[str, Any], searched: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the search's own run: the spec without the values that differ between trials.

    Args:
        params: the whole spec, by path.
        searched: the ranges, by path.
    """
    return {path: value for path, value in params.items() if path not in searched and not path.startswith("loss.")}


def status_of(state: State, number: int) -> str:
    """MLflow's status of a trial that has ended, in format `number`. KILLED would make a stopped trial look failed."""
    stopped = "KILLED" if number == 1 else "FINISHED"
    return {"finished": "FINISHED", "stopped": stopped, "failed": "FAILED"}[state]


def rung_name(decision: Event, number: int) -> str:
    """A rung named by its epoch; in the older format, by its number."""
    return str(decision["rung"]) if number == 1 else f"epoch {decision['epoch']}"


def reason_in(reason: str, number: int) -> str:
    """Why a trial ended, with the rung named by its epoch; in the older format, the text as it is in the journal."""
    return reason if number == 1 else by_epoch(reason)
