import numpy as np
import pytest

from trainers.data.io import cache, digests


@pytest.fixture
def files(tmp_path):
    """Four images in a file each, of which two are equal."""
    paths = [tmp_path / f"{k}.raw" for k in range(4)]
    for path, value in zip(paths, (1, 2, 1, 3), strict=True):
        path.write_bytes(bytes([value]) * 12)
    return paths


class Reader:
    """Decodes the files, and counts how often."""

    def __init__(self, paths):
        self.paths, self.decoded = paths, 0
        self.recipe = cache.Recipe("raw", paths, len(paths), (3, 2, 2), how="as they are")

    def __call__(self, blocks):
        for place, block in enumerate(blocks):
            self.decoded += len(block)
            yield (
                place,
                np.stack([np.frombuffer(self.paths[k].read_bytes(), np.uint8) for k in block]).reshape(-1, 3, 2, 2),
            )


def test_equal_pixels_and_no_others_have_equal_digests(files, tmp_path):
    reader = Reader(files)
    found = digests.kept(tmp_path, reader.recipe, reader)
    assert found.shape == (4, 2)
    assert found[0].tolist() == found[2].tolist()
    assert len(np.unique(found, axis=0)) == 3


def test_digests_are_made_once_and_again_where_a_file_changed(files, tmp_path, monkeypatch):
    reader, made = Reader(files), []
    of_images = digests.of_images
    monkeypatch.setattr(digests, "of_images", lambda images: made.append(len(images)) or of_images(images))
    first = digests.kept(tmp_path, reader.recipe, reader)
    assert digests.kept(tmp_path, reader.recipe, reader).tolist() == first.tolist()
    assert made == [4]
    files[0].write_bytes(bytes(12))
    assert digests.kept(tmp_path, reader.recipe, reader)[0].tolist() != first[0].tolist()
    assert made == [4, 4]


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_file_of_digests_is_made_again(files, tmp_path, damage):
    reader = Reader(files)
    first = digests.kept(tmp_path, reader.recipe, reader)
    path = cache.folder_of(tmp_path, reader.recipe) / digests.FILE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert digests.kept(tmp_path, reader.recipe, reader).tolist() == first.tolist()
    assert path.read_bytes() == whole


def test_where_nothing_can_be_written_they_are_made_at_each_use(files, tmp_path, capsys):
    (tmp_path / "file").write_text("no folder can stand here")
    reader = Reader(files)
    assert len(np.unique(digests.kept(tmp_path / "file", reader.recipe, reader), axis=0)) == 3


def test_few_images_are_in_memory_at_once_and_it_makes_no_difference(monkeypatch):
    images = np.arange(10 * 12, dtype=np.uint8).reshape(10, 3, 2, 2)
    sizes = []

    def read(indices):
        sizes.append(len(indices))
        return images[indices]

    monkeypatch.setattr(digests, "STRETCH_BYTES", 40)
    assert digests.in_stretches(read, np.arange(10), 12).tolist() == digests.of_images(images).tolist()
    assert sizes == [3, 3, 3, 1]
    assert digests.in_stretches(read, np.arange(0), 12).shape == (0, 2)
