"""A model whose recurrent layers are known: their list, and the arrays of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    describe,
    fail,
    in_words,
    kind_of,
)
from npstack.core.numerics import Array
from npstack.interop.parts import WHOLE, RecurrentPart


class Opened(NamedTuple):
    """A model of any framework, looked at once.

    Attributes
    ----------
    parts : tuple of RecurrentPart
        In the order of the model.
    read : callable
        The arrays of one of them, by the names of its layout.
    """

    parts: tuple[RecurrentPart, ...]
    read: Callable[[RecurrentPart], Mapping[str, Array]]

    def part(self, where: str, name: str | None = None) -> RecurrentPart:
        """The part of this name, or the only one; one that can be brought in.

        Raises
        ------
        ArgumentError
            There are several, or none of this name.
        DataError
            There is none at all, or it cannot be brought in.
        """
        parts = self.parts
        listed = ", ".join(repr(part.name or WHOLE) for part in parts)
        if not parts:
            expected = "there must be a recurrent layer"
            advice = "If its arrays have names of their own, give them to read, in a list."
            fail(DataError, where, expected, "none that is known", advice)
        advice = f"part={parts[0].name or WHOLE!r}."
        if name is None and len(parts) > 1:
            fail(ArgumentError, where, "part must name one part", listed, advice)
        wanted = "" if name == WHOLE and all(part.name != WHOLE for part in parts) else name
        chosen = [part for part in parts if wanted in (None, part.name)]
        if not chosen:
            fail(ArgumentError, where, f"part must be one of {listed}", describe(name), advice)
        if chosen[0].refused:
            expected = f"{chosen[0].name or 'the model'} must be a layer that npstack can hold"
            fail(DataError, where, expected, "one that is refused", chosen[0].refused)
        return chosen[0]

    def arrays(self, part: RecurrentPart) -> dict[str, Array]:
        """Copies of the arrays of a part; bfloat16 as float32, which holds it."""
        return {
            name: value.astype(np.float32) if value.dtype.name == "bfloat16" else value.copy()
            for name, value in self.read(part).items()
        }


def as_numpy(value: Any) -> Array:
    """An array. Of a tensor of PyTorch a copy, of bfloat16, which NumPy has not, in float32."""
    if not hasattr(value, "detach"):
        return np.asarray(value)
    tensor = value.detach().cpu()
    wide = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return np.array(wide.numpy(), order="C")


def flattened(where: str, tree: Mapping[str, Any], prefix: str = "") -> dict[str, Array]:
    """The arrays of nested dictionaries, their names joined by ``/``; boxes of Flax are opened.

    Texts, None and keys of JAX's random numbers, which stand beside weights, are left out.

    Examples
    --------
    >>> list(flattened("load", {"a": {"b": np.ones(1)}, "c": [1.0, 2.0]}))
    ['a/b', 'c']
    """
    found: dict[str, Array] = {}
    for name, value in tree.items():
        path = f"{prefix}{'if' if name == 'if_' else name}"  # nnx may not call a field if
        if isinstance(value, Mapping):
            found |= flattened(where, value, f"{path}/")
            continue
        if not hasattr(value, "__array__"):
            value = getattr(value, "value", value)
        if value is None or isinstance(value, str) or "key<" in str(getattr(value, "dtype", "")):
            continue
        if not hasattr(value, "__array__") and not isinstance(value, int | float | list):
            fail(DtypeError, where, f"{path} must be an array", kind_of(value), "Leave it out.")
        try:
            found[path] = as_numpy(value)
        except Exception as error:  # what a framework raises for its own arrays
            advice = "Give arrays of numbers that are on the processor, or leave it out."
            fail(DtypeError, where, f"{path} must be an array", in_words(error), advice)
    return found
