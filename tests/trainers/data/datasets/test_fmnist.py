import gc
import gzip
import hashlib
import re
import socket
import struct
import sys
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from trainers.data import check, data_root, fetch, load, load_test
from trainers.data.datasets import fmnist
from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem, InputError

DEBIAN = fmnist.DEBIAN
STEMS = [stem for pair in fmnist.FILES.values() for stem in pair]
SHIRTS = DataConfig(classes=("T-shirt/top", "Shirt"), train_size=1000, ratio=(90, 10))
needs_debian = pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")


def idx(array, magic=None):
    header = magic or bytes([0, 0, 8, array.ndim])
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def small_files(per_class=6, splits=("train", "test")):
    """File name -> content of a miniature with the real form: ten classes, 28×28."""
    files = {}
    for number, split in enumerate(splits):
        labels = np.repeat(np.arange(10), per_class)
        values = np.random.PCG64(number).random_raw(len(labels) * 784) % 256
        image_file, label_file = fmnist.FILES[split]
        files |= {image_file: idx(values.reshape(-1, 28, 28)), label_file: idx(labels)}
    return files


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def given(folder, **fields):
    return DataConfig(path=str(folder), **{"val_per_class": 2} | fields)


@pytest.fixture
def no_debian(monkeypatch, tmp_path):
    monkeypatch.setattr(fmnist, "DEBIAN", tmp_path / "no such package")


@pytest.mark.slow
@needs_debian
def test_the_real_shirts_load_at_ninety_to_ten(tmp_path):
    data = load(SHIRTS, tmp_path)
    assert data.description == "Fashion-MNIST T-shirt/top, Shirt 900:100 from Debian's package"
    assert data.train.images.shape == (1000, 1, 28, 28)
    assert data.train.counts(2) == (900, 100)
    assert data.validation.counts(2) == (1000, 1000)
    assert len({image.tobytes() for image in data.validation.images}) == 2000


@pytest.mark.slow
@needs_debian
@pytest.mark.parametrize(
    "ratio", [(98, 2), *(pytest.param(one, marks=pytest.mark.slow) for one in ((60, 40), (80, 20)))]
)
def test_real_searches_at_several_ratios_validate_on_the_same_images(ratio, tmp_path):
    data, shirts = load(SHIRTS.model_copy(update={"ratio": ratio}), tmp_path), load(SHIRTS, tmp_path)
    assert data.train.counts(2) == (10 * ratio[0], 10 * ratio[1])
    assert np.array_equal(data.validation.images, shirts.validation.images)
    assert data.fingerprint != shirts.fingerprint


@pytest.mark.slow
@needs_debian
def test_the_real_dataset_has_six_thousand_training_and_a_thousand_test_images_per_class(tmp_path):
    found = check(DataConfig(), tmp_path)
    assert found.class_names == fmnist.CLASS_NAMES
    assert found.train == (4800,) * 10
    assert found.validation == (1200,) * 10
    assert found.test == (1000,) * 10
    assert found.image_shape == (1, 28, 28)


@pytest.mark.slow
@needs_debian
def test_the_fingerprint_does_not_depend_on_where_the_files_come_from(tmp_path, no_debian):
    from_package = load(SHIRTS.model_copy(update={"path": str(DEBIAN)}), tmp_path)
    raw = {stem: gzip.decompress((DEBIAN / f"{stem}.gz").read_bytes()) for stem in fmnist.FILES["train"]}
    write(tmp_path / "FashionMNIST" / "raw", raw)
    as_torchvision_has_it = load(SHIRTS, tmp_path)
    assert as_torchvision_has_it.fingerprint == from_package.fingerprint
    assert as_torchvision_has_it.description.endswith("from torchvision's download")
    assert from_package.description.endswith("from a given folder")


@pytest.mark.slow
def test_class_names_are_those_of_torchvision(torchvision):
    assert list(fmnist.CLASS_NAMES) == torchvision.datasets.FashionMNIST.classes


def test_a_given_folder_may_be_plain_or_gzipped_or_laid_out_as_torchvision_does(tmp_path):
    files = small_files(splits=("train",))
    plain = write(tmp_path / "plain", files)
    packed = write(tmp_path / "packed", {f"{name}.gz": gzip.compress(content) for name, content in files.items()})
    write(tmp_path / "nested" / "FashionMNIST" / "raw", files)
    prints = {load(given(folder), tmp_path).fingerprint for folder in (plain, packed, tmp_path / "nested")}
    assert len(prints) == 1


def test_loading_never_opens_the_test_files(tmp_path):
    folder = write(tmp_path, small_files())
    for name in fmnist.FILES["test"]:
        (folder / name).write_bytes(b"nobody may look at this")
    assert load(given(folder), tmp_path).train.counts(10) == (4,) * 10
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte is no IDX file"):
        load_test(given(folder), tmp_path)


