"""What every word says, in any encoding, to any reader, at any width; and what it tells to type can be typed."""

import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from word_server import WordServer

from search.cli import app
from search.storage.search_folder import SearchFolder

PROGRAM = [sys.executable, "-m", "search"]
LOOKING = [
    "list",
    "show told",
    "explain told 0",
    "logs told",
    "report told",
    "export told --tables csv",
    "plan digits",
    "schema",
]
LOOKING += ["data check digits", "doctor", "--help", "show --help", "--version", "show none", "nonsense", "sync told"]


@pytest.fixture(scope="session")
def word_server():
    server = WordServer()
    yield server
    server.close()


@pytest.fixture
def word(word_server, environment, tmp_path):
    """Run a word as a process does, with a stdout and a stderr of the test's choice; what it wrote is bytes."""

    def run(*words: str, variables: dict[str, str] | None = None, **streams: int):
        return word_server.run(words, environment(**(variables or {})), tmp_path, **streams)

    return run


@pytest.fixture
def program(environment, tmp_path):
    """Run a word in a process of its own, which takes seconds; what it wrote is bytes."""

    def run(*words: str, **given):
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | given
        variables = environment(PYTHONPATH=os.pathsep.join(sys.path), **more.pop("variables", {}))
        return subprocess.run([*PROGRAM, *words], cwd=more.pop("cwd", tmp_path), env=variables, timeout=300, **more)

    return run


def words_of(command=None, before=()):
    """Every word of the command line, data's own among them, as lists."""
    command = command or get_command(app.app)
    for name, inner in getattr(command, "commands", {}).items():
        yield [*before, name]
        yield from words_of(inner, (*before, name))


# encodings


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_every_word_that_looks_speaks_in_every_encoding(encoding, word, told):
    for line in LOOKING:
        done = word(*line.split(), variables={"PYTHONIOENCODING": encoding, "AFCL_RESULTS": str(told)})
        assert b"Traceback" not in done.stderr, (line, done.stderr)
        assert done.returncode in (0, 2, 3), line
        done.stdout.decode(encoding)
        done.stderr.decode(encoding)


@pytest.mark.slow
def test_json_is_json_in_every_encoding(word, told):
    about = told / "told" / "search.json"
    about.write_text(about.read_text().replace("Digits 3, 8, 9", "Ziffern größer als η"))
    for encoding in ("ascii", "latin-1", "utf-8"):
        done = word("show", "told", "--json", variables={"PYTHONIOENCODING": encoding, "AFCL_RESULTS": str(told)})
        assert json.loads(done.stdout.decode(encoding))["data"]["description"].startswith("Ziffern größer als η")


PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
def test_a_plain_locale_is_no_error(program, told, tmp_path):
    results = tmp_path / "Übungen 2"
    shutil.copytree(told, results)
    done = program("show", "told", "--results", str(results), variables=PLAIN)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, PLAIN])
def test_a_plain_locale_changes_neither_files_nor_the_end(locale, program, told, tmp_path):
    results = tmp_path / "Übungen 2"
    shutil.copytree(told, results)
    for words in (["show", "told"], ["report", "told"], ["export", "told", "--tables", "csv"]):
        done = program(*words, "--results", str(results), variables=locale)
        assert (done.returncode, done.stderr) == (0, b""), words
    assert "η" in (results / "told" / "index.html").read_text(encoding="utf-8")


NO_TEXT = os.fsdecode(b"caf\xe9")


@pytest.mark.slow
def test_a_name_that_is_no_text_is_shown_byte_by_byte(word, told, tmp_path):
    odd = Path(shutil.copytree(told, tmp_path / NO_TEXT))
    assert word("list", "--results", str(odd)).returncode == 0
    shown_in_a_refusal(word("show", "none", "--results", str(odd)))


@pytest.mark.slow  # these words import torch
@pytest.mark.parametrize("words", [["data", "check", NO_TEXT], ["plan", f"{NO_TEXT}.yaml"]], ids=["data", "spec"])
def test_data_and_a_spec_whose_names_are_no_text_are_shown_byte_by_byte(words, word):
    shown_in_a_refusal(word(*words))


