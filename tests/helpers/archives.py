"""Archives, unpacked alike by every Python from 3.11.2 (Debian 12's) on, and without xz on the machine."""

import tarfile
from pathlib import Path


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a tar archive of ours into a folder, which is returned."""
    with tarfile.open(archive) as file:
        # later versions ask for a filter, and Debian 12's 3.11.2 knows none
        file.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder
