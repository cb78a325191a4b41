"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

TYPE_CHECKING = False  # as in typing, which commands load after they listen for Ctrl-C
if TYPE_CHECKING:
    from typing import Any


def lazy(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package whose names are imported when used.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : dict
        By module: the names from it, separated by spaces. Names from the package itself are its
        modules.

    Examples
    --------
    >>> find, names = lazy("npstack.core", {"npstack.core.numerics": "sigmoid tanh"})
    >>> find("tanh").__name__, names()
    ('tanh', ['sigmoid', 'tanh'])
    """
    home = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if home[name] == package:
            return import_module(f"{package}.{name}")
        found = getattr(import_module(home[name]), name)
        setattr(sys.modules[package], name, found)  # looked up only once
        return found

    return find, lambda: sorted(home)
