"""Put a mistake into the package: into the running functions, or into a fresh import."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any

from tests.mutation.accidents import Accident
from tests.mutation.operators import PACKAGE, Edit


def module_name(file: str) -> str:
    return "npstack." + file.removesuffix(".py").replace("/", ".")


def compiled(edit: Edit | Accident) -> types.CodeType:
    with edit.applied() as tree:
        return compile(tree, str(PACKAGE / edit.file), "exec", dont_inherit=True)


def into_running_functions(edit: Edit) -> None:
    """Give the existing function its new code: nothing is imported again."""
    name = edit.site.function
    codes = {code.co_firstlineno: code for code in _codes(compiled(edit), name)}
    owner: Any = sys.modules[module_name(edit.file)]
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    for function in _plain(vars(owner)[last]):
        code = codes[function.__code__.co_firstlineno]
        if code.co_freevars == function.__code__.co_freevars:
            function.__code__ = code
            continue
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        closure = tuple(cells[variable] for variable in code.co_freevars)
        new = types.FunctionType(code, function.__globals__, last, None, closure)
        new.__kwdefaults__, new.__defaults__ = function.__kwdefaults__, function.__defaults__
        setattr(owner, last, new)


def _codes(code: types.CodeType, name: str) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_qualname == name:
                yield constant
            yield from _codes(constant, name)


def _plain(value: Any) -> list[Any]:
    """The functions behind a property, a static method or a cache."""
    if hasattr(value, "cache_clear"):
        value.cache_clear()
        return [value.__wrapped__]
    if isinstance(value, property):
        return [function for function in (value.fget, value.fset) if function]
    return [value.__func__ if isinstance(value, staticmethod | classmethod) else value]


class into_next_import(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """A finder that returns the mutated module when the package is imported."""

    def __init__(self, edit: Edit | Accident) -> None:
        self.name, self.code = module_name(edit.file), compiled(edit)
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        file = str(PACKAGE / (fullname.removeprefix("npstack.").replace(".", "/") + ".py"))
        return importlib.util.spec_from_file_location(fullname, file, loader=self)

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.code, vars(module))
