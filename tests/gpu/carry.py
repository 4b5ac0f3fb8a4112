"""Pack Ray, Optuna and Pydantic into one archive, for a GPU machine that has PyTorch but no network.

    python tests/gpu/carry.py .carry

writes .carry/site.tar.xz, which the other machine unpacks and puts on its path:

    mkdir -p /tmp/site && tar -xJf .carry/site.tar.xz -C /tmp/site && export PYTHONPATH=/tmp/site

The versions are those of requirements.lock. The archive is the same, byte for byte, however often it is made.
"""

import argparse
import lzma
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements.lock"

PACKAGES = (
    "ray",
    "optuna",
    "pydantic",
    "pydantic-core",
    "platformdirs",
    # what these import, as far as a machine with PyTorch and pytest has not got it, or may have an older one
    "annotated-types",
    "colorlog",
    "filelock",
    "jsonschema",
    "jsonschema-specifications",
    "referencing",
    "rpds-py",
    "typing-extensions",
    "typing-inspection",
)

# parts of Ray that a search on one machine never imports; a third of its size
DEAD_WEIGHT = (
    "ray/jars/",  # its Java side
    "ray/cpp/",
    "ray/include/",
    "ray/rllib/",
    "ray/llm/",
    "ray/dashboard/client/",  # the dashboard's page: Ray goes without it and says so in a log
    "ray/core/libjemalloc.so",  # only loaded when RAY_JEMALLOC_LIB_PATH names it
)

PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
)

LIMIT = 40  # MiB that may be carried

# Ray's three large programs are linked from the same libraries: a dictionary that spans them, and the filter for
# machine code, save some 30%
PACKING = [
    {"id": lzma.FILTER_X86},
    {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 128 << 20},
]


def main() -> None:
    """Download, unpack, leave out and pack."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path, help="where site.tar.xz is written")
    words.add_argument("--python", default="3.12", help="the other machine's Python (default: %(default)s)")
    asked = words.parse_args()
    locked = locked_versions(LOCK)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = [download(name, locked[name], asked.python, Path(scratch)) for name in PACKAGES]
        archive = asked.folder / "site.tar.xz"
        print("packing; this takes a minute or two", flush=True)
        packed = pack(wheels, archive)
    for name, size in packed.most_common():
        print(f"{size / 2**20:9.1f} MiB  {name}")
    size = archive.stat().st_size / 2**20
    print(f"{archive}: {size:.1f} MiB, unpacked {packed.total() / 2**20:.0f} MiB")
    if size > LIMIT:
        sys.exit(f"{archive} is larger than the {LIMIT} MiB that may be carried: leave out more in DEAD_WEIGHT")


def locked_versions(lock: Path) -> dict[str, str]:
    """The version of each package in a lock file of NAME==VERSION lines."""
    lines = (line for line in lock.read_text().splitlines() if not line.startswith("#"))
    return dict(line.split("==") for line in lines)


def download(name: str, version: str, python: str, into: Path) -> Path:
    """Fetch the wheel of exactly this version for the other machine's Python."""
    there_already = set(into.iterdir())
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(into)]
    target = ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
    subprocess.run([*pip, *target, f"{name}=={version}"], check=True)
    (wheel,) = set(into.iterdir()) - there_already
    print(f"{wheel.stat().st_size / 2**20:9.1f} MiB  {wheel.name}", flush=True)
    return wheel


def pack(wheels: list[Path], archive: Path) -> Counter[str]:
    """Write the wheels' files into one archive; returns how many bytes of each top folder are in it."""
    packed: Counter[str] = Counter()
    with (
        lzma.open(archive, "wb", format=lzma.FORMAT_XZ, filters=PACKING) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for wheel in sorted(wheels):
            with zipfile.ZipFile(wheel) as files:
                for file in wanted(files):
                    entry = tarfile.TarInfo(file.filename)  # its owner and time are 0: the same archive every time
                    entry.size = file.file_size
                    entry.mode = 0o755 if file.external_attr >> 16 & 0o111 else 0o644  # raylet is a program
                    with files.open(file) as content:
                        tar.addfile(entry, content)
                    packed[file.filename.split("/")[0]] += file.file_size
    return packed


def wanted(files: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The files of a wheel that are carried, by name."""
    for file in sorted(files.infolist(), key=lambda file: file.filename):
        if not file.is_dir() and not file.filename.startswith(DEAD_WEIGHT):
            yield file


if __name__ == "__main__":
    main()