def test_a_folder_without_test_files_trains_and_says_that_it_cannot_test(tmp_path):
    folder = write(tmp_path, small_files(splits=("train",)))
    assert check(given(folder), tmp_path).test is None
    with pytest.raises(InputError, match=r"^data\.path: .* has no test split; to have one, lay the two t10k files"):
        load_test(given(folder), tmp_path)


def truncated(files):
    files["train-images-idx3-ubyte"] = files["train-images-idx3-ubyte"][:-1]


def headless(files):
    files["train-images-idx3-ubyte"] = files["train-images-idx3-ubyte"][:9]


def empty(files):
    files["train-labels-idx1-ubyte"] = b""


def wrong_magic(files):
    files["train-labels-idx1-ubyte"] = idx(np.zeros(60), magic=b"\x00\x00\x0d\x01")


def trailing(files):
    files["train-labels-idx1-ubyte"] += b"!"


def fewer_labels(files):
    files["train-labels-idx1-ubyte"] = idx(np.zeros(59))


def another_size(files):
    files["train-images-idx3-ubyte"] = idx(np.zeros((60, 32, 32)))


def another_label(files):
    files["train-labels-idx1-ubyte"] = idx(np.full(60, 10))


def cut_gzip(files):
    files["train-images-idx3-ubyte.gz"] = gzip.compress(files.pop("train-images-idx3-ubyte"))[:-500]


def no_gzip(files):
    files["train-images-idx3-ubyte.gz"] = files.pop("train-images-idx3-ubyte")


