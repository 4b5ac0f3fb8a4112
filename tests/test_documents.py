"""What people read in the repository: every link leads somewhere, and README.md stays short."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
LONGEST = 150  # lines of README.md
WIDEST = 130  # characters of a line, tables apart


def documents() -> list[Path]:
    """The Markdown files of the repository, those that are not committed yet included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # an unpacked archive
        return [file for file in ROOT.rglob("*.md") if not {".venv", "node_modules"} & set(file.parts)]
    return [ROOT / name for name in filter(None, listed.stdout.split("\0")) if (ROOT / name).exists()]


def without_code(text: str) -> str:
    """Blocks and spans of code left out: brackets in them are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def links_of(file: Path) -> list[str]:
    """The targets of a document's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"\[([^\]]*)\n([^\]]*)\]", r"[\1 \2]", without_code(file.read_text())))


def anchors_of(file: Path) -> set[str]:
    """The names that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(file.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_is_a_readme_in_every_package():
    found = {file.relative_to(ROOT).as_posix() for file in documents()}
    packages = ("search", "spaces", "trainers", "tests", "docker", "results", "results/bench")
    assert found >= {"README.md", *(f"{package}/README.md" for package in packages)}


@pytest.mark.parametrize("file", documents(), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_link_between_files_leads_somewhere(file):
    broken = []
    for link in links_of(file):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = file.parent / path if path else file
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_readme_is_read_in_one_sitting():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= LONGEST
    assert [line for line in lines if len(line) > WIDEST] == []


def test_the_workflow_runs_the_readmes_commands_on_the_oldest_and_the_newest_python():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yaml").read_text())["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert commands["check"][-1] == "make check"
    assert commands["test"][-1] == "make test" == (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    oldest, newest = re.search(r"\((3, \d+)\) <= sys.version_info\[:2\] <= \((3, \d+)\)", MAKEFILE).groups()
    assert jobs["test"]["strategy"]["matrix"]["python"] == [oldest.replace(", ", "."), newest.replace(", ", ".")]


def test_what_cites_this_software_has_its_version():
    cited = yaml.safe_load((ROOT / ".github" / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])


def test_the_changelog_begins_with_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changes = (ROOT / ".github" / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (.+)$", changes, flags=re.MULTILINE)[0] == project["version"]


def test_every_python_that_make_takes_is_declared_and_no_other():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    oldest, newest = re.search(r"\(3, (\d+)\) <= sys.version_info\[:2\] <= \(3, (\d+)\)", MAKEFILE).groups()
    assert declared == [f"3.{minor}" for minor in range(int(oldest), int(newest) + 1)]
    assert project["requires-python"] == f">=3.{oldest},<3.{int(newest) + 1}"


@pytest.mark.parametrize(("given", "said"), [("", ""), ("https://example.com/cpu", "https://example.com/cpu")])
def test_make_takes_torch_from_a_further_index_where_one_is_named(given, said):
    """Seen without installing anything: what make would run, in a folder where nothing is installed."""
    command = ["make", "--dry-run", "--always-make", "-C", str(ROOT), ".venv/installed", f"TORCH_INDEX={given}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.endswith("torch torchvision")]
    assert ("--extra-index-url" in line) == bool(said)
    assert said in line
