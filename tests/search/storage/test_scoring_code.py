"""What changes the hash of the scoring code, and what does not."""

import ast
import shutil
from pathlib import Path

import pytest

import trainers
from search.storage import scoring_code
from search.storage.scoring_code import definitions, scoring_code_hash

ROOT = Path(trainers.__file__).parents[1]
STEPS = '''"""Steps."""

import math
from typing import TYPE_CHECKING

from trainers import sizes
from trainers.sizes import half as half_of

if TYPE_CHECKING:
    from trainers.data import Data

RATE: float = 0.1  # a fair one


class Step:
    """One step."""

    size: int = 3

    def take(self, by: float = 1.5) -> float:
        """Take it."""
        return by * self.size


def walk(data: "Data", steps: int = 4) -> float:
    """Walk so many steps."""
    left: float = sizes.width(data) - half_of(steps)
    return math.sqrt(left) if left > RATE else sizes.floor.limit


@staticmethod
def unused(x):
    return x
'''
SIZES = """
def half(x):
    return x / 2


def width(x):
    return len(x)


def floor(x):
    return 0
"""


@pytest.fixture
def hashed(tmp_path, monkeypatch):
    """The hash of a package `trainers` with these files."""
    monkeypatch.setattr(scoring_code, "FILES", ("trainers/**/*.py",))
    monkeypatch.setattr(scoring_code, "DEFINITIONS", {})

    def hash_of(**texts: str) -> str:
        shutil.rmtree(tmp_path / "trainers", ignore_errors=True)
        for name, text in texts.items():
            path = tmp_path / "trainers" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return scoring_code_hash(tmp_path)

    return hash_of


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Walk so many steps.", "Go."),
        ('    """Take it."""\n', ""),
        ("  # a fair one", ""),
        ("import math\n", "import math\nimport os\n"),
        ("from trainers.data import Data", "from trainers.arrays import Data"),
        ("RATE: float =", "RATE ="),
        ("by: float = 1.5) -> float", "by=1.5)"),
        ("left: float =", "left ="),
        ("from trainers import sizes\n", "import trainers.sizes as sizes\n"),
        ("steps: int = 4) ->", "steps: int = 4,\n) ->"),
        ("sqrt(left) if left > RATE else", "sqrt((left)) if (left > RATE) else"),
    ],
)
def test_what_decides_nothing_changes_nothing(hashed, old, new):
    assert old in STEPS
    assert hashed(steps=STEPS.replace(old, new), sizes=SIZES) == hashed(steps=STEPS, sizes=SIZES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE: float = 0.1", "RATE: float = 0.2"),
        ("by: float = 1.5", "by: float = 2.5"),
        ("size: int = 3", "size: int = 4"),
        ("size: int = 3", "size: Annotated[int, Field(ge=0)] = 3"),  # pydantic reads it
        ("left > RATE", "left >= RATE"),
        ("by * self.size", "by + self.size"),
        ("sizes.width(data)", "sizes.half(data)"),
        ("half_of(steps)", "steps"),
        ("@staticmethod\n", ""),
        ("@staticmethod\ndef unused(x):\n    return x\n", ""),
        ("def walk(", "def run("),
        ("sizes.floor.limit", "None"),
    ],
)
def test_what_may_decide_changes_the_hash(hashed, old, new):
    assert old in STEPS
    assert hashed(steps=STEPS.replace(old, new), sizes=SIZES) != hashed(steps=STEPS, sizes=SIZES)


def test_a_module_may_be_renamed_moved_and_imported_otherwise(hashed):
    before = hashed(steps=STEPS, sizes=SIZES)
    renamed = STEPS.replace("from trainers import sizes", "from trainers.shape import widths as w")
    renamed = renamed.replace("trainers.sizes", "trainers.shape.widths").replace("sizes.", "w.")
    assert "w.width(data)" in renamed
    assert hashed(steps=renamed, shape__widths=SIZES, shape____init__='"""Shapes."""\n') == before
    by_path = STEPS.replace("from trainers import sizes", "import trainers.sizes").replace(
        " sizes.", " trainers.sizes."
    )
    assert "trainers.sizes.width(data)" in by_path
    assert hashed(steps=by_path, sizes=SIZES) == before
    bare = STEPS.replace("from trainers import sizes", "from trainers.sizes import floor, width").replace(
        " sizes.", " "
    )
    assert " width(data)" in bare
    assert hashed(steps=bare, sizes=SIZES) == before


