"""The classifier of a finished trial whose last checkpoint was kept."""

from typing import TYPE_CHECKING

from search.storage.trial_folder import TrialFolder
from trainers.errors import InputError

if TYPE_CHECKING:
    from trainers.checkpoint import Checkpoint
    from trainers.predictor import Predictor


def kept_model(trial: TrialFolder, fingerprint: str) -> "tuple[Checkpoint, Predictor]":
    """The newest intact checkpoint of a trial, and a predictor with the weights of that checkpoint.

    Args:
        trial: the trial's folder.
        fingerprint: the fingerprint of the data on this machine.

    Raises:
        InputError: no checkpoint can be used, or the newest was written on other data.
    """
    from trainers.checkpoint import newest_checkpoint  # imported only here: torch takes seconds
    from trainers.predictor import Predictor

    if not trial.checkpoint_paths():
        raise InputError("its checkpoint is gone")
    try:
        checkpoint = newest_checkpoint(trial.checkpoints)
        predictor = None if checkpoint is None else Predictor(checkpoint)
    except (TypeError, RuntimeError):  # other fields, or tensors of other names and shapes
        raise InputError("its checkpoint was written by other code") from None
    if checkpoint is None or predictor is None:
        raise InputError("its checkpoint is damaged")
    if checkpoint.fingerprint != fingerprint:
        raise InputError("its checkpoint was written on other data")
    return checkpoint, predictor
