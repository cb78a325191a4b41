"""What runs in the child process of a `Program`; the standard library and NumPy only."""

from __future__ import annotations

import inspect
import linecache
import os
import traceback

TYPE_CHECKING = False  # as in typing, which costs time to load
if TYPE_CHECKING:
    from typing import Any

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def account(error: BaseException, function: Any) -> dict[str, Any]:
    """What an exception in somebody's function says: its kind, its words, and their own line.

    Their line is the last one in the file of the function, not the one in a library below it.
    """
    own = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", None)
    steps = [
        step
        for step in traceback.extract_tb(error.__traceback__)
        if not os.path.abspath(step.filename).startswith(HERE + os.sep)
    ]
    at = next((step for step in reversed(steps) if step.filename == own), None)
    if at is None:
        at = steps[-1] if steps else None
    told: dict[str, Any] = {"raised": type(error).__name__, "message": " ".join(str(error).split())}
    told |= {"line": None, "file": "", "text": ""}
    if isinstance(error, SyntaxError):
        told |= {"message": error.msg, "line": error.lineno, "text": (error.text or "").strip()}
        told["file"] = os.path.basename(error.filename or "")
    elif at is not None:
        text = linecache.getline(at.filename, at.lineno or 0).strip()
        told |= {"line": at.lineno, "file": os.path.basename(at.filename), "text": text}
    return told


def parameters_of(function: Any) -> list[str] | None:
    """The names of a function's positional arguments; None if they cannot be told or counted."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    kind = inspect.Parameter
    placed = (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in placed and p.default is p.empty]
