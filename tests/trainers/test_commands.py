"""Command lines that are told can be pasted, whatever stands in them."""

import shlex
import subprocess
from pathlib import Path

import pytest

from trainers.commands import command_line, forget, given, remember, told_in_hints

AWKWARD = ["School Stuff & more", "it's", 'say "x"', "$HOME", "a;b", "*", "[old]", "`id`", "-x", "ü", "#1", "~", "a\\b"]


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget()
    yield
    forget()


def typed_into(shell: str, line: str) -> list[bytes]:
    """The words that a shell makes of a line."""
    told = subprocess.run([shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return told.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_takes_a_line_as_it_was_meant(name, shell):
    line = command_line("show", "base", results=Path("/tmp") / name)
    meant = ["afcl", "show", "base", "--results", f"/tmp/{name}"]
    assert typed_into(shell, line) == [word.encode() for word in meant]
    assert shlex.split(line) == meant


def test_a_file_that_begins_with_a_dash_is_no_flag():
    assert command_line("train", "-best.yaml") == "afcl train ./-best.yaml"


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines", b"tab\there", b"it's \xff\\", b"\x1b[31mred"])
def test_names_that_a_terminal_cannot_show_are_pasted_byte_for_byte(name):
    line = command_line("show", "base", results=name.decode("utf-8", "surrogateescape"))
    assert line.isprintable()
    assert line.isascii()
    assert typed_into("bash", line)[-1] == name


def test_letters_that_the_terminal_lacks_are_told_as_bytes(monkeypatch):
    class Latin:
        encoding = "ascii"

    monkeypatch.setattr("sys.stdout", Latin())
    line = command_line("show", "base", results="Übung")
    assert line.isascii()
    assert typed_into("bash", line)[-1] == "Übung".encode()


def test_a_flag_is_told_where_there_is_something_to_tell():
    assert command_line("export", "a", top=3, results=None) == "afcl export a --top 3"
    assert command_line("confirm", "a", again=True) == "afcl confirm a --again"
    assert command_line("search", "a", tracking_uri="x") == "afcl search a --tracking-uri x"


def test_what_a_session_was_given_is_told_to_the_words_that_take_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with given(data=Path("my data"), address="auto", storage=None):
        assert command_line("resume", "a") == f"afcl resume a --data '{tmp_path}/my data' --address auto"
        assert command_line("show", "a") == "afcl show a"
        assert command_line("resume", "a", address=None, data="/d") == "afcl resume a --data /d"
    assert command_line("resume", "a") == "afcl resume a"


def test_what_the_command_line_was_given_stays_inside_a_session():
    remember("results", Path("/r"))
    with given(data=None):
        assert command_line("show", "a") == "afcl show a --results /r"


def test_a_function_that_was_given_data_tells_it_in_its_hints():
    @told_in_hints
    def resume(name: str, *, data: Path | None = None, top: int | None = None) -> str:
        return command_line("resume", name)

    assert resume("a", data=Path("/my data"), top=3) == "afcl resume a --data '/my data'"
    assert resume("a") == "afcl resume a"