DAMAGE = [
    (truncated, "train-images-idx3-ubyte is truncated: it should be 47056 bytes long, but is 47055"),
    (headless, "train-images-idx3-ubyte is truncated: 9 bytes end within its header"),
    (empty, "train-labels-idx1-ubyte is no IDX file: it must begin with 00000801, not its end"),
    (wrong_magic, "train-labels-idx1-ubyte is no IDX file: it must begin with 00000801, not 00000d01"),
    (trailing, "train-labels-idx1-ubyte has bytes after its end: it should be 68 bytes long, but is 69"),
    (fewer_labels, "train-images-idx3-ubyte has 60 images, but train-labels-idx1-ubyte 59 labels"),
    (another_size, "train-images-idx3-ubyte has images of 32×32 pixels, not 28×28"),
    (another_label, "train-labels-idx1-ubyte has a label 10, but they must be 0 to 9"),
    (cut_gzip, "train-images-idx3-ubyte.gz cannot be read: Compressed file ended before"),
    (no_gzip, "train-images-idx3-ubyte.gz cannot be read: Not a gzipped file"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE, ids=[damage.__name__ for damage, _ in DAMAGE])
def test_a_damaged_file_is_named_with_what_is_wrong_in_one_line(damage, message, tmp_path, no_debian):
    files = small_files(splits=("train",))
    damage(files)
    folder = write(tmp_path / "FashionMNIST" / "raw", files)
    with pytest.raises(InputError, match=rf"^data\.path: \S*{re.escape(message)}[^\n]*$"):
        load(given(folder), tmp_path)
    with pytest.raises(
        EnvironmentProblem, match=rf"{re.escape(message)}[^\n]*; mend it with `afcl data fetch fmnist`$"
    ):
        load(DataConfig(val_per_class=2), tmp_path)


def test_a_missing_dataset_is_told_in_one_line_with_both_ways_to_get_it(tmp_path, no_debian):
    with pytest.raises(EnvironmentProblem) as problem:
        load(SHIRTS, tmp_path)
    assert str(problem.value) == (
        "data: Fashion-MNIST is not on this machine; get it with `afcl data fetch fmnist` or, on Debian,"
        " `apt install dataset-fashion-mnist`"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere", "data.path: no folder "), ("", "must hold train-images-idx3-ubyte and train-labels-idx1-ubyte")],
)
def test_a_given_folder_without_the_dataset_is_the_users_to_mend(path, message, tmp_path):
    with pytest.raises(InputError, match=message):
        load(given(tmp_path / path), tmp_path)


def test_a_misspelt_class_gets_a_hint(tmp_path):
    folder = write(tmp_path, small_files(splits=("train",)))
    with pytest.raises(InputError) as refused:
        load(given(folder, classes=("T-shirt/top", "Shrit")), tmp_path)
    assert str(refused.value) == "data.classes: no class 'Shrit' in fmnist; did you mean Shirt?"


def test_the_data_folder_is_the_flags_then_the_environments_then_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("AFCL_DATA", str(tmp_path / "named"))
    assert data_root(tmp_path / "flag") == tmp_path / "flag"
    assert data_root() == tmp_path / "named"
    monkeypatch.delenv("AFCL_DATA")
    assert data_root().name == "afcl"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch, no_debian, torchvision):
    """A mirror on this machine with a miniature dataset; torchvision is told its address and its checksums.

    Not the published ones: no file here has them, as Debian compresses the same arrays anew.
    """
    datasets = torchvision.datasets
    files = {f"{name}.gz": gzip.compress(content) for name, content in small_files().items()}
    served = write(tmp_path / "served", files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    checksums = [(name, hashlib.md5(content).hexdigest()) for name, content in files.items()]
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.FashionMNIST, "resources", checksums)
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def contents(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_fetching_downloads_shows_progress_and_then_finds_it_there(mirror, tmp_path, capfd):
    root, lines = tmp_path / "root", []
    fetch("fmnist", root, lines.append)
    assert contents(root) == sorted(f"FashionMNIST/raw/{stem}" for stem in STEMS)
    assert "100%" in capfd.readouterr().err
    assert load(DataConfig(val_per_class=2), root).description.endswith("from torchvision's download")
    assert load_test(DataConfig(val_per_class=2), root).counts(10) == (6,) * 10
    fetch("fmnist", root, lines.append)
    assert lines[-1] == f"Fashion-MNIST is already in {root / 'FashionMNIST' / 'raw'}"
    assert "%" not in capfd.readouterr().err


def test_fetching_replaces_a_damaged_copy(mirror, tmp_path):
    root = tmp_path / "root"
    write(root / "FashionMNIST" / "raw", {"train-images-idx3-ubyte": b"half"})
    fetch("fmnist", root)
    assert len(load(DataConfig(val_per_class=2), root).train) == 40
    assert len(contents(root)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["a file is missing", "a file has another checksum"])
def test_a_download_that_fails_half_way_leaves_nothing(harm, mirror, tmp_path):
    last = mirror / f"{STEMS[-1]}.gz"
    last.write_bytes(last.read_bytes()[:-1]) if "checksum" in harm else last.unlink()
    root = tmp_path / "root"
    with pytest.raises(EnvironmentProblem, match=r"^data: Fashion-MNIST could not be downloaded \([^\n]*$"):
        fetch("fmnist", root)
    assert contents(root) == []
    if harm == "a file is missing":
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()  # torchvision leaves the answer that said 404 open


def test_a_download_that_is_interrupted_leaves_nothing(mirror, tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(fmnist, "_read_pair", interrupted)  # after the files have come, before they are moved
    with pytest.raises(KeyboardInterrupt):
        fetch("fmnist", tmp_path / "root")
    assert contents(tmp_path / "root") == []


def test_a_download_of_something_else_is_not_taken(mirror, tmp_path, monkeypatch):
    datasets = sys.modules["torchvision.datasets"]
    wrong = gzip.compress(idx(np.zeros(59)))
    (mirror / f"{STEMS[1]}.gz").write_bytes(wrong)
    resources = dict(datasets.FashionMNIST.resources) | {f"{STEMS[1]}.gz": hashlib.md5(wrong).hexdigest()}
    monkeypatch.setattr(datasets.FashionMNIST, "resources", list(resources.items()))
    with pytest.raises(EnvironmentProblem, match="60 images, but train-labels-idx1-ubyte 59 labels"):
        fetch("fmnist", tmp_path / "root")
    assert contents(tmp_path / "root") == []


def test_without_a_network_fetching_says_what_to_do_in_one_line(tmp_path, monkeypatch, no_debian, torchvision):
    datasets = torchvision.datasets
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = unused.getsockname()[1]
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [f"http://127.0.0.1:{dead}/"])
    with pytest.raises(EnvironmentProblem) as problem:
        fetch("fmnist", tmp_path / "root")
    message = str(problem.value)
    assert "Connection refused" in message
    assert "`afcl data fetch fmnist` again" in message
    assert "\n" not in message
    assert contents(tmp_path / "root") == []


def test_a_data_folder_that_cannot_be_written_is_told_apart_from_the_network(mirror, tmp_path):
    blocked = tmp_path / "root"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(EnvironmentProblem, match=r"cannot be stored in .*another folder with --data DIR$"):
        fetch("fmnist", blocked)


@pytest.mark.slow
@needs_debian
def test_fetching_mends_a_damaged_copy_with_debians_package(tmp_path):
    write(tmp_path / "FashionMNIST" / "raw", dict.fromkeys(STEMS, b"half"))
    with pytest.raises(EnvironmentProblem, match="mend it with `afcl data fetch fmnist`"):
        load(SHIRTS, tmp_path)
    fetch("fmnist", tmp_path)
    assert load(SHIRTS, tmp_path).description.endswith("from Debian's package")


@pytest.mark.slow
@needs_debian
def test_with_debians_package_there_is_nothing_to_fetch(tmp_path):
    lines = []
    fetch("fmnist", tmp_path / "root", lines.append)
    assert lines == [f"Fashion-MNIST is already in {DEBIAN}"]
    assert not Path(tmp_path / "root").exists()


def test_other_datasets_need_no_fetching(tmp_path):
    lines = []
    fetch("digits", tmp_path, lines.append)
    assert lines == ["digits come with scikit-learn: nothing to fetch"]
    with pytest.raises(InputError, match="your own images"):
        fetch("folder", tmp_path)
    with pytest.raises(InputError, match="no dataset 'fmist'; did you mean fmnist"):
        fetch("fmist", tmp_path)
