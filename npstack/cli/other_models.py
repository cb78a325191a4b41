"""Shared by ``npstack inspect`` and ``npstack convert``: a model's file, the list of its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from npstack.core.errors import DataError, NpstackError, fail
from npstack.interop.files.by_suffix import ADVICE, SUFFIXES
from npstack.interop.loading import open_model
from npstack.interop.opened import Opened
from npstack.interop.parts import RecurrentPart

READ = (".onnx", *SUFFIXES)
LIVE = "In Python, npstack.interop.inspect takes the live model, or its arrays by name."


def opened(where: str, name: str, path: Path) -> Opened:
    """The recurrent layers of a file."""
    suffix = path.suffix.lower()
    if suffix not in READ:
        expected = f"{name} must end with one of {', '.join(READ)}"
        fail(DataError, where, expected, repr(str(path)), ADVICE.get(suffix, LIVE))
    return open_model(where, path)


def listing(part: RecurrentPart) -> str:
    """A part on a line; what was assumed of it, and what else the model does, on lines below.

    Examples
    --------
    >>> part = RecurrentPart("enc", "lstm", 3, 2, 1, False, "pytorch", {})
    >>> part = part._replace(assumed=("its gates are sigmoids",))
    >>> print(listing(part._replace(remarks=("Dropout 0.5 between the layers.",))))
    enc: lstm 3 -> 2, pytorch
      Assumed: its gates are sigmoids
      Not brought in: Dropout 0.5 between the layers.
    """
    lines = [f"  Assumed: {sentence}" for sentence in part.assumed]
    lines += [f"  Not brought in: {remark}" for remark in part.remarks]
    return "\n".join([str(part), *lines])


@contextmanager
def as_command(where: str, advice: str = "", **options: str) -> Iterator[None]:
    """Tell the errors of a call in the words of a command.

    Parameters
    ----------
    where : str
        The command, in place of the function; a function with the path of a file stays.
    advice : str
        What to do, as it is typed; by default, that of the error.
    **options : str
        Options by the arguments that they stand for.

    Examples
    --------
    >>> from npstack.core.errors import ArgumentError
    >>> with as_command("npstack convert", layout="--layout"):
    ...     raise ArgumentError("save", "layout must be onnx", "keras", "Leave layout out.")
    Traceback (most recent call last):
    npstack.core.errors.ArgumentError: npstack convert: --layout must be onnx, got keras. Leave
    --layout out.
    """
    try:
        yield
    except NpstackError as error:
        if "(" not in error.where:
            error.where = where
        for name, option in options.items():
            must = rf"\b{name}(\[[^]]*\])? must\b"
            error.expected = re.sub(must, rf"{option}\1 must", error.expected)
            error.advice = error.advice.replace(f"Leave {name} out", f"Leave {option} out")
            error.advice = re.sub(rf"\b{name}=", f"{option}=", error.advice)
        error.typed = advice or error.typed
        raise
