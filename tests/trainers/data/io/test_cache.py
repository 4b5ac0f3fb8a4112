import errno
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lesions
import numpy as np
import pytest

from trainers import locking
from trainers.data import check, load, load_test
from trainers.data.datasets import fmnist
from trainers.data.io import cache, decoding
from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem, InputError

SHAPE = (3, 4, 5)
IMAGES, ROWS = 23, 5  # five chunks, the last one short


class Decoder:
    """Makes image k out of file k, which holds one number, and counts."""

    def __init__(self, files, interrupt_after=None):
        self.files, self.interrupt_after, self.decoded = files, interrupt_after, []

    def __call__(self, blocks):
        for place, block in enumerate(blocks):
            if self.interrupt_after is not None and len(self.decoded) >= self.interrupt_after:
                raise KeyboardInterrupt
            self.decoded += block.tolist()
            yield place, np.stack([np.full(SHAPE, int(self.files[k].read_text()), np.uint8) for k in block])


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(cache, "CHUNK_BYTES", ROWS * 60)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "files").mkdir()
    paths = [tmp_path / "files" / f"{k}.txt" for k in range(IMAGES)]
    for k, path in enumerate(paths):
        path.write_text(str(100 + k))
    return paths


def recipe(files, **fields):
    return cache.Recipe(
        **{"name": "numbers", "files": files, "images": len(files), "shape": SHAPE, "how": "plain"} | fields
    )


def read(root, files, indices=range(IMAGES), **decoder):
    """The values read and the images decoded for it."""
    decode = Decoder(files, **decoder)
    images = cache.read(root, recipe(files), decode, np.array(indices))
    assert images.shape == (len(indices), *SHAPE)
    assert all(image.min() == image.max() for image in images)
    return images[:, 0, 0, 0].tolist(), decode.decoded


def array_file(root):
    (found,) = (root / "arrays").glob("*/images.npy")
    return found


def test_images_are_decoded_once_and_then_read_in_any_order(tmp_path, files):
    assert read(tmp_path, files) == ([100 + k for k in range(IMAGES)], list(range(IMAGES)))
    assert read(tmp_path, files, [22, 3, 3, 0, 7]) == ([122, 103, 103, 100, 107], [])


def test_what_is_not_asked_for_is_decoded_as_well(tmp_path, files):
    assert read(tmp_path, files, [4]) == ([104], list(range(IMAGES)))


def test_the_array_is_a_plain_file_that_numpy_maps(tmp_path, files):
    read(tmp_path, files)
    array = np.load(array_file(tmp_path), mmap_mode="r")
    assert array.shape == (IMAGES, *SHAPE)
    assert array[:, 0, 0, 0].tolist() == [100 + k for k in range(IMAGES)]


def test_an_interrupted_build_goes_on_without_decoding_again_what_was_done(tmp_path, files):
    with pytest.raises(KeyboardInterrupt):
        read(tmp_path, files, interrupt_after=2 * ROWS)
    assert read(tmp_path, files) == ([100 + k for k in range(IMAGES)], list(range(2 * ROWS, IMAGES)))


def test_a_line_torn_by_a_crash_costs_its_chunk_and_no_other(tmp_path, files):
    with pytest.raises(KeyboardInterrupt):
        read(tmp_path, files, interrupt_after=3 * ROWS)
    lines = array_file(tmp_path).with_name("chunks.jsonl")
    lines.write_text(lines.read_text()[:-4])
    assert read(tmp_path, files)[1] == list(range(2 * ROWS, IMAGES))
    assert read(tmp_path, files)[1] == []


PROCESS = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from trainers.data.io import cache
from trainers import locking
root, log, end = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
cache.CHUNK_BYTES, locking.PATIENCE = 300, 0.2
files = [root / "files" / f"{k}.txt" for k in range(23)]
def decode(blocks):
    for place, block in enumerate(blocks):
        if end == "dies" and place == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.2)
        with log.open("a") as lines:
            lines.writelines(f"{k}\\n" for k in block)
        yield place, np.stack([np.full((3, 4, 5), int(files[k].read_text()), np.uint8) for k in block])