def shown_in_a_refusal(done: subprocess.CompletedProcess[bytes]) -> None:
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert b"caf\\xe9" in done.stderr


# readers that go away


@pytest.mark.slow
@pytest.mark.parametrize("words", [*words_of(), []], ids=" ".join)
def test_no_word_minds_that_nobody_reads_it(words, word, program, told):
    """Its help, which every word has, then what it says itself; with nobody at the end of its output, and of both."""
    named = {
        "rm": ["told", "--yes"],
        "explain": ["told", "0"],
        "confirm": ["told", "--seeds", "2"],
        "list": [],
        "schema": [],
        "doctor": [],
        "ui": None,
    }
    given = named.get(words[0], ["told"]) if words else ["--version"]
    run = program if words == ["confirm"] else word  # it starts a Ray, which bears no fork
    for line in ([*words, "--help"], *([] if given is None or "run-job" in words else [[*words, *given]])):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            for streams in ({"stdout": writer}, {"stdout": writer, "stderr": writer}):
                done = run(*line, variables={"AFCL_RESULTS": str(told)}, **streams)
                assert done.returncode == 0 if "--help" in line else done.returncode in (0, 2, 3)
                assert b"Traceback" not in (done.stderr or b""), (line, done.stderr)
                assert b"BrokenPipe" not in (done.stderr or b""), (line, done.stderr)
        finally:
            os.close(writer)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["list", "show told", "show told --json", "schema", "logs told 0"])
def test_output_that_cannot_be_written_is_one_line(line, word, told):
    (told / "told" / "trials" / "0000").mkdir(parents=True, exist_ok=True)
    (told / "told" / "trials" / "0000" / "log.txt").write_text("printed\n" * 10_000)
    with Path("/dev/full").open("wb") as full:
        done = word(*line.split(), stdout=full.fileno(), variables={"AFCL_RESULTS": str(told)})
    assert done.returncode == 3
    assert done.stderr == b"afcl: the output could not be written: No space left on device; write it to another disk\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "closed", [*(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-")), ">&- 2>&-"]
)
def test_closed_streams_are_no_error(closed, told, environment):
    line = f"{shlex.join(PROGRAM)} show told --results {shlex.quote(str(told))} {closed}"
    variables = environment(PYTHONPATH=os.pathsep.join(sys.path))
    assert subprocess.run(["sh", "-c", line], env=variables, stdout=subprocess.DEVNULL).returncode == 0


# hints


AWKWARD = ["School Stuff & more", "it's [old]", "-dash", 'say "x" $HOME', "Übung"]
EVERYTHING = '-it\'s [old] & "x" $HOME Ü'


def hints_in(text: str) -> list[list[str]]:
    """The command lines that a text tells to type, as their words."""
    quoted = r"'[^']*'|\"[^\"]*\""
    in_words, alone = rf"`(afcl [a-z](?:{quoted}|[^`])*)`", rf"(afcl [a-z](?:{quoted}|(?!\s{{3}}|['\n]).)*)"
    found = re.findall(rf"{in_words}|(?:^|\s{{2}}|: ){alone}", text, re.MULTILINE)
    return [shlex.split(one or other) for one, other in found]


@pytest.fixture
def hints(request, typed, told, tmp_path):
    """What the words tell to type about a search whose folder has a name of the test's choice."""
    results = tmp_path / "all of it" / request.param
    shutil.copytree(told, results)
    where = ["--results", str(results)]
    said = [
        typed("search", "digits", "--name", "told", *where).stderr,
        typed("stop", "told", *where).stderr,
        typed("logs", "told", *where).stdout,
        typed("resume", "told", *where).stdout,
        typed("list", "--results", str(results / "none")).stdout,
    ]
    (results / "told" / "driver.log").touch()
    said.append(typed("logs", "told", *where).stdout)
    found = {tuple(hint) for text in said for hint in hints_in(text)}
    for program_, *words in found:
        assert program_ == "afcl"
        assert words[words.index("--results") + 1].startswith(str(results))
    return sorted(found)


