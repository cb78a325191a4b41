"""Every mutant of every operator at every site of a module: nothing is sampled, nothing left out.

Not executed, hence not mutated: annotations, docstrings, type aliases, imports. An `Edit` is one
mutant: it can be applied to the syntax tree and taken back.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "npstack"
# What learns: it is compared on inputs of its own (`tests.mutation.learning`).
LEARNING = (
    "training/schedules.py",
    "training/optim/patterns.py",
    "training/optim/base.py",
    "training/optim/clipping.py",
    "training/optim/rules.py",
    "training/bptt.py",
    "data/windowing.py",
)


# What came with other cells: it is compared on inputs of its own (`tests.mutation.cellular`).
CELLULAR = (
    "core/activations.py",
    "layers/stacked_bidirectional.py",
    "layers/lstm.py",
    "layers/gru.py",
    "layers/rnn.py",
    "cells/",
)
NO_MATHS = ("cells/catalogue.py", "layers/summary.py")  # a list of builders, and a printed table


def _all_of(folder: str) -> list[str]:
    found = (path for path in (PACKAGE / folder).rglob("*.py") if path.stem != "__init__")
    names = {path.relative_to(PACKAGE).as_posix() for path in found}
    return sorted(names - set(NO_MATHS))


FILES = (
    "core/numerics.py",
    "core/params.py",
    "core/tape.py",
    "core/init.py",
    "core/activations.py",
    "core/trees.py",
    *_all_of("cells"),
    *_all_of("layers"),
    "losses/boundary.py",
    "losses/functions.py",
    *LEARNING,
)
SKIPPED = {"annotation", "returns", "bases", "type_comment", "ctx"}
Alike = dict[str, dict[str, list[str]]]  # function -> name -> names that look the same
Change = tuple[str, ast.AST]


@dataclass(frozen=True)
class Site:
    """A node of the syntax tree, and where it hangs."""

    node: Any
    parent: Any
    field: str
    index: int | None
    function: str  # the outermost function or method around it, "" at the level of module or class
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
    source: str
    after: str
    occurrence: int = 0
    before: str = field(init=False)

    def __post_init__(self) -> None:
        self.before = ast.unparse(self.site.node)
        if isinstance(self.site.node, ast.stmt):
            self.before = self.before.splitlines()[0]

    @property
    def key(self) -> str:
        """What identifies a mutant when lines move."""
        parts = [self.file, self.site.function, self.operator, self.source]
        return " | ".join([*parts, f"{self.before} -> {self.after}", str(self.occurrence)])

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


def sites(tree: ast.Module) -> Iterator[Site]:
    """Every node that is executed, from the first line to the last."""
    stack: list[Site] = [Site(tree, None, "", None, "", tree.body[0], False)]
    path: dict[int, str] = {id(tree): ""}
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
                function, statement = site.function, site.statement
                if isinstance(child, ast.stmt):
                    statement = child
                if isinstance(node, ast.ClassDef):
                    path[id(child)] = f"{path[id(node)]}{node.name}."
                else:
                    path[id(child)] = path[id(node)]
                if isinstance(node, ast.FunctionDef) and name == "body" and not function:
                    function = f"{path[id(node)]}{node.name}"
                several = site.indexes and isinstance(node, ast.Tuple)
                indexes = name == "slice" or several
                children.append(Site(child, node, name, index, function, statement, indexes))
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