images = cache.read(root, cache.Recipe("numbers", files, 23, (3, 4, 5), "plain"), decode, np.arange(23))
assert images[:, 0, 0, 0].tolist() == list(range(100, 123))
"""


def start(root, log, end="lives"):
    path = [str(Path(__file__).parents[4]), *sys.path]  # of this process too: some packages may be there alone
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    arguments = [sys.executable, "-c", PROCESS, str(root), str(log), end]
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_build_goes_on_in_the_next_process(tmp_path, files):
    killed = start(tmp_path, tmp_path / "log", "dies")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert read(tmp_path, files)[1] == list(range(2 * ROWS, IMAGES))


@pytest.mark.slow
def test_of_two_processes_at_once_one_decodes_and_the_other_waits_and_says_so(tmp_path, files):
    both = [start(tmp_path, tmp_path / "log") for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(IMAGES))
    assert sorted(said)[0] == ""
    assert sorted(said)[1] == f"Waiting for another process that decodes into {array_file(tmp_path).parent}\n"


def flip_a_byte(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def truncate(file):
    os.truncate(file, file.stat().st_size - 70)  # within the last but one chunk


def spoil_the_header(file):
    content = file.read_bytes()
    file.write_bytes(b"hello" + content[5:])


def empty(file):
    file.write_bytes(b"")


def remove(file):
    file.unlink()


DAMAGE = [(flip_a_byte, 20), (truncate, 20), (spoil_the_header, IMAGES), (empty, 0), (remove, 0)]


@pytest.mark.parametrize(("damage", "first"), DAMAGE, ids=[damage.__name__ for damage, _ in DAMAGE])
def test_damage_is_noticed_and_the_damaged_chunks_alone_are_decoded_again(damage, first, tmp_path, files):
    read(tmp_path, files)
    damage(array_file(tmp_path))
    assert read(tmp_path, files) == ([100 + k for k in range(IMAGES)], list(range(first, IMAGES)))
    assert read(tmp_path, files)[1] == []


def test_a_mapping_of_another_reader_outlives_a_repair(tmp_path, files):
    read(tmp_path, files)
    array = np.load(array_file(tmp_path), mmap_mode="r")
    with array_file(tmp_path).open("r+b") as file:
        file.seek(-60, os.SEEK_END)
        file.write(bytes(60))
    assert array[-1].max() == 0
    read(tmp_path, files)
    assert array[-1].max() == 122


def test_a_changed_file_costs_its_chunk(tmp_path, files):
    read(tmp_path, files)
    files[7].write_text("999"[:2])
    values, decoded = read(tmp_path, files)
    assert values[7] == 99
    assert decoded == list(range(ROWS, 2 * ROWS))


def test_a_file_of_the_same_length_is_changed_if_its_time_is(tmp_path, files):
    read(tmp_path, files)
    files[7].write_text("200")
    os.utime(files[7], ns=(0, 5))
    assert read(tmp_path, files)[0][7] == 200


def test_another_way_of_decoding_another_shape_and_other_files_are_other_caches(tmp_path, files):
    for one in (recipe(files), recipe(files, how="RGB"), recipe(files[::-1]), recipe(files[:-1])):
        cache.read(tmp_path, one, Decoder(one.files), np.arange(3))
    assert len(list((tmp_path / "arrays").iterdir())) == 4


def test_where_the_cache_cannot_be_written_only_what_is_wanted_is_decoded_and_that_is_said_once(
    tmp_path, files, capsys
):
    (tmp_path / "arrays").write_text("a file where the folder should be")
    for _ in range(2):
        assert read(tmp_path, files, [9, 2, 2]) == ([109, 102, 102], [9, 2, 2])
    said = capsys.readouterr().err
    assert said.startswith(f"arrays: cannot be kept in {tmp_path / 'arrays'}")
    assert said.endswith("(Not a directory), so images are decoded at each use\n")
    assert said.count("\n") == 1


def test_a_full_disk_costs_the_cache_and_not_the_images(tmp_path, files, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache, "_write", full)
    assert read(tmp_path, files, [9, 2]) == ([109, 102], [9, 2])
    assert "(No space left on device)" in capsys.readouterr().err


def test_a_cache_that_is_whole_is_read_without_writing(tmp_path, files, monkeypatch):
    read(tmp_path, files)

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(cache, "locked", refuse)
    assert read(tmp_path, files, [9, 2]) == ([109, 102], [])


def test_a_disk_that_forgets_what_is_written_is_told(tmp_path, files, monkeypatch):
    read(tmp_path, files)
    flip_a_byte(array_file(tmp_path))
    monkeypatch.setattr(cache, "_write", lambda *_: None)
    with pytest.raises(EnvironmentProblem, match="does not keep what is written to it; look at the disk, or remove it"):
        read(tmp_path, files)


def test_the_lock_is_let_go_of_when_decoding_fails(tmp_path, files):
    files[3].unlink()
    with pytest.raises(FileNotFoundError):
        read(tmp_path, files)
    files[3].write_text("103")
    began = time.monotonic()
    assert len(read(tmp_path, files)[0]) == IMAGES
    assert time.monotonic() - began < locking.PATIENCE


# The datasets that use it.


@pytest.fixture
def opened(monkeypatch):
    """Names of the image files that were decoded, each time."""
    names, original = [], decoding.seen_image
    monkeypatch.setattr(decoding, "seen_image", lambda path, look: names.append(path) or original(path, look))
    return names


@pytest.fixture
def tree(tmp_path):
    return lesions.make(tmp_path / "tree", sizes=(12, 20, 9, 8, 9, 8, 8), test=2)


def skin(tree, **fields):
    return DataConfig(dataset="isic2018", path=str(tree), **{"val_per_class": 2, "image_size": 16} | fields)


def test_every_use_of_a_dataset_after_the_first_decodes_nothing(tree, tmp_path, opened):
    first = load(skin(tree), tmp_path)
    assert len(opened) == 74
    again = load(skin(tree), tmp_path)
    load(skin(tree, seed=3, counts=[2] * 7), tmp_path)
    assert len(opened) == 74
    assert again.fingerprint == first.fingerprint


@pytest.mark.slow
def test_a_size_has_a_cache_of_its_own(tree, tmp_path, opened):
    for side in (16, 24, 16, 24):
        assert load(skin(tree, image_size=side), tmp_path).train.images.shape[1:] == (3, side, side)
    assert len(opened) == 2 * 74
    assert {path.name.rpartition("-")[0] for path in (tmp_path / "arrays").iterdir()} == {
        "isic2018-16px",
        "isic2018-24px",
    }


@pytest.mark.slow
def test_a_search_decodes_no_test_image_and_a_look_at_them_has_a_cache_apart(tree, tmp_path, opened):
    load(skin(tree), tmp_path)
    assert np.load(array_file(tmp_path), mmap_mode="r").shape == (74, 3, 16, 16)
    check(skin(tree), tmp_path)
    assert len(opened) == 74 + 14
    load_test(skin(tree), tmp_path)
    assert len(opened) == 74 + 14
    assert len(list((tmp_path / "arrays").iterdir())) == 2


@pytest.mark.slow
def test_what_is_cached_is_what_is_decoded_without_a_cache(tree, tmp_path):
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "arrays").write_text("")
    assert load(skin(tree), tmp_path).fingerprint == load(skin(tree), tmp_path / "blocked").fingerprint


def test_a_mended_image_costs_its_chunk(tree, tmp_path, opened, monkeypatch):
    monkeypatch.setattr(cache, "CHUNK_BYTES", 10 * 3 * 16 * 16)
    file = tree / "ISIC2018_Task3_Training_Input" / "ISIC_0024015.jpg"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"ISIC_0024015\.jpg \(image file is truncated"):
        load(skin(tree), tmp_path)
    opened.clear()
    file.write_bytes(whole)
    load(skin(tree), tmp_path)
    assert len(opened) == 10


def test_a_folder_of_ones_own_images_is_decoded_once(tmp_path, opened):
    table = ["file,label"]
    for number in range(12):
        lesions.photo(tmp_path / f"{number}.jpg", number)
        table.append(f"{number}.jpg,{'cat' if number % 2 else 'dog'}")
    (tmp_path / "labels.csv").write_text("\n".join(table))
    own = DataConfig(dataset="folder", path=str(tmp_path), val_per_class=2, image_size=16)
    loaded = [load(own, tmp_path / "root").fingerprint for _ in range(2)]
    assert len(opened) == 12
    assert loaded[0] == loaded[1]
    lesions.photo(tmp_path / "3.jpg", 99)
    assert load(own, tmp_path / "root").fingerprint != loaded[0]


def test_a_packed_fashion_mnist_is_unpacked_once(tmp_path, monkeypatch):
    images, labels = fmnist.FILES["train"]
    pixels = (np.arange(40 * 784) % 251).astype(np.uint8).tobytes()
    content = {images: bytes([0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 28, 0, 0, 0, 28]) + pixels}
    content[labels] = bytes([0, 0, 8, 1, 0, 0, 0, 40]) + bytes(k % 10 for k in range(40))
    for name, inside in content.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(inside))
    unpacked, original = [], fmnist.read_idx
    monkeypatch.setattr(
        fmnist, "read_idx", lambda path, dimensions: unpacked.append(path.name) or original(path, dimensions)
    )
    config = DataConfig(path=str(tmp_path), val_per_class=1)
    prints = {load(config, tmp_path / "root").fingerprint for _ in range(3)}
    assert unpacked.count(f"{images}.gz") == 1
    for name, inside in content.items():
        (tmp_path / name).write_bytes(inside)  # plain comes before packed, and needs no cache
    assert {load(config, tmp_path / "root").fingerprint} == prints
