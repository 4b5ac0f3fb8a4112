import weakref

import pytest
import torch
from trials import changed, run

from trainers import gpu_memory, pipeline
from trainers.config import TrialConfig
from trainers.errors import EnvironmentProblem, OutOfMemory
from trainers.gpu_memory import MIB, Need, out_of_memory, peak_of_steps
from trainers.parsing import parse
from trainers.stages.representation import train_one_epoch

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
ERROR = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 16.00 GiB of which 1.2 GiB is"


@pytest.fixture
def allocator(monkeypatch):
    """A quarter of a GPU of 1600 MiB whose allocator sees 100 MiB for the networks and 2 MiB for each image."""
    seen = []

    def train(stage, split, *rest):
        seen.append(len(split.labels))
        return train_one_epoch(stage, split, *rest)

    monkeypatch.setattr(gpu_memory, "train_one_epoch", train)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1500 * MIB, 1600 * MIB))
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 0.25)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: seen.clear())
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: (100 + 2 * max(seen)) * MIB)
    return seen


def test_the_need_is_the_line_through_two_peaks():
    need = Need.measured(lambda images: 1000 + 30 * images)
    assert (need.fixed, need.per_image) == (1000, 30)
    assert need.images(1000 + 30 * 7 + 29) == 7
    assert need.images(999) == 0


def test_two_real_steps_are_measured_and_what_lay_there_before_is_not(allocator, tiny_config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 40 * MIB)
    assert peak_of_steps(tiny_config, (1, 8, 8), CPU, 6) == (100 + 2 * 6 - 40) * MIB
    assert allocator == [6, 6]


@pytest.mark.slow
def test_a_trial_out_of_memory_says_what_it_asked_for_and_what_would_fit(allocator, tiny_config, digits, monkeypatch):
    """Beside the networks 300 of the quarter's 400 MiB are left, less the small data: 149 images of 2 MiB."""
    config = changed(tiny_config, representation={"batch_size": 512})
    trials = []

    def fail(stage, *rest):
        trials.append(weakref.ref(stage))
        raise torch.cuda.OutOfMemoryError(ERROR)

    def peak(*arguments):
        assert trials[0]() is None  # nothing of the trial is in the way
        return peak_of_steps(*arguments)

    monkeypatch.setattr(pipeline.stage_one, "train_one_epoch", fail)
    monkeypatch.setattr(gpu_memory, "peak_of_steps", peak)
    with pytest.raises(OutOfMemory) as caught:
        run(config, digits)
    assert str(caught.value) == (
        "out of GPU memory with representation.batch_size=512 and views=2: tried to allocate 2.00 GiB where the trial "
        "may have 400 MiB; each image takes 2.0 MiB, the networks 100 MiB and the data 0.0 MiB: 149 "
        "images fit at once; set representation.batch_size=149 or representation.chunk=298"
    )
    assert isinstance(caught.value, EnvironmentProblem)  # `afcl train` ends with its exit code and this line
    assert caught.value.__context__ is None


def said(config, digits, device=CPU):
    return out_of_memory(config, digits, device, ERROR)


@pytest.mark.slow
def test_a_trial_of_one_stage_has_its_own_steps_measured(allocator, tiny_config, digits, monkeypatch):
    """It has one row for each image."""
    raw = {"data": tiny_config.data, "model": {"width": 4}, "representation": {"epochs": 1, "batch_size": 512}}
    config = parse(TrialConfig, raw | {"loss": {"name": "focal"}})
    inner = gpu_memory.end_to_end.train_one_epoch

    def train(network, split, *rest):
        allocator.append(len(split.labels))
        return inner(network, split, *rest)

    monkeypatch.setattr(gpu_memory.end_to_end, "train_one_epoch", train)
    told = said(config, digits)
    assert told.startswith("out of GPU memory with representation.batch_size=512, end to end: ")
    assert told.endswith("149 images fit at once; set representation.batch_size=149 or representation.chunk=149")


@pytest.mark.slow
def test_with_chunks_it_is_the_chunk_that_does_not_fit(allocator, tiny_config, digits):
    config = changed(tiny_config, representation={"batch_size": 4096, "chunk": 1000})
    assert "in chunks of 1000 rows" in said(config, digits)
    assert said(config, digits).endswith("149 images fit at once; set representation.chunk=298")


@pytest.mark.slow
def test_one_view_needs_a_chunk_of_as_many_rows_as_images(allocator, tiny_config, digits):
    config = changed(tiny_config, representation={"batch_size": 512, "views": 1})
    assert said(config, digits).endswith("set representation.batch_size=149 or representation.chunk=149")


@pytest.mark.slow
def test_a_batch_that_should_fit_points_at_the_neighbours(allocator, tiny_config, digits):
    assert "32 images at once should fit by themselves" in said(tiny_config, digits)
    assert "resources.gpus" in said(tiny_config, digits)


@pytest.mark.slow
def test_where_no_batch_fits_no_size_is_told(allocator, tiny_config, digits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (90 * MIB, 1600 * MIB))
    assert "no batch fits" in said(tiny_config, digits)
    assert "batch_size=0" not in said(tiny_config, digits)


@pytest.mark.slow
def test_images_that_stay_on_the_host_take_nothing_of_the_memory(allocator, tiny_config, digits, monkeypatch):
    config = changed(tiny_config, representation={"batch_size": 512})
    monkeypatch.setattr(gpu_memory, "fits", lambda size, device: False)
    assert "for the data" not in said(config, digits)
    assert "150 images fit" in said(config, digits)


@pytest.mark.slow
def test_a_measurement_that_fails_itself_leaves_the_rest_of_the_line(allocator, tiny_config, digits, monkeypatch):
    def fail(*arguments):
        raise torch.cuda.OutOfMemoryError(ERROR + "\nsecond line")

    monkeypatch.setattr(gpu_memory, "peak_of_steps", fail)
    line = said(tiny_config, digits)
    assert "batch_size=32" in line
    assert "could not be measured (CUDA out of memory." in line
    assert "\n" not in line


@pytest.mark.slow
def test_a_batch_that_is_named_has_run(allocator, tiny_config, digits, monkeypatch):
    """The line foretells 149 images; in truth more than 125 do not fit."""
    config, tried = changed(tiny_config, representation={"batch_size": 512}), []

    def peak(config, shape, device, images):
        tried.append(images)
        if images > 125:
            raise torch.cuda.OutOfMemoryError(ERROR)
        return (100 + 2 * images) * MIB

    monkeypatch.setattr(gpu_memory, "peak_of_steps", peak)
    assert said(config, digits).endswith(
        "120 images fit at once; set representation.batch_size=120 or representation.chunk=240"
    )
    assert tried == [4, 12, 149, 134, 120]


def test_other_errors_of_a_trial_are_not_touched(tiny_config, digits, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(pipeline.stage_one, "train_one_epoch", fail)
    with pytest.raises(RuntimeError, match="device-side assert") as caught:
        run(tiny_config, digits)
    assert type(caught.value) is RuntimeError