def test_a_definition_may_move_to_another_file(hashed):
    before = hashed(steps=STEPS, sizes=SIZES)
    start = STEPS.index("class Step")
    end = STEPS.index("def walk")
    assert hashed(steps=STEPS[:start] + STEPS[end:], step=STEPS[start:end], sizes=SIZES) == before
    together = STEPS.replace("from trainers import sizes\n", "").replace(
        "from trainers.sizes import half as half_of\n", ""
    )
    assert hashed(all=together.replace(" sizes.", " ").replace("half_of", "half") + SIZES) == before


def test_a_variable_with_a_modules_name_is_no_module(hashed):
    """`sizes.width` of an argument is an attribute, whatever the file imports."""
    text = "from trainers import sizes\n\n\ndef f(sizes):\n    return sizes.width\n"
    assert hashed(f=text, sizes=SIZES) == hashed(f=text.partition("\n")[2], sizes=SIZES)


@pytest.mark.slow
def test_this_code_keeps_its_hash_when_its_files_move_and_are_written_anew(tmp_path, monkeypatch):
    """A copy in which every sentence and comment is gone and the algorithms have another home."""
    before = scoring_code_hash()
    for package in scoring_code.PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    assert scoring_code_hash(tmp_path) == before
    files = [tmp_path / name for name in scoring_code.FILES if "*" not in name]
    home = tmp_path / "search" / "moved"
    home.mkdir()
    (home / "__init__.py").write_text('"""What decides."""\n')
    for file in files:
        file.rename(home / f"the_{file.name}")
    modules = {".".join(file.relative_to(tmp_path).with_suffix("").parts): file.stem for file in files}
    for file in tmp_path.rglob("*.py"):
        text = file.read_text()
        for module, stem in modules.items():
            text = text.replace(f"from {module} import", f"from search.moved.the_{stem} import")
        file.write_text(ast.unparse(ast.parse(text)))  # without comments, in another layout
    tables = tuple(name for name in scoring_code.FILES if "*" in name)
    monkeypatch.setattr(scoring_code, "FILES", (*tables, "search/moved/*.py"))
    assert scoring_code_hash(tmp_path) == before
    one = home / f"the_{files[0].name}"
    one.write_text(one.read_text() + "\nEXTRA = 1\n")
    assert scoring_code_hash(tmp_path) != before


def test_every_line_of_the_table_names_what_is_there():
    for name, names in scoring_code.DEFINITIONS.items():
        assert len(list(definitions(ROOT / name, ROOT, names))) == len(names)
    for pattern in (*scoring_code.FILES, *scoring_code.TELLING):
        assert list(ROOT.glob(pattern)), pattern


@pytest.mark.slow  # three hashes of the whole code
def test_what_only_tells_of_the_data_changes_nothing(tmp_path):
    for package in scoring_code.PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    before = scoring_code_hash(tmp_path)
    survey = tmp_path / "trainers" / "data" / "io" / "survey.py"
    survey.write_text(survey.read_text() + "\nEXTRA = 1\n")
    assert scoring_code_hash(tmp_path) == before
    decoding = survey.with_name("decoding.py")
    decoding.write_text(decoding.read_text() + "\nEXTRA = 1\n")
    assert scoring_code_hash(tmp_path) != before


def test_no_other_module_is_passed_about_by_its_name():
    """A module that is a value, not the base of an attribute, would bring its name into the hash."""
    for file, names in scoring_code._files(ROOT):
        tree = ast.parse(file.read_bytes())
        modules = {name for name, home in scoring_code._bindings(list(ast.walk(tree)), ROOT).items() if home is None}
        bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        bare = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in bases}
        assert names is not None or not modules & bare, f"{file.name}: {modules & bare}"
