"""Every advice that the readers of files can give, taken from their source, as patterns."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3] / "npstack"
READERS = {
    **dict.fromkeys(
        f"data/{name}.py"
        for name in ("table", "records", "lines", "loaders", "labelled", "labelled_arrays")
    ),
    "data/timeseries.py": None,
    "data/amounts.py": {"check_room"},
    "data/ragged.py": {"check_padding"},
    "files/paths.py": {"check_path", "open_file"},
}
NAMES = {"advice", "typed", "other", "more"}  # of variables that hold an advice
Pattern = re.Pattern[str]


def parts(expression: ast.AST) -> set[str]:
    """Patterns of the texts that an expression may have; nothing of a name."""
    if isinstance(expression, ast.Constant):
        return {re.escape(expression.value)} if isinstance(expression.value, str) else set()
    if isinstance(expression, ast.JoinedStr):
        values = expression.values
        return {
            "".join(re.escape(v.value) if isinstance(v, ast.Constant) else ".*" for v in values)
        }
    if isinstance(expression, ast.IfExp):
        return parts(expression.body) | parts(expression.orelse)
    if isinstance(expression, ast.BoolOp):
        return set().union(*map(parts, expression.values))
    return set()


def assigned(node: ast.Assign) -> set[str]:
    """What is assigned to a variable that holds an advice."""
    found: set[str] = set()
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for name, value in pairs:
            if isinstance(name, ast.Name) and name.id in NAMES:
                found |= parts(value)
    return found


def called(node: ast.Call, constants: dict[str, set[str]]) -> set[str]:
    """The advice of a call of ``fail``, and the texts of an ``Advice``."""
    if not isinstance(node.func, ast.Name) or node.func.id not in ("fail", "Advice"):
        return set()
    given = node.args if node.func.id == "Advice" else node.args[4:5]
    given = [*given, *(keyword.value for keyword in node.keywords if keyword.arg == "typed")]
    found: set[str] = set()
    for value in given:
        found |= constants.get(value.id, set()) if isinstance(value, ast.Name) else parts(value)
    return found


def harvest() -> dict[str, str]:
    """Patterns of every advice, with the file in which each stands."""
    found = {}
    for name, functions in READERS.items():
        module = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        constants = {
            target.id: parts(node.value)
            for node in module.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for place in module.body:
            if functions is None or getattr(place, "name", "") in functions:
                for node in ast.walk(place):
                    texts = assigned(node) if isinstance(node, ast.Assign) else set()
                    texts |= called(node, constants) if isinstance(node, ast.Call) else set()
                    found |= dict.fromkeys(texts, name)
    return {pattern: name for pattern, name in found.items() if pattern not in ("", ".*")}


def sites() -> dict[tuple[str, int], str]:
    """Every call of ``fail`` in these files: file and first line, and what it expects."""
    found = {}
    for name, functions in READERS.items():
        module = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        for place in module.body:
            if functions is None or getattr(place, "name", "") in functions:
                for node in ast.walk(place):
                    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                    if is_call and node.func.id == "fail":
                        found[name, node.lineno] = ast.unparse(node.args[2])
    return found
