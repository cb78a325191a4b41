"""Every mutant of every operator at every site of a module: nothing is sampled, nothing left out.

Not executed, hence not mutated: annotations, docstrings, type aliases, imports. An `Edit` is one
mutant: it can be applied to the syntax tree and taken back.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "npstack"
# Training: compared on other inputs (`tests.mutation.learning`).
LEARNING = (
    "training/schedules.py",
    "training/optim/patterns.py",
    "training/optim/base.py",
    "training/optim/clipping.py",
    "training/optim/rules.py",
    "training/bptt.py",
    "data/windowing.py",
)


# Further cells: compared on other inputs (`tests.mutation.cellular`).
CELLULAR = (
    "core/activations.py",
    "layers/stacked_bidirectional.py",
    "layers/lstm.py",
    "layers/gru.py",
    "layers/rnn.py",
    "cells/",
)
# No maths: lists of builders, a printed table, rows of samples; what refuses wrong arguments.
NO_MATHS = (
    *("cells/catalogue.py", "layers/summary.py", "losses/samples.py", "core/lazy.py"),
    *("core/arguments.py", "core/arrays.py", "core/errors.py", "core/masks.py"),
    *("core/config.py", "core/undrawn.py"),
)
ROOMS = (
    "core",
    "cells",
    "layers",
    "losses",
    "engine",
)  # a module that is new in them is mutated as well


def _all_of(folder: str) -> list[str]:
    found = (path for path in (PACKAGE / folder).rglob("*.py") if path.stem != "__init__")
    names = {path.relative_to(PACKAGE).as_posix() for path in found}
    return sorted(names - set(NO_MATHS))


FILES = (*(file for room in ROOMS for file in _all_of(room)), *LEARNING)
MODULE = "<module>"  # the unit of what stands outside functions and classes
SKIPPED = {"annotation", "returns", "bases", "type_comment", "ctx"}
Alike = dict[str, dict[str, list[str]]]  # function -> name -> names that look the same


@dataclass(frozen=True)
class Site:
    """A node of the syntax tree, and where it hangs."""

    node: Any
    parent: Any
    field: str
    index: int | None
    unit: str  # the function, or else the class, that it belongs to: "LSTMCell.step"
    function: str  # the same inside a function's body; "" where a module or class is made
    statement: ast.stmt
    indexes: bool  # whether it is an index, or one of several

    def put(self, node: Any) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass
class Edit:
    """One mutant."""

    file: str
    operator: str
    site: Site
    tree: ast.Module
    new: Any
    line_text: str  # the first line of its statement, as `headline` writes it
    before: str
    after: str
    occurrence: int = 0
    unit: str = ""  # as the table calls it: with the module where the name alone is not enough
    digest: str = ""  # of the unit

    @property
    def text(self) -> str:
        """What identifies a mutant inside its function, wherever that stands, however laid out."""
        change = f"{self.before} -> {self.after}"
        return " | ".join([self.operator, self.line_text, change, str(self.occurrence)])

    @property
    def key(self) -> str:
        return f"{self.unit} | {self.text}"

    @property
    def line(self) -> int:
        return int(getattr(self.site.node, "lineno", self.site.statement.lineno))

    @property
    def span(self) -> tuple[int, int]:
        """First and last line of the statement that holds the mistake."""
        statement = self.site.statement
        return statement.lineno, statement.end_lineno or statement.lineno

    @contextmanager
    def applied(self) -> Iterator[ast.Module]:
        """The tree with the mistake in it."""
        self.site.put(self.new)
        try:
            yield ast.fix_missing_locations(self.tree)
        finally:
            self.site.put(self.site.node)


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_type_only(node: ast.AST, parent: ast.AST) -> bool:
    """Imports, declarations without value, aliases of types, typed dictionaries."""
    if isinstance(node, ast.Import | ast.ImportFrom) or is_docstring(node):
        return True
    if isinstance(node, ast.AnnAssign):
        return node.value is None or ast.unparse(node.annotation) == "TypeAlias"
    if isinstance(node, ast.ClassDef):
        return any(ast.unparse(base) == "TypedDict" for base in node.bases)
    alias = isinstance(parent, ast.Module) and isinstance(node, ast.Assign)
    return alias and isinstance(node.value, ast.Subscript | ast.BinOp)


def inside(unit: str, name: str) -> str:
    """The qualified name of what stands in a class, or in a module."""
    return name if unit == MODULE else f"{unit}.{name}"


def sites(tree: ast.Module) -> Iterator[Site]:
    """Every node that is executed, from the first line to the last."""
    stack: list[Site] = [Site(tree, None, "", None, MODULE, "", tree.body[0], False)]
    while stack:
        site = stack.pop()
        node = site.node
        if site.parent is not None:
            yield site
        children = []
        for name, value in ast.iter_fields(node):
            if name in SKIPPED or (name == "keywords" and isinstance(node, ast.ClassDef)):
                continue
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, child in items:
                if not isinstance(child, ast.AST) or is_type_only(child, node):
                    continue
                unit, function, statement = site.unit, site.function, site.statement
                if isinstance(child, ast.stmt):
                    statement = child
                if isinstance(node, ast.FunctionDef) and name == "body" and not function:
                    function = unit
                if isinstance(child, ast.FunctionDef | ast.ClassDef) and not function:
                    unit = inside(unit, child.name)
                several = site.indexes and isinstance(node, ast.Tuple)
                indexes = name == "slice" or several
                where = (unit, function, statement, indexes)
                children.append(Site(child, node, name, index, *where))
        stack += reversed(children)


# ---- helpers -----------------------------------------------------------------------------------


def parse(text: str) -> Any:
    return ast.parse(text, mode="eval").body


def call(function: str, *arguments: ast.AST) -> ast.Call:
    return ast.Call(func=parse(function), args=list(arguments), keywords=[])


def name_of(node: ast.AST) -> str:
    return ast.unparse(node)


def without(items: list[Any], k: int) -> list[Any]:
    return [*items[:k], *items[k + 1 :]]


def swapped(items: list[Any], k: int) -> list[Any]:
    return [*items[:k], items[k + 1], items[k], *items[k + 2 :]]


def changed(node: Any, **fields: Any) -> Any:
    """A copy of a node with other fields."""
    new = type(node)(**{**dict(ast.iter_fields(node)), **fields})
    return ast.copy_location(new, node)


def plus(node: Any, amount: int) -> ast.BinOp:
    op = ast.Add() if amount > 0 else ast.Sub()
    return ast.BinOp(left=node, op=op, right=ast.Constant(abs(amount)))
