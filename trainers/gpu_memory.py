"""The message for a trial that ran out of GPU memory: what it asked for, what it may have, which batch would fit.

The estimate is a straight line: a fixed part for the networks, and a part for each image. Both are measured from the
peak of torch's allocator over real steps with two small batches, after the failed trial has freed its memory. The
batch that the line predicts is then tried, because convolutions use other workspaces for other batches, and the
allocator leaves gaps: on an H200 the line alone predicted 83 images where 82 fitted once and 68 the next time.
"""

import gc
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from trainers.compute.data_residency import available, fits
from trainers.config import TrialConfig
from trainers.contrastive_loss import contrastive_loss
from trainers.data.arrays import TrialData
from trainers.data.transforms.augment import Normaliser
from trainers.seeds import generator
from trainers.stages import end_to_end
from trainers.stages.batches import DeviceSplit
from trainers.stages.representation import new_representation, train_one_epoch

TRIED = (4, 12)  # images in the batches that are measured
KEPT_FREE = 0.03  # share of the memory kept free while a batch is tried: a trial also holds features and copies
SHRINK = 0.9  # factor from a batch that does not fit to the next one tried
MIB = 1 << 20


@dataclass(frozen=True)
class Need:
    """Bytes that a training step takes: fixed + per_image · images."""

    fixed: float
    per_image: float

    @classmethod
    def measured(cls, peak: Callable[[int], int]) -> "Need":
        """The line through the peaks of the two batches in TRIED. `peak` takes a number of images and returns bytes."""
        few, many = TRIED
        at_few, at_many = peak(few), peak(many)
        per_image = max(1.0, (at_many - at_few) / (many - few))
        return cls(at_few - per_image * few, per_image)

    def images(self, memory: int) -> int:
        """How many images fit into `memory` bytes."""
        return max(0, int((memory - self.fixed) / self.per_image))


def out_of_memory(config: TrialConfig, data: TrialData, device: torch.device, error: str, workers: int = 1) -> str:
    """The message, in one line, for a trial that ran out of memory, with the setting that would help.

    Call it only after the trial's tensors have been freed. `error` is torch's own message; `workers` is how many
    processes share the trial's batches, each with a GPU of its own.
    """
    gc.collect()
    torch.cuda.empty_cache()
    stage = config.training
    memory = available(device)
    images = data.train.images.nbytes + data.validation.images.nbytes
    left = memory - images if fits(images, device) else memory
    tried = re.search(r"[Tt]ried to allocate [\d.]+ \w+", error)
    chunk = "" if stage.chunk is None else f" in chunks of {stage.chunk} rows"
    rows = ", end to end" if config.is_end_to_end else f" and views={stage.views}"
    line = (
        f"out of GPU memory with representation.batch_size={stage.batch_size}{rows}{chunk}: "
        f"{'t' + tried[0][1:] if tried else 'an allocation failed'} where the trial may have {_mib(memory)}"
    )
    try:
        need = Need.measured(partial(peak_of_steps, config, data.train.images.shape[1:], device))
    except RuntimeError as failed:  # includes OutOfMemoryError and all errors of CUDA
        return f"{line}; what an image takes could not be measured ({str(failed).splitlines()[0][:80]})"
    known = f"each image takes {_mib(need.per_image)}, the networks {_mib(need.fixed)}"
    if left < memory:
        known += f" and the data {_mib(images)}"
    most = -(-_at_once(config) // workers)  # images that one worker has at once
    held = memory - left + int(KEPT_FREE * memory)
    fitting = largest_that_runs(config, data.train.images.shape[1:], device, min(need.images(left), most), held)
    return f"{line}; {known}: {_advice(config, workers * fitting, workers)}"


def largest_that_runs(config: TrialConfig, shape: tuple[int, ...], device: torch.device, images: int, held: int) -> int:
    """The first number of `images`, .9 · `images`, ... whose steps fit the device's memory; below 2 if none does.

    `held` bytes are allocated during the tries, in place of what a trial holds beside its steps.
    """
    ballast = torch.empty(held if device.type == "cuda" else 0, dtype=torch.uint8, device=device)
    while images >= 2 and not _runs(config, shape, device, images):
        gc.collect()
        images = int(SHRINK * images)
    del ballast
    torch.cuda.empty_cache()
    return images


def _runs(config: TrialConfig, shape: tuple[int, ...], device: torch.device, images: int) -> bool:
    try:
        peak_of_steps(config, shape, device, images)
    except torch.cuda.OutOfMemoryError:
        return False
    return True


def _at_once(config: TrialConfig) -> int:
    """How many images pass the network at once, on all workers together; with `chunk`, those of a chunk."""
    stage = config.training
    return stage.batch_size if stage.chunk is None else stage.chunk // stage.views


def _advice(config: TrialConfig, fitting: int, workers: int) -> str:
    stage, at_once = config.training, _at_once(config)
    if fitting < 2 * workers:
        return "no batch fits; set a larger resources.gpus, or smaller images or a smaller encoder"
    if fitting >= at_once:
        return f"{at_once} images at once should fit by themselves; others use this GPU: set a larger resources.gpus"
    chunk = f"representation.chunk={fitting * stage.views}"
    if stage.chunk is not None:
        return f"{fitting} images fit at once; set {chunk}"
    return f"{fitting} images fit at once; set representation.batch_size={fitting} or {chunk}"


def peak_of_steps(config: TrialConfig, shape: tuple[int, ...], device: torch.device, images: int) -> int:
    """Peak bytes that two training steps on `images` images of `shape` [C, H, W] add to the memory in use.

    There are two steps because the optimiser allocates its moments at the end of the first.
    """
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    model = config.model.model_copy(update={"pretrained": False, "compile": False})  # weights of the same size
    once = config.training.model_copy(update={"batch_size": images, "chunk": None, "balanced_batches": False})
    draws = generator(config.seed, "memory")
    pixels = torch.randint(256, (images, *shape), dtype=torch.uint8, generator=draws).to(device)
    split = DeviceSplit(pixels, torch.arange(images, device=device) % 2, 2)
    normalise = Normaliser.of(pixels)
    if config.is_end_to_end:
        network = end_to_end.new_network(model, once, shape[0], 2, config.seed, device)
        of_logits = end_to_end.loss_of(config, split)
        for _ in range(2):
            end_to_end.train_one_epoch(network, split, normalise, of_logits, once, 1, 1, config.seed)
    else:
        stage, loss = new_representation(model, once, shape[0], config.seed, device), contrastive_loss(config)
        for _ in range(2):
            train_one_epoch(stage, split, normalise, loss, once, 1, config.seed)
    return torch.cuda.max_memory_allocated(device) - before


def _mib(size: float) -> str:
    return f"{size / MIB:,.0f} MiB" if size >= 10 * MIB else f"{size / MIB:.1f} MiB"
