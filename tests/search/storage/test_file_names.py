"""What stands where in a search's folder is known to search/storage alone; others ask it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.storage import lease, search_folder, trial_folder
from search.storage.search_folder import SearchFolder

ROOT = Path(__file__).parents[3]
OTHERS = [
    file
    for package in ("search", "spaces", "trainers")
    for file in sorted((ROOT / package).rglob("*.py"))
    if "storage" not in file.relative_to(ROOT).parts[:2]
]
NAMES = re.compile(
    r"search\.json|spec\.yaml|journal\.\w*\.?jsonl|test-split|verdict\.json|delivered\.json|delivery\.lock"
    r"|driver\.(json|lock|log)|optuna\.log|index\.html|leaderboard\.csv|images\.jpg|(confirm|final|best)-(\d|\*|$)"
    r"|trials/|checkpoints/|\bresult\.json|scores\.npz|\blog\.txt|embedding\.json|last-error|gave-up|node\.txt"
)
# Words of other meanings too: names of files where a path is made with them.
IN_PATHS = {"trials", "checkpoints", "tables", "figures", "ray", "stop", "journal"}


def named_in(text: str) -> Iterator[str]:
    """The names of a search's files that stand in a module's strings, without its docstrings."""
    tree = ast.parse(text)
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield from (found[0] for found in NAMES.finditer(node.value))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            yield from IN_PATHS & {node.right.value}


def test_no_other_module_names_a_file_of_a_searchs_folder():
    assert len(OTHERS) > 100
    assert not {str(file.relative_to(ROOT)): found for file in OTHERS if (found := list(named_in(file.read_text())))}


@pytest.mark.parametrize(
    "line",
    [
        'path = folder.path / "search.json"',
        'path = folder.path / "stop"',
        'path = folder.path / f"confirm-{number}"',
        'found = folder.path.glob("best-*.yaml")',
        'name = f"{number:04d}/checkpoints/{file}"',
    ],
)
def test_a_name_in_another_module_would_be_found(line):
    assert len(list(named_in(line))) == 1


def test_every_name_that_storage_knows_would_be_found():
    words = [
        value
        for module in (search_folder, trial_folder)
        for key, value in vars(module).items()
        if key.isupper() and isinstance(value, str) and key not in ("LOG_OF_ATTEMPT", "BY_VALUES")
    ]
    assert len(words) > 20
    for word in [*words, lease.FILE]:
        assert NAMES.search(word) or word in IN_PATHS, word


def test_the_files_of_a_search_have_the_names_that_older_versions_gave_them(tmp_path):
    """A search that was begun before must go on; so these names never change."""
    folder = SearchFolder(tmp_path)
    properties = [name for name, value in vars(SearchFolder).items() if isinstance(value, property)]
    skipped = {"name", "root", "title", "searched", "storage"}
    assert {name: getattr(folder, name).name for name in properties if name not in skipped} == {
        "contact_sheet": "images.jpg",
        "judged_test": "test-images.jpg",
        "test_openings": "test-split.jsonl",
        "tables": "tables",
        "verdict": "verdict.json",
        "journal": "journal.jsonl",
        "delivered": "delivered.json",
        "delivery_lock": "delivery.lock",
        "driver_log": "driver.log",
        "optuna_view": "optuna.log",
        "report": "index.html",
        "leaderboard": "leaderboard.csv",
        "figures": "figures",
        "ray": "ray",
    }
    assert (search_folder.ABOUT, search_folder.SPEC, lease.FILE) == ("search.json", "spec.yaml", "driver.json")
    trial = folder.trial(7)
    inside = [
        path.relative_to(tmp_path).as_posix() for path in (trial.log, trial.checkpoints, trial.result, trial.scores)
    ]
    assert inside == [f"trials/0007/{name}" for name in ("log.txt", "checkpoints", "result.json", "scores.npz")]
    assert [path.name for path in folder.exported(2)] == ["best-2.yaml", "best-2.pt"]


def test_confirmations_are_counted_from_one(tmp_path):
    folder = SearchFolder(tmp_path)
    assert folder.next_confirmation().name == "confirm-1"
    for number in (1, 2, 10):
        inside = folder.confirmation(f"confirm-{number}")
        assert not inside.is_begun()
        inside.path.mkdir()
        (inside.path / "search.json").write_text("{}")
        assert inside.is_begun()
    assert [one.name for one in folder.confirmations()] == ["confirm-1", "confirm-2", "confirm-10"]
    assert folder.next_confirmation().name == "confirm-11"
