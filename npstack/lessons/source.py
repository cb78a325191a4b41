"""What the text of a submission says before it runs: whether it is Python, and what it imports."""

from __future__ import annotations

import ast
from dataclasses import dataclass

PACKAGE = "npstack"
IMPORTERS = ("__import__", "import_module", "find_spec", "exec", "eval", "run_module")


@dataclass(frozen=True)
class Source:
    """A submission that was read.

    Attributes
    ----------
    error : str
        Why it is not Python; empty if it is.
    imports : dict of int
        Where npstack is imported: the line, by the name of the function, or ``""`` outside of any.
    """

    error: str
    imports: dict[str, int]


def read(text: str) -> Source:
    """Read a submission.

    Examples
    --------
    >>> read("import numpy as np\\ndef f(x):\\n    from npstack import LSTM\\n").imports
    {'f': 3}
    >>> read("def f(:").error
    'line 1, `def f(:`: invalid syntax'
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Source(_in_words(error, text), {})
    imports: dict[str, int] = {}
    for top in tree.body:
        function = top.name if isinstance(top, ast.FunctionDef | ast.ClassDef) else ""
        for node in ast.walk(top):
            if _imports(node):
                imports.setdefault(function, getattr(node, "lineno", 0))
    return Source("", imports)


def _imports(node: ast.AST) -> bool:
    """Whether a piece of code imports npstack."""
    if isinstance(node, ast.Import):
        return any(_is_ours(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return _is_ours(node.module or "")
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        texts = (own.value for own in node.args if isinstance(own, ast.Constant))
        return name in IMPORTERS and any(PACKAGE in t for t in texts if isinstance(t, str))
    return False


def _is_ours(module: str) -> bool:
    """Whether a module is npstack, or a part of it."""
    return module.split(".")[0] == PACKAGE


def _in_words(error: Exception, text: str) -> str:
    """What is not Python, with its line."""
    if not isinstance(error, SyntaxError):
        return f"it cannot be read as Python ({type(error).__name__}: {error})"
    lines = text.splitlines()
    number = error.lineno or 0
    own = f", `{lines[number - 1].strip()}`" if 0 < number <= len(lines) else ""
    return f"line {number}{own}: {error.msg}"
