"""Modules that take seconds to import, for files of which only slow tests need them."""

import importlib
from typing import Any


class Lazy:
    """Stands for a module, which is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pytest looks at everything that a file holds
            raise AttributeError(name)
        return getattr(importlib.import_module(self._name), name)