NAMES = [EVERYTHING, *(pytest.param(one, marks=pytest.mark.slow) for one in AWKWARD)]


@pytest.mark.slow
@pytest.mark.parametrize("hints", NAMES, indirect=True)
def test_what_a_word_tells_to_type_is_understood_when_it_is_typed(hints, typed):
    assert {hint[1] for hint in hints} >= {"resume", "rm", "ui", "export", "show", "search", "sync"}
    for _, *words in hints:
        if words[0] in ("ui", "search", "rm", "sync"):
            continue
        done = typed(*words)
        # nothing was trained in "told", so there are no weights to export
        assert done.returncode == (2 if words[0] == "export" else 0), done.stderr
        assert "no search" not in done.stderr


@pytest.mark.slow  # it imports MLflow
@pytest.mark.parametrize("hints", [EVERYTHING, *AWKWARD], indirect=True)
def test_a_sync_that_a_word_tells_to_type_is_understood(hints, typed):
    done = typed(*next(words for _, *words in hints if words[0] == "sync"))
    assert done.returncode == 0, done.stderr


def test_a_hint_names_the_data_that_the_command_was_given(typed, tmp_path, monkeypatch):
    from trainers.data.datasets import fmnist

    monkeypatch.setattr(fmnist, "DEBIAN", tmp_path / "no package")
    empty = tmp_path / "my data"
    empty.mkdir()
    for words in (["plan", "demo"], ["search", "demo"], ["data", "check", "fmnist"], ["doctor"]):
        told = typed(*words, "--data", str(empty))
        assert f"afcl data fetch fmnist --data '{empty}'" in told.stdout + told.stderr
    assert "--data" not in typed("plan", "demo").stderr, "another command was given nothing"


@pytest.mark.slow
def test_brackets_and_colons_in_names_are_no_markup(word, told, tmp_path):
    results = tmp_path / "[bold] [old] :ok: {x}"
    shutil.copytree(told, results)
    about = results / "told" / "search.json"
    about.write_text(about.read_text().replace("Digits 3, 8, 9", "moles [red] [/old] :ok:"))
    shown = word("list", "--results", str(results)).stdout + word("show", "told", "--results", str(results)).stdout
    assert shown.count(b"moles [red] [/old] :ok:") == 2
    assert str(results / "none").encode() in word("list", "--results", str(results / "none")).stdout


# width


def sent_to(terminal: int) -> str:
    """What a terminal is sent until its last writer has gone, colours taken away."""
    printed = b""
    while select.select([terminal], [], [], 120)[0]:
        try:
            printed += os.read(terminal, 65536)
        except OSError:  # it has ended
            break
    os.close(terminal)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed.decode()).replace("\r", "")


@pytest.fixture
def on_a_terminal(word_server, environment, tmp_path):
    """What a word sends to a terminal of so many columns."""

    def run(words: list[str], columns: int = 80, **variables: str) -> str:
        ours, theirs = pty.openpty()
        given = environment(COLUMNS=str(columns), TERM="xterm", **variables)
        word_server.start(words, [theirs] * 3, given, tmp_path)
        os.close(theirs)
        printed = sent_to(ours)
        word_server.wait()
        return printed

    return run


