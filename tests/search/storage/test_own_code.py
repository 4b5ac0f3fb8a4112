"""Where this code itself stands, also where Ray brought it: each package in a folder of its own."""

import os
import shutil
import subprocess
import sys

import pytest

from search.storage.own_code import PACKAGES, code_folder, package_folder
from search.storage.provenance import code_hash
from search.storage.scoring_code import scoring_code_hash


def test_the_code_is_found_where_it_stands():
    assert (code_folder() / "search" / "storage" / "own_code.py").exists()
    for name in PACKAGES:
        assert (package_folder(name) / "__init__.py").exists()
        assert package_folder(name).name == name


@pytest.mark.slow
def test_hashes_are_the_same_where_each_package_has_a_parent_of_its_own(tmp_path):
    for name in PACKAGES:
        shutil.copytree(package_folder(name), tmp_path / f"of {name}" / name)
    program = "from search.storage import provenance as p; print(p.code_hash(), p.scoring_code_hash())"
    path = os.pathsep.join(str(tmp_path / f"of {name}") for name in PACKAGES)
    told = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert told.stdout.split() == [code_hash(), scoring_code_hash()], told.stderr
