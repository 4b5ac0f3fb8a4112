import io
import json
import re
import shutil
import stat
import threading
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import lesions
import pytest

from trainers.data import check, fetch
from trainers.data.datasets import isic2018_fetch
from trainers.data.io import download
from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem

pytestmark = pytest.mark.slow  # a server, and archives that are sent and unpacked

INPUT = "ISIC2018_Task3_Training_Input"
TRUTH = "ISIC2018_Task3_Training_GroundTruth"
GROUPS = "ISIC2018_Task3_Training_LesionGroupings.csv"
CONFIG = DataConfig(dataset="isic2018", image_size=16, val_per_class=2)


class Archive(BaseHTTPRequestHandler):
    """Files out of memory, with ranges or without, and a line that breaks."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.reply(send=False)

    def do_GET(self):
        self.reply(send=True)

    def reply(self, send):
        name, server = self.path.rpartition("/")[2], self.server
        if name not in server.files:
            self.send_error(404)
            return
        content, asked = server.files[name], self.headers.get("Range")
        begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.knows_ranges else 0
        if send:
            server.asked.append((name, begin))
        if begin and begin >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        if send:
            breaks = server.breaks.get(name, [])
            until = breaks.pop(0) if breaks else len(content)
            self.wfile.write(content[begin:until])
            self.close_connection = until < len(content)

    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """File name -> content, as the challenge has them but small."""
    top = lesions.make(tmp_path_factory.mktemp("isic") / "published", sizes=(10, 30, 9, 8, 10, 6, 6), test=2)
    lesions.write_split(top, "Validation", [2, 5, 1, 1, 2, 0, 1], first=50000)
    packed = {}
    for folder in top.iterdir():
        if folder.is_dir():
            with zipfile.ZipFile(top / f"{folder.name}.zip", "w") as archive:
                for file in sorted(folder.iterdir()):
                    archive.write(file, file.relative_to(top))
    for file in top.iterdir():
        if file.is_file():
            packed[file.name] = file.read_bytes()
    return packed


@pytest.fixture
def server(published, monkeypatch):
    """The challenge's archive, on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    server.files, server.knows_ranges, server.breaks, server.asked = dict(published), True, {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setattr(isic2018_fetch, "BASE", f"http://127.0.0.1:{server.server_port}/2018/")
    monkeypatch.setattr(download, "PAUSE", 0)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(root):
    lines = []
    fetch("isic2018", root, lines.append)
    return lines


def message_of(root):
    with pytest.raises(EnvironmentProblem) as problem:
        fetch("isic2018", root)
    assert "\n" not in str(problem.value)
    return str(problem.value)


def leftovers(root):
    known = {part.name for part in isic2018_fetch.PARTS} | {GROUPS, "checksums.json", ".fetching"}
    return {path.name for path in (root / "ISIC2018").iterdir()} - known


def test_fetching_says_the_terms_first_and_leaves_a_dataset_that_loads(server, tmp_path):
    lines = get(tmp_path)
    assert "CC BY-NC 4.0" in lines[0]
    assert "arXiv 1902.03368" in lines[1]
    assert "doi:10.1038/sdata.2018.161" in lines[2]
    assert lines[-1] == f"ISIC 2018 Task 3 is in {tmp_path / 'ISIC2018'}"
    found = check(CONFIG, tmp_path)
    assert found.validation == found.test == (2,) * 7
    assert leftovers(tmp_path) == set()


def test_a_second_fetch_compares_with_what_the_first_recorded_and_downloads_nothing(server, tmp_path):
    get(tmp_path)
    recorded = json.loads((tmp_path / "ISIC2018" / "checksums.json").read_bytes())
    assert f"{INPUT}/ISIC_0024000.jpg" in recorded
    assert GROUPS in recorded
    server.asked.clear()
    lines = get(tmp_path)
    assert server.asked == []
    assert not any("Fetching" in line for line in lines)


