"""What a function is, wherever it stands: its digest, and how its statements are written in keys.

Comments, docstrings, annotations, imports and the layout of lines have no effect: moving a
function or editing its docstring changes nothing. Digests are of trees written out here, not
of `ast.dump`, which other versions of Python write otherwise.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from typing import Any

from tests.mutation.operators import MODULE, inside, is_type_only

LONGEST = 100
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
# "kind" is the u of u"text"; "type_params" came with Python 3.12.
NOT_SEEN = {"returns", "annotation", "type_comment", "type_ignores", "ctx", "kind", "type_params"}


def digests(tree: ast.Module) -> dict[str, str]:
    """A digest for each function, for each class without its functions, and for the rest."""
    pieces: dict[str, list[ast.AST]] = {MODULE: [tree]}

    def visit(node: ast.AST, unit: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, DEFINITIONS):
                name = inside(unit, child.name)
                pieces.setdefault(name, []).append(child)  # a property is two functions
                if isinstance(child, ast.ClassDef):
                    visit(child, name)
            elif isinstance(child, ast.stmt):
                visit(child, unit)

    visit(tree, MODULE)
    return {unit: _digest(nodes) for unit, nodes in pieces.items()}


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _digest(nodes: list[ast.AST]) -> str:
    whole = isinstance(nodes[0], ast.FunctionDef)
    return digest_of(repr([_shape(node, None, whole) for node in nodes]))


def _shape(node: Any, parent: Any, whole: bool) -> Any:
    """A tree as nested tuples; `whole` with the functions and classes that stand in it."""
    if not isinstance(node, ast.AST):
        return repr(node)
    found: list[Any] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name in NOT_SEEN or value is None:
            continue
        if not isinstance(value, list):
            found.append((name, _shape(value, node, whole)))
            continue
        shown = [child for child in value if _is_seen(child, node, whole)]
        if shown:
            found.append((name, tuple(_shape(child, node, whole) for child in shown)))
    if isinstance(node, ast.AnnAssign):
        if isinstance(parent, ast.ClassDef) or node.value is None:  # of a dataclass, a NamedTuple
            return "field", *found[1:]
        return _shape(ast.Assign(targets=[node.target], value=node.value), parent, whole)
    return tuple(found)


def _is_seen(node: Any, parent: ast.AST, whole: bool) -> bool:
    if not isinstance(node, ast.AST):
        return True
    if isinstance(node, DEFINITIONS) and not whole:
        return False
    if isinstance(node, ast.AnnAssign) and isinstance(parent, ast.ClassDef):
        return True
    return not is_type_only(node, parent)


class _Bare(ast.NodeTransformer):
    """Without annotations and decorators."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns, node.decorator_list, node.body = None, [], [ast.Pass()]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list, node.body = [], [ast.Pass()]
        return node


def headline(node: ast.stmt) -> str:
    """The first line of a statement, as Python writes it, without annotations."""
    return ast.unparse(_Bare().visit(copy.deepcopy(node))).splitlines()[0]


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
