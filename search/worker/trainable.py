"""The function that Ray Tune runs for each trial (its "trainable"): a thin adapter on trainers.pipeline.

A worker imports neither MLflow nor Optuna nor torchvision (unless its encoder is a ResNet): each would cost seconds
per trial. A trial writes its own checkpoints, to the search's folder or store, and Ray is not told of them. If a trial
is run again, because its worker, its node or the driver died, it goes on from its newest checkpoint there.

After a first error Ray tries the trial again. If the loss diverges, or the same error comes twice in a row, the trial
is reported as failed, so that Ray does not try it again; its worker continues with the next trial. If the error made
CUDA unusable in the process, or the GPU's memory did not suffice, the worker writes the reason to the trial's folder
and dies of the error. Ray gives the trial to a new worker, which reports the reason.
"""

import errno
import os
import socket
import traceback
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

import ray
import torch
from ray import tune

from search.storage.object_store import StorageError
from search.storage.trial_folder import Scores
from search.worker.gpu_share import UnusableGPU, granted, granted_device
from search.worker.messages import EpochDone, Failed, Message, Pause
from search.worker.multi_worker import LostWorker, run_on_workers
from search.worker.trial_files import LocalTrial, StoredTrial, files_of
from trainers.checkpoint import Checkpoint
from trainers.config import METRIC, TrialConfig
from trainers.data.arrays import Split, TrialData
from trainers.errors import DivergedError, OutOfMemory
from trainers.older_configs import as_meant_then
from trainers.predictor import Predictor, score_split
from trainers.trial_result import result_of


@dataclass(frozen=True)
class SharedData:
    """The data of a session's trials in Ray's object store, which all workers of a node share.

    by_seed: the training and validation data, by the seed of the split. test: the test split, on which a confirmation's
    trials are scored at their end; in a search the reference holds None.
    """

    by_seed: Mapping[int, "ray.ObjectRef[TrialData]"]
    test: "ray.ObjectRef[Split | None]"


def trainable(assignment: dict[str, Any], shared: SharedData) -> None:
    """Run one trial of a search, or continue it from its newest checkpoint.

    Args:
        assignment: plain values: the trial's `number`, `config`, `folder` and `storage` (None without a store), its
            number of `workers`, the `threads` of each, and `has_whole_gpus`: whether each worker has a GPU for itself.
            If it has not, an out-of-memory error may be the fault of another trial on the same GPU.
        shared: the session's data.
    """
    try:
        with closing(files_of(assignment)) as files:
            given_up = files.take_reason_to_give_up()
            if given_up is not None:
                _tell(Failed(*given_up))
                return
            with granted() as device:
                _run_on(device, files, assignment, shared)
    # these errors are not the trial's fault, and other trials would meet them too
    except UnusableGPU as error:
        _tell(Pause(str(error)))
    except StorageError as error:
        _tell(Pause(f"the storage does not answer ({error})"))
    except OSError as error:
        if not _is_full(error):
            raise
        _tell(Pause(f"the disk is full ({error})"))


def _is_of_today(kept: Mapping[str, Any]) -> bool:
    """Whether a trial's config says all that today's version writes.

    In older ones the loss may lack its name, or `l2` its rules. This is not asked of trainers.older_configs, so that a
    new search's config crosses no file that only older ones need.
    """
    fit = kept.get("classifier", {})
    return "name" in kept["loss"] and (fit.get("l2") != "auto" or "l2_rules" in fit)


def _run_on(
    device: torch.device, folder: LocalTrial | StoredTrial, assignment: dict[str, Any], shared: SharedData
) -> None:
    if ray.is_initialized():  # without Ray there is no driver that would ask for the node
        folder.note_node(ray.get_runtime_context().get_node_id())
    kept = assignment["config"]  # from the journal, which an older version may have begun
    config = TrialConfig.model_validate(kept if _is_of_today(kept) else as_meant_then(kept))
    torch.set_num_threads(assignment["threads"])
    data, test = shared.by_seed[config.data.seed], ray.get(shared.test)
    test_metrics: dict[str, float] = {}

    def save(checkpoint: Checkpoint) -> None:
        folder.save(checkpoint)
        print(f"epoch {checkpoint.epoch}: {METRIC} {checkpoint.metrics[METRIC]:.4f}")
        folder.send_log()
        if checkpoint.epoch == config.last_epoch:  # before the driver hears of the end
            finish(checkpoint)

    def finish(checkpoint: Checkpoint) -> None:
        result = asdict(result_of(checkpoint, device))
        if test is not None:
            predictor, validation = Predictor(checkpoint, device), ray.get(data).validation
            scores = score_split(predictor, test)
            test_metrics.update({f"test_{name}": value for name, value in scores.metrics.items()})
            predicted = scores.predicted.tolist()
            result["test"] = {"metrics": scores.metrics, "confusion": scores.confusion, "predicted": predicted}
            chosen_on = score_split(predictor, validation).logits
            folder.write_scores(Scores(chosen_on, validation.labels, scores.logits, test.labels))
        folder.write_result(result)

    def report(step: int, metrics: Mapping[str, float]) -> None:
        _tell(EpochDone(step, dict(metrics) | test_metrics))

    try:
        with folder.open_log() as log, _output_in(log):
            resume = folder.newest()
            if resume is not None:
                print(f"goes on from its checkpoint of epoch {resume.epoch}")
            if resume is not None and resume.epoch == config.last_epoch:
                finish(resume)  # the last attempt died after its last checkpoint, before its last report
            run_on_workers(assignment["workers"], config, data, report, resume, save=save, device=device)
    except DivergedError as error:
        _tell(Failed(f"diverged: {error}", by_values=True))
    except OutOfMemory as error:
        # the first time, another process may have had too much of the card's memory
        if folder.has_met("out of GPU memory"):
            folder.give_up(str(error), by_values=assignment["has_whole_gpus"])
        raise
    except (LostWorker, StorageError, UnusableGPU):  # after a lost worker Ray starts the trial again
        raise
    except Exception as error:
        if _is_full(error):
            raise
        message = f"{type(error).__name__}: {error}"
        if not folder.has_met(message):
            raise
        # the same error came twice, so it would come every time: Ray need not try again
        reason = f"crashed twice with: {message}"
        if _poisons(error):
            folder.give_up(reason)
            raise
        _tell(Failed(reason))
    finally:
        folder.send_log()  # with the traceback, if there is one


def _tell(message: Message) -> None:
    tune.report(message.as_result())


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _poisons(error: Exception) -> bool:
    """Whether an error makes CUDA in this process unusable for the next trial."""
    libraries = ("CUDA", "CUBLAS", "cuDNN", "CUDNN", "NCCL")
    return isinstance(error, torch.AcceleratorError) or (
        isinstance(error, RuntimeError) and any(name in str(error) for name in libraries)
    )


@contextmanager
def _output_in(log: TextIO) -> Iterator[None]:
    """Print the host, device and threads to the log, then send the block's output and a traceback there."""
    with redirect_stdout(log), redirect_stderr(log):
        where = f"{socket.gethostname()}, pid {os.getpid()} on {granted_device()}, {torch.get_num_threads()} threads"
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, {where}")
        try:
            yield
        except Exception:
            traceback.print_exc(file=log)
            raise
