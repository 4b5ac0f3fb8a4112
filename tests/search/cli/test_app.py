"""The command line as a whole: its words, their help, its version. See search.cli.app."""

import re

from words import BAD_INPUT, done


def test_the_version_is_told_with_the_commit(typed):
    assert re.fullmatch(r"afcl-search \d+\.\d+\S*(, commit [0-9a-f]{40}(\+changes)?)?\n", done(typed("--version")))


def test_no_word_at_all_shows_them_all(typed):
    helped = typed()
    assert helped.returncode == BAD_INPUT
    for word in ("plan", "search", "resume", "stop", "list", "show", "explain", "logs", "export", "train", "doctor"):
        assert re.search(rf"\b{word}\b", helped.stdout)


def test_no_word_at_all_says_what_to_type(typed, told, tmp_path):
    assert f"no search in {tmp_path / 'results'} yet: start one with `afcl search demo`" in typed().stdout
    assert "`afcl list` lists them, `afcl show told` shows one" in typed(results=told).stdout


def test_a_shell_completes_words_and_flags(typed):
    def completed(line: str) -> list[str]:
        asked = {"_AFCL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return typed(**asked).stdout.split()

    assert completed("afcl sea") == ["search"]
    assert sorted(completed("afcl data ")) == ["check", "fetch"]
    assert completed("afcl search demo --na") == ["--name"]


def test_every_word_has_a_help(typed):
    for word in re.findall(r"^│ (\w+) ", done(typed("--help")), re.MULTILINE):
        assert "Usage: afcl" in done(typed(word, "--help"))
