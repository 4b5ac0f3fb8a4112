"""Parts of a user's own, by import path or entry point. See trainers.own_parts."""

import pytest
from own_package import forget, write_package

from trainers import own_parts
from trainers.errors import InputError
from trainers.own_parts import is_path, load_part, path_of, registered, source_folder, with_source_hash

FIELD = "model.encoder"


@pytest.fixture
def package(tmp_path, monkeypatch):
    return write_package(tmp_path, "ownparts", monkeypatch)


def test_a_path_names_a_module_and_what_is_in_it():
    for good in ("pkg:build", "pkg.models:Tiny.make", f"pkg:build#sha256={'0' * 64}"):
        assert is_path(good)
    for bad in ("small", "pkg.models", "pkg:", ":build", "pkg:build#sha256=12", "a b:c", "../x:y"):
        assert not is_path(bad)


def test_a_part_is_found_with_and_without_the_hash_of_its_source(package):
    kept = with_source_hash(FIELD, "ownparts.models:build")
    assert kept.startswith("ownparts.models:build#sha256=")
    assert with_source_hash(FIELD, kept) == kept
    assert load_part(FIELD, kept) is load_part(FIELD, "ownparts.models:build")


def test_comments_and_docstrings_change_nothing_and_a_definition_does(package):
    kept = with_source_hash(FIELD, "ownparts.models:build")
    models = package / "models.py"
    other = models.read_text().replace('"""Encoders."""', '"""Other words."""  # and a comment')
    models.write_text(other.replace('"""A linear map of the image."""', ""))
    forget("ownparts")
    assert with_source_hash(FIELD, "ownparts.models:build") == kept
    (package / "layers.py").write_text("SIZE = 3\n")  # whatever is in the package may count
    forget("ownparts")
    with pytest.raises(InputError, match=r"the source of ownparts\.models has changed since the search began"):
        load_part(FIELD, kept)


def test_a_module_of_one_file_is_hashed_alone(tmp_path, monkeypatch):
    (tmp_path / "loneparts.py").write_text("def build(channels):\n    return None\n")
    (tmp_path / "neighbour.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    forget("loneparts")
    kept = with_source_hash(FIELD, "loneparts:build")
    (tmp_path / "neighbour.py").write_text("x = 2\n")
    forget("loneparts")
    assert with_source_hash(FIELD, "loneparts:build") == kept
    assert source_folder("loneparts") == tmp_path / "loneparts.py"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.models:build", "no module nowhere here, which nowhere.models:build needs; install it"),
        ("ownparts.model:build", "no module ownparts.model here"),
        ("ownparts.models:biuld", "ownparts.models has no biuld; did you mean build?"),
        ("ownparts.broken:build", "ownparts.broken cannot be imported: SyntaxError"),
        ("math:sqrt", "math has no Python source that could be hashed"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(name, said, package):
    (package / "broken.py").write_text("def build(:\n")
    with pytest.raises(InputError) as refused:
        with_source_hash(FIELD, name)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_an_installed_package_registers_parts_by_name(monkeypatch):
    entry = own_parts.metadata.EntryPoint("tiny", "ownparts.models:build", "afcl.encoders")

    def entry_points(group, name=None):
        return [entry] if group == "afcl.encoders" and name in (None, "tiny") else []

    monkeypatch.setattr(own_parts.metadata, "entry_points", entry_points)
    assert path_of("afcl.encoders", "tiny") == "ownparts.models:build"
    assert path_of("afcl.encoders", "huge") is None
    assert registered("afcl.encoders") == ["tiny"]
