"""A trial that runs out of the GPU's memory: what its one line says, and whether the batch that it names fits."""

import re
from collections.abc import Iterator

import torch
from rows import Row
from setting import Setting, generated, quiet, trial

from trainers.errors import OutOfMemory
from trainers.pipeline import run_trial

SHARE_IN_BYTES = 3 << 30  # what the process may have: enough for the networks, too little for the batch
BATCH = 1024


def rows(setting: Setting) -> Iterator[Row]:
    """ResNet-18 on 96×96 in so little memory; then the batch, and the chunk, that the line names."""
    if not setting.on_gpu:
        yield Row("left out", "needs a GPU")
        return
    data = generated(BATCH, 64, (3, 96, 96))
    total = torch.cuda.get_device_properties(setting.device).total_memory
    torch.cuda.set_per_process_memory_fraction(SHARE_IN_BYTES / total, setting.device)
    stage = {"epochs": 1, "batch_size": BATCH, "augment": {}}
    line = _line(setting, data, stage)
    yield Row.check("it is told as out of memory, in one line", line is not None and "\n" not in line, line or "")
    if line is None:
        return
    batch, chunk = re.search(r"batch_size=(\d+) or", line), re.search(r"chunk=(\d+)", line)
    if batch is None or chunk is None:
        yield Row.check("the line names a batch and a chunk", False, line)
        return
    yield Row("the batch that it names", int(batch[1]), "images", at_least=2, at_most=BATCH - 1)
    yield _fits(setting, data, stage | {"batch_size": int(batch[1])}, "the batch that it names fits")
    yield _fits(setting, data, stage | {"chunk": int(chunk[1])}, "the chunk that it names fits")
    generous = _line(setting, data, stage | {"batch_size": min(BATCH, 2 * int(batch[1]))})
    yield Row.check("twice that batch does not fit: the line is no worse than half", generous is not None)


def _line(setting: Setting, data, stage) -> str | None:
    config = trial(model={"encoder": "resnet18"}, representation=stage, classifier={"epochs": 1})
    try:
        run_trial(config, data, quiet, device=setting.device)
    except OutOfMemory as error:
        return str(error)
    finally:
        torch.cuda.empty_cache()
    return None


def _fits(setting: Setting, data, stage, what: str) -> Row:
    line = _line(setting, data, stage)
    return Row.check(what, line is None, line or "")
