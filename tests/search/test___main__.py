"""`python -m search` is the command line. See search.__main__."""

import runpy
import sys

import pytest


def test_the_package_is_run_as_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["search", "explain", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("search", run_name="__main__")
    assert ended.value.code == 0
    assert "Usage: afcl explain" in capsys.readouterr().out
