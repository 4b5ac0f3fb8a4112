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


def test_every_word_has_a_help(typed):
    for word in re.findall(r"^│ (\w+) ", done(typed("--help")), re.MULTILINE):
        assert "Usage: afcl" in done(typed(word, "--help"))
