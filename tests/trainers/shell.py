"""The environment in which tests run, made the same for everybody."""

from collections.abc import MutableMapping

# what a person's shell, editor or CI may hold, by which programs choose width, colours, language, letters or the hour
PERSONAL = {
    *("TERM", "COLORTERM", "COLUMNS", "LINES", "TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
    *("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS"),
    *("LANG", "LANGUAGE", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONCOERCECLOCALE"),
}
COMMON = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def impersonal(environment: MutableMapping[str, str]) -> None:
    """Make an environment the same for whoever runs the tests; what they start inherits it."""
    for name in [name for name in environment if name in PERSONAL or name.startswith("LC_")]:
        del environment[name]
    environment.update(COMMON)
