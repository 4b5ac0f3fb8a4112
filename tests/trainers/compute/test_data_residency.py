import pytest
import torch
from trials import changed, run

from trainers.compute import data_residency
from trainers.data.transforms.augment import Normaliser
from trainers.predictor import Predictor, score_split
from trainers.stages.batches import to_device

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
GIB = 1 << 30


@pytest.fixture
def on_the_host(monkeypatch):
    """As if no image fitted the device: batches are fetched, here from the CPU to the CPU."""
    monkeypatch.setattr(data_residency, "lies_on", lambda images, device: False)


@pytest.fixture
def gpu_memory(monkeypatch):
    """Tell torch what a GPU's memory looks like, in GiB."""

    def tell(*, free, total, held=0.0, used=0.0, share=1.0):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(free * GIB), int(total * GIB)))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: int(held * GIB))
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: int(used * GIB))
        monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: share)

    return tell


@pytest.mark.slow
@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"classifier": {"augment": True}, "representation": {"views": 1, "balanced_batches": True}},
    ],
)
def test_a_trial_with_its_images_on_the_host_gives_the_same_numbers(tiny_config, digits, sections, monkeypatch):
    config = changed(tiny_config, **sections)
    resident = run(config, digits)[0]
    fetches = []
    monkeypatch.setattr(data_residency, "lies_on", lambda images, device: fetches.append(len(images)))
    assert run(config, digits)[0] == resident
    assert {len(digits.train), len(digits.validation)} == set(fetches)


@pytest.mark.slow
def test_a_predictor_scores_images_on_the_host_alike(whole, tiny_config, digits, on_the_host):
    last = whole[1][tiny_config.last_epoch]
    scores = score_split(Predictor(last), digits.validation)
    assert scores.metrics["balanced_accuracy"] == last.metrics["val_balanced_accuracy"]


def test_the_normaliser_of_images_elsewhere_works_on_the_device_asked_for(digits):
    images = torch.from_numpy(digits.train.images.copy())
    assert Normaliser.of(images, torch.device("meta")).mean.device.type == "meta"
    assert Normaliser.of(images).mean.device == images.device


@pytest.mark.parametrize("kind", ["indices", "slices"])
def test_a_batch_is_sent_before_the_one_ahead_of_it_is_handed_out(on_the_host, monkeypatch, kind):
    images = torch.arange(12, dtype=torch.uint8).view(6, 1, 1, 2)
    picks = {"indices": list(torch.tensor([5, 0, 3, 1, 4, 2]).split(2)), "slices": [slice(i, i + 2) for i in (0, 2, 4)]}
    sent, send = [], data_residency._send
    monkeypatch.setattr(data_residency, "_send", lambda batch, *where: sent.append(batch) or send(batch, *where))
    batches, out = data_residency.fetched(images, picks[kind], CPU), []
    for ahead in (2, 3, 3):
        out.append(next(batches))
        assert len(sent) == ahead
    assert next(batches, None) is None
    assert all(torch.equal(batch, images[pick]) for batch, pick in zip(out, picks[kind], strict=True))
    assert {batch.untyped_storage().data_ptr() for batch in out}.isdisjoint({images.untyped_storage().data_ptr()})


def test_no_pick_fetches_nothing(on_the_host):
    assert list(data_residency.fetched(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), [], CPU)) == []


def test_images_live_on_a_gpu_whose_memory_holds_them_with_room_to_spare(gpu_memory):
    gpu_memory(free=15, total=16)
    assert data_residency.fits(7 * GIB, GPU)
    assert not data_residency.fits(8 * GIB, GPU)


def test_a_quarter_of_a_gpu_holds_a_quarter_of_the_images(gpu_memory):
    gpu_memory(free=15, total=16, share=0.25)
    assert data_residency.available(GPU) == 4 * GIB
    assert data_residency.fits(2 * GIB, GPU)
    assert not data_residency.fits(2 * GIB + 1, GPU)


def test_what_others_hold_counts_and_what_the_allocator_only_keeps_does_not(gpu_memory):
    gpu_memory(free=1, total=16, share=0.25)  # its neighbours took more than theirs
    assert data_residency.available(GPU) == 1 * GIB
    gpu_memory(free=1, total=16, share=0.25, held=3, used=1)
    assert data_residency.available(GPU) == 3 * GIB
    gpu_memory(free=9, total=16, share=0.25, held=4, used=4)
    assert data_residency.available(GPU) == 0


def test_images_that_do_not_fit_stay_where_they_are_and_their_labels_move(digits, monkeypatch):
    """The meta device stands in for a GPU: it has no memory, so what moved there can be told from what stayed."""
    meta = torch.device("meta")
    assert to_device(digits.train, 2, meta).images.device == meta
    monkeypatch.setattr("trainers.stages.batches.fits", lambda size, device: size < digits.train.images.nbytes)
    split = to_device(digits.train, 2, meta)
    assert (split.images.device, split.labels.device, split.device) == (CPU, meta, meta)
