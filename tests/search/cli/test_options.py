"""The flags that words share: what their help says, and that they mean one thing everywhere. See search.cli.options."""

import re

from typer.main import get_command

from search.cli import app


def test_no_help_has_brackets_that_rich_takes_for_markup():
    def params(command):
        yield from command.params
        for inner in getattr(command, "commands", {}).values():
            yield from params(inner)

    helps = [param.help or "" for param in params(get_command(app.app))]
    assert any("default: the spec's" in told for told in helps)
    assert not [told for told in helps if re.search(r"\[[a-z#/@]", told)]