def letters(text: str) -> set[str]:
    return set(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.mark.slow
@pytest.mark.parametrize("words", [*words_of(), []], ids=" ".join)
def test_no_help_breaks_inside_a_word_at_80_columns(words, on_a_terminal):
    narrow, wide = (on_a_terminal([*words, "--help"], columns) for columns in (80, 300))
    assert max(map(len, narrow.splitlines())) <= 80
    assert letters(narrow) == letters(wide)


@pytest.mark.slow
def test_a_search_on_a_terminal_shows_its_table_and_ends_well(environment, tmp_path):
    sets = [f"--set={one}" for one in ("search.trials=1", "representation.epochs=2")]
    words = ["search", "digits", *sets, "--set=search.scheduler.grace=1", f"--results={tmp_path}"]
    given = environment(COLUMNS="80", TERM="xterm", PYTHONPATH=os.pathsep.join(sys.path))
    ours, theirs = pty.openpty()
    with subprocess.Popen([*PROGRAM, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=given):
        os.close(theirs)
        printed = sent_to(ours)
    assert "Traceback" not in printed
    assert "running" in printed, "the live table"
    assert "the search is done: " in printed


@pytest.mark.slow
def test_nothing_that_is_said_breaks_inside_a_word_at_80_columns(told, on_a_terminal):
    long = told / f"a-search-{'x' * 50}"
    shutil.copytree(told / "told", long)
    for line in [
        "list",
        "explain told 0",
        "resume told",
        "plan demo",
        "plan fmnist",
        "doctor",
        "search digits --name told",
        "data check digits",
        "plan digits --set resources.gpus=4",
        "plan nonsense",
        "show none",
        "explain told 99",
        "confirm none",
        "export told --top 9",
    ]:
        printed = [on_a_terminal(line.split(), columns, AFCL_RESULTS=str(told)) for columns in (80, 400)]
        assert letters(printed[0]) == letters(printed[1]), line
        wide = [one for one in printed[0].splitlines() if len(one) > 80 and len(one.split()) > 1 and "afcl " not in one]
        assert not wide, line


@pytest.mark.slow
def test_scores_stay_whole_beside_long_values(told, on_a_terminal):
    folder = SearchFolder(told / "told")
    journal = folder.journal.read_text()
    more = '"representation.weight_decay":0.000123,"model.width":64,"classifier.weight_decay":0.1,'
    folder.journal.write_text(journal.replace('"values":{', f'"values":{{{more}'))
    printed = on_a_terminal(["show", "told", "--results", str(told)])
    table = printed.split("all trials")[1].split("\n\n")[0].splitlines()[2:]
    rows = [row for row in table if row.split()[0].isdigit()]  # the other lines are what was wrapped of the values
    trials = folder.history().trials.values()
    for trial, row in zip(trials, rows, strict=True):
        assert f" {trial.latest('val_balanced_accuracy'):.4f} " in row
    assert "…" not in printed
    assert sum(line.count("0.000123") for line in table) == len(trials), "every value is read"


# what may not be read


WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner", "--inh-caps", "-all"]


@pytest.fixture
def forbidden(environment):
    """Run a word as somebody whom the permissions of files bind, which they do not bind root."""
    if os.geteuid() == 0 and subprocess.run([*WITHOUT_ROOTS_RIGHTS, "true"], capture_output=True).returncode:
        pytest.skip("root cannot give up its rights here")
    first = WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else []

    def run(*words: str):
        variables = environment(PYTHONPATH=os.pathsep.join(sys.path))
        return subprocess.run([*first, *PROGRAM, *words], env=variables, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.slow
def test_a_folder_that_may_not_be_read_is_told_and_list_goes_on_past_it(forbidden, told):
    (told / "told").chmod(0)
    try:
        listed = forbidden("list", "--results", str(told))
        shown = forbidden("show", "told", "--results", str(told))
    finally:
        (told / "told").chmod(0o755)
    assert listed.returncode == 0
    assert re.search(r"told\s+damaged.*Permission denied; allow it with chmod or chown", listed.stdout)
    assert re.search(r"begun\s+interrupted", listed.stdout)
    assert shown.returncode == 3
    assert "search.json: Permission denied; allow it with chmod or chown" in shown.stderr
    told.chmod(0)
    try:
        refused = forbidden("list", "--results", str(told))
    finally:
        told.chmod(0o755)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (3, 1)
    assert "Permission denied; allow it with chmod or chown" in refused.stderr


def test_nobody_without_a_home_is_given_a_folder_called_tilde(typed, monkeypatch, tmp_path):
    def unknown(*_):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    for words in (["plan", "digits"], ["list", "--results", "~/r"]):
        done = typed(*words)
        assert done.returncode == 3
        assert "this user has no home here; set HOME, or name folders whole with --data and --results" in done.stderr
    assert typed("plan", "digits", "--data", str(tmp_path / "d")).returncode == 0
    assert not (tmp_path / "~").exists()
