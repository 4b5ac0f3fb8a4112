"""Clip art as a folder of own images: the people, food and animals of Debian's package openclipart-png (131 MB).

They are drawings of all sizes on transparent ground, so they are read as a user's own images are. Of each class two
images in five are for the test; which, depends on their names alone.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE = "openclipart-png"
CLASSES = ("people", "food", "animals")
TESTED = 0.4


def fetch(folder: Path) -> Path:
    """The images at `folder`, one folder for each split and class; downloaded if they are not there.

    Raises:
        FileNotFoundError: this is no Debian, which has apt-get and dpkg-deb.
        subprocess.CalledProcessError: the package cannot be had.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            work = Path(made)
            # apt's own user may not write into the folder; said here, it does not warn of it
            subprocess.run(
                ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", PACKAGE], cwd=work, check=True
            )
            (package,) = work.glob(f"{PACKAGE}*.deb")
            subprocess.run(["dpkg-deb", "-x", package, work / "all"], check=True)
            _sort(next((work / "all").rglob("people")).parent, work / "sorted")
            (work / "sorted").replace(folder)
    return folder


def _sort(source: Path, folder: Path) -> None:
    for name in CLASSES:
        for image in sorted((source / name).rglob("*.png")):
            place = image.relative_to(source).as_posix()
            share = int(hashlib.sha256(place.encode()).hexdigest()[:8], 16) / 16**8
            to = folder / ("test" if share < TESTED else "train") / name
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy(image, to / place.replace("/", "-"))
