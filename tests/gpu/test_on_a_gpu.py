"""What pytest can only see on a GPU; `make gpu-check` runs it there."""

import pytest
import torch
from torch.nn.functional import normalize

from trainers.config import TrialConfig
from trainers.gpu_memory import Need, peak_of_steps
from trainers.losses.blockwise import loss_in_blocks

GPU = torch.device("cuda", 0)
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [200, 1500, 5000])
def test_the_loss_never_waits_for_the_gpu_and_gives_the_same_bits_twice(rows, dtype):
    draws = torch.Generator().manual_seed(0)
    z, labels = normalize(torch.randn(rows, 128, generator=draws), dim=1).to(dtype), torch.arange(rows) % 7 // 3
    at = {"eta": 60.0, "gamma": 2.0, "temperature": 0.1, "normalize_by": "positives"}
    on_gpu = z.to(GPU), labels.to(GPU)
    loss_in_blocks(*on_gpu, **at)  # a kernel's first use may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        first, second = (loss_in_blocks(*on_gpu, **at) for _ in range(2))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    exact = loss_in_blocks(z.double(), labels, **at)
    rtol, atol = (1e-8, 1e-12) if dtype == torch.float64 else (1e-3, 1e-5)
    for of_first, of_second, of_exact in zip(first, second, exact, strict=True):
        assert torch.equal(of_first, of_second)
        torch.testing.assert_close(of_first.cpu().double(), of_exact, rtol=rtol, atol=atol)


def test_the_measured_line_foretells_the_peak_of_a_larger_batch():
    config = TrialConfig()
    need = Need.measured(lambda images: peak_of_steps(config, (1, 28, 28), GPU, images))
    assert need.fixed + 256 * need.per_image == pytest.approx(peak_of_steps(config, (1, 28, 28), GPU, 256), rel=0.2)