def test_a_download_that_breaks_off_goes_on_from_there(server, published, tmp_path):
    size = len(published[f"{INPUT}.zip"])
    server.breaks = {f"{INPUT}.zip": [size // 2, size // 2 + 100]}
    get(tmp_path)
    assert [begin for name, begin in server.asked if name == f"{INPUT}.zip"] == [0, size // 2, size // 2 + 100]
    assert len(list((tmp_path / "ISIC2018" / INPUT).glob("*.jpg"))) == 79


def test_a_download_given_up_is_gone_on_with_by_the_next_fetch(server, published, tmp_path):
    size = len(published[f"{INPUT}.zip"])
    server.breaks = {f"{INPUT}.zip": [size // 2] * download.ATTEMPTS}
    told = message_of(tmp_path)
    assert f"broke off after {size // 2:,} of {size:,} bytes" in told
    assert told.endswith("run `afcl data fetch isic2018` again: it goes on where it was")
    server.asked.clear()
    get(tmp_path)
    asked = dict(server.asked)
    assert asked[f"{INPUT}.zip"] == size // 2
    assert f"{TRUTH}.zip" not in asked  # in place since the first
    assert check(CONFIG, tmp_path).validation == (2,) * 7


def test_a_server_without_ranges_begins_anew(server, published, tmp_path):
    server.knows_ranges = False
    server.breaks = {f"{INPUT}.zip": [len(published[f"{INPUT}.zip"]) // 2]}
    get(tmp_path)
    assert [begin for name, begin in server.asked if name == f"{INPUT}.zip"] == [0, 0]
    assert check(CONFIG, tmp_path).validation == (2,) * 7


@pytest.mark.parametrize(("beyond", "asked"), [(0, 1), (7, 2)])
def test_a_partial_file_that_is_whole_is_taken_and_a_longer_one_is_not(beyond, asked, server, published, tmp_path):
    incoming = tmp_path / "ISIC2018" / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / f"{INPUT}.zip.partial").write_bytes(published[f"{INPUT}.zip"] + b"!" * beyond)
    get(tmp_path)
    assert [name for name, _ in server.asked].count(f"{INPUT}.zip") == asked
    assert check(CONFIG, tmp_path).validation == (2,) * 7


def rezipped(content, change):
    """The archive anew, its list of (name, bytes) changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [(member, archive.read(member)) for member in archive.infolist()]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for member, inside in change(files):
            archive.writestr(member, inside)
    return target.getvalue()


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def a_page(content):
    return b"<html>the archive has moved</html>"


def lacking_an_image(content):
    return rezipped(content, lambda files: files[:-2])  # the last is a LICENSE.txt


def with_one_more(content):
    return rezipped(content, lambda files: [*files, (f"{INPUT}/ISIC_9999999.jpg", files[-1][1])])


def with_a_broken_image(content):
    return rezipped(content, lambda files: [*files[:-2], (files[-2][0], b"hello")])


def escaping(content):
    return rezipped(content, lambda files: [*files, ("../outside.jpg", b"hello")])


def absolute(content):
    return rezipped(content, lambda files: [*files, ("/tmp/outside.jpg", b"hello")])


def linking(content):
    link = zipfile.ZipInfo(f"{INPUT}/elsewhere")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return rezipped(content, lambda files: [*files, (link, b"/etc")])


SPOILT = [
    (cut, f"{INPUT}.zip is no whole zip file: File is not a zip file"),
    (flipped, f"{INPUT}.zip is no whole zip file: Bad CRC-32"),
    (a_page, f"{INPUT}.zip is no whole zip file"),
    (lacking_an_image, "1 image (ISIC_0024078.jpg (is not there)) that is not usable"),
    (with_one_more, f"1 image (ISIC_9999999.jpg (is not in {TRUTH}.csv)) that is not usable"),
    (with_a_broken_image, "1 image (ISIC_0024078.jpg (is no image)) that is not usable"),
    (escaping, f"{INPUT}.zip has a member '../outside.jpg' that would be written outside its folder"),
    (absolute, f"{INPUT}.zip has a member '/tmp/outside.jpg' that would be written outside its folder"),
    (linking, f"{INPUT}.zip has a member '{INPUT}/elsewhere' that is a link"),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_an_archive_that_is_not_what_it_should_be_is_told_and_the_next_fetch_begins_it_anew(
    spoil, reason, server, published, tmp_path
):
    root = tmp_path / "root"
    server.files[f"{INPUT}.zip"] = spoil(published[f"{INPUT}.zip"])
    told = message_of(root)
    assert told.startswith(f"data: {isic2018_fetch.BASE}{INPUT}.zip is not what it should be: {reason}")
    assert told.endswith("; try `afcl data fetch isic2018` again")
    assert not (root / "ISIC2018" / INPUT).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
    server.files = dict(published)
    get(root)
    assert leftovers(root) == set()


def test_a_table_that_is_another_page_is_told(server, tmp_path):
    server.files[GROUPS] = b"<html>the archive has moved</html>"
    assert f"{GROUPS} lacks the columns image, lesion_id" in message_of(tmp_path)


@pytest.mark.slow
def test_a_changed_file_is_fetched_again(server, tmp_path):
    get(tmp_path)
    lesions.photo(tmp_path / "ISIC2018" / INPUT / "ISIC_0024003.jpg", 5)
    server.asked.clear()
    lines = get(tmp_path)
    assert any(
        "1 file (ISIC2018_Task3_Training_Input/ISIC_0024003.jpg) that is not as recorded" in one for one in lines
    )
    assert [name for name, _ in server.asked] == [f"{INPUT}.zip"]
    server.asked.clear()
    get(tmp_path)
    assert server.asked == []


def test_an_archive_with_other_content_than_the_first_is_refused(server, published, tmp_path):
    get(tmp_path)
    (tmp_path / "ISIC2018" / INPUT / "ISIC_0024003.jpg").unlink()
    lesions.photo(tmp_path / "other.jpg", 5)
    other = (tmp_path / "other.jpg").read_bytes()
    server.files[f"{INPUT}.zip"] = rezipped(
        published[f"{INPUT}.zip"],
        lambda files: [(one, other if "24004" in one.filename else had) for one, had in files],
    )
    told = message_of(tmp_path)
    assert f"brings 1 file ({INPUT}/ISIC_0024004.jpg) that is not what was first fetched" in told
    assert f"remove {tmp_path / 'ISIC2018' / 'checksums.json'} and run" in told


def test_files_put_there_by_hand_are_taken_and_recorded(server, published, tmp_path):
    get(tmp_path / "fetched")
    by_hand = tmp_path / "root" / "ISIC2018"
    shutil.copytree(tmp_path / "fetched" / "ISIC2018", by_hand)
    (by_hand / "checksums.json").unlink()
    (by_hand / TRUTH / f"{TRUTH}.csv").rename(by_hand / f"{TRUTH}.csv")
    server.asked.clear()
    get(tmp_path / "root")
    assert server.asked == []
    assert f"{TRUTH}.csv" in json.loads((by_hand / "checksums.json").read_bytes())


def test_files_put_there_by_hand_are_decoded_and_a_truncated_one_is_fetched(server, tmp_path):
    get(tmp_path)
    (tmp_path / "ISIC2018" / "checksums.json").unlink()
    file = tmp_path / "ISIC2018" / INPUT / "ISIC_0024003.jpg"
    file.write_bytes(file.read_bytes()[:-200])
    server.asked.clear()
    assert any("ISIC_0024003.jpg (image file is truncated" in line for line in get(tmp_path))
    assert [name for name, _ in server.asked] == [f"{INPUT}.zip"]


def test_one_image_too_many_is_taken_away_and_what_a_file_manager_left_is_not_seen(server, tmp_path):
    get(tmp_path)
    images = tmp_path / "ISIC2018" / INPUT
    (images / ".DS_Store").write_bytes(b"")
    (images / "Thumbs.db").write_bytes(b"")
    server.asked.clear()
    get(tmp_path)
    assert server.asked == []
    lesions.photo(images / "ISIC_9999999.jpg", 1)
    get(tmp_path)
    assert not (images / "ISIC_9999999.jpg").exists()
    assert check(CONFIG, tmp_path).validation == (2,) * 7


def test_a_disk_too_small_is_told_before_anything_is_downloaded(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, isic2018_fetch.SPARE + 1000))
    told = message_of(tmp_path)
    assert re.search(r"needs 0\.00 GB of disk, but 0\.10 GB are free; free some or choose another folder", told)
    assert server.asked == []


def test_without_a_network_fetching_says_what_to_do_in_one_line(server, tmp_path, monkeypatch):
    monkeypatch.setattr(isic2018_fetch, "BASE", "http://127.0.0.1:9/2018/")
    told = message_of(tmp_path)
    assert told.startswith(f"data: ISIC 2018 could not be downloaded (http://127.0.0.1:9/2018/{TRUTH}.zip: ")
    assert "Connection refused" in told


def test_a_file_that_the_server_does_not_have_is_told_with_its_address(server, tmp_path):
    del server.files[f"{TRUTH}.zip"]
    assert f"{isic2018_fetch.BASE}{TRUTH}.zip: 404 Not Found" in message_of(tmp_path)


def test_a_data_folder_that_cannot_be_written_is_told_apart_from_the_network(server, tmp_path):
    (tmp_path / "root").write_text("a file where the folder should be")
    assert message_of(tmp_path / "root").endswith("mend that or choose another folder with --data DIR")
