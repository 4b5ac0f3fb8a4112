"""Where a split's images are kept: on the trial's device if they fit there, else on the host, batch by batch.

Images on the host are not copied as a whole: a worker has them in Ray's object store, which all trials of a node
share. Only the next batch is copied, through pinned memory, while the device works on the batch before it. Pinning all
images would cost each worker a copy of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

RESIDENT_SHARE = 0.5  # share of the free memory that images may take: networks and features need the rest


def fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes of images may be kept on the device. Only a CUDA GPU has memory apart from the host's.

    On a CPU and on Apple's GPU the answer is always True.
    """
    return device.type != "cuda" or size <= RESIDENT_SHARE * available(device)


def available(device: torch.device) -> int:
    """Bytes that this process may still allocate on a GPU: free memory, limited by the process's own share.

    The share is set by torch.cuda.set_per_process_memory_fraction. Memory that torch's allocator has reserved but does
    not use counts as free.
    """
    free, total = torch.cuda.mem_get_info(device)
    used = torch.cuda.memory_allocated(device)
    share = int(torch.cuda.get_per_process_memory_fraction(device) * total)
    return max(0, min(free + torch.cuda.memory_reserved(device) - used, share - used))


def lies_on(images: Tensor, device: torch.device) -> bool:
    """Whether `images` are on `device`, so that nothing has to be copied."""
    return images.device == device


def fetched(images: Tensor, picks: Iterable[Tensor | slice], device: torch.device) -> Iterator[Tensor]:
    """Yield `images[pick]`, on `device`, for each pick in order. `images` are on the device or on the host.

    A pick is a slice, or indices [B] on any device. Images on the host are copied one batch ahead: while the device
    works on a batch, the next batch is being copied.
    """
    if lies_on(images, device):
        return (images[pick] for pick in picks)
    # the indices are copied to the host once: a copy at each batch would wait for all of the device's work
    return _one_ahead(images, [pick if isinstance(pick, slice) else pick.cpu() for pick in picks], device)


def _one_ahead(images: Tensor, picks: list[Tensor | slice], device: torch.device) -> Iterator[Tensor]:
    stream = torch.cuda.Stream(device) if device.type == "cuda" else None
    ahead: _Sent | None = None
    for pick in picks:
        following = _send(_gathered(images, pick, pinned=stream is not None), device, stream)
        if ahead is not None:
            yield ahead.arrived()
        ahead = following
    if ahead is not None:
        yield ahead.arrived()


def _gathered(images: Tensor, pick: Tensor | slice, *, pinned: bool) -> Tensor:
    """A copy of `images[pick]` in host memory. torch reuses pinned memory only after the device has copied from it."""
    if isinstance(pick, slice):
        part = images[pick]
        return torch.empty_like(part, memory_format=torch.contiguous_format, pin_memory=pinned).copy_(part)
    batch = torch.empty((len(pick), *images.shape[1:]), dtype=images.dtype, pin_memory=pinned)
    return torch.index_select(images, 0, pick, out=batch)


@dataclass(frozen=True)
class _Sent:
    """A batch on the device, and the CUDA event at which its copy is complete; None if the copy is complete already."""

    batch: Tensor
    event: torch.cuda.Event | None

    def arrived(self) -> Tensor:
        """The batch. The caller's CUDA stream waits for its arrival; the host does not."""
        if self.event is not None:
            reader = torch.cuda.current_stream(self.batch.device)
            reader.wait_event(self.event)
            self.batch.record_stream(reader)  # keeps its memory from being reused before the reading stream is done
        return self.batch


def _send(batch: Tensor, device: torch.device, stream: torch.cuda.Stream | None) -> _Sent:
    if stream is None:
        return _Sent(batch.to(device), None)
    with torch.cuda.stream(stream):
        return _Sent(batch.to(device, non_blocking=True), stream.record_event())
