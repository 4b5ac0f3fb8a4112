"""Damaged files are read or named, whatever decoders raise: a sample of what tests/chaos/damaged_images.py runs."""

import damaged_images
import pytest
from PIL import Image


@pytest.mark.slow
def test_every_damaged_file_is_read_or_named(monkeypatch, capfd):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # the script sets it
    read, reasons, kinds = damaged_images.run(1500, seed=7)
    named = sum(reasons.values())
    assert read + named == 1500
    assert min(read, named) > 300
    assert len(kinds) == 35
    assert "Traceback" not in capfd.readouterr().err
