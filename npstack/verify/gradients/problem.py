"""A function, its backward and the point at which they are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, NpstackError, describe, fail
from npstack.core.numerics import Array
from npstack.verify.gradients.derivatives import Inputs, Scalar, leaves, like

WHERE = "gradcheck"


class Problem:
    """What is checked: gradients of ``s``, the outputs of ``f`` times random cotangents.

    Parameters
    ----------
    f, backward : callable
        As for `gradcheck`.
    inputs : dict of arrays, or sequence of arrays
    outputs : int, str or sequence of these, optional
        The outputs that count; the others (a cache) are left out.
    rng : numpy.random.Generator
        Draws the cotangents.

    Attributes
    ----------
    point : dict of arrays
        Copies of the inputs, write-protected: code that changes its arguments fails at that line.
    s : Scalar
    analytic : dict
        The results of the backward by the names of the inputs; None for one that it left out.
    changed : list of str
        The cotangents that the backward changed in place.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Any,
        outputs: Any,
        rng: np.random.Generator,
    ) -> None:
        for name, function in (("f", f), ("backward", backward)):
            if not callable(function):
                advice = "Pass the function itself, gradcheck(forward, backward, inputs)."
                fail(DtypeError, WHERE, f"{name} must be a function", describe(function), advice)
        self.f, self.backward, self.point = _by_name(f, backward, inputs)
        self.names = [
            n for n, value in self.point.items() if value.dtype.kind == "f" and value.size
        ]
        if not self.names:
            expected = "inputs must hold a floating-point array"
            got = f"none in {sorted(self.point)}"
            fail(ArgumentError, WHERE, expected, got, "Use x.astype(float).")
        if outputs is not None:
            whole = self.f
            self.f = lambda **given: _chosen(whole(**given), outputs)
        self.structure = self.f(**self.point)
        self.outputs = self._checked_outputs()
        self.cotangents = [
            rng.standard_normal(y.shape).astype(y.dtype) for y in self.outputs.values()
        ]
        self.s = Scalar(self.f, self.cotangents)
        self.analytic, changed = self._back(self.point, self.cotangents)
        self.changed = [name for name, now in zip(self.outputs, changed, strict=True) if now]

    def gradients(self, point: Inputs, cotangents: Sequence[Array]) -> dict[str, Array | None]:
        """The results of the backward at another point, for other cotangents."""
        self.f(**point)  # a backward may read what its forward has kept
        return self._back(point, cotangents)[0]

    def _back(
        self, point: Inputs, cotangents: Sequence[Array]
    ) -> tuple[dict[str, Array | None], list[bool]]:
        """The gradients by name, and which cotangents the backward has changed."""
        given = [v.copy() for v in cotangents]  # a backward may add to what it is given
        try:
            dinputs = self.backward(like(self.structure, iter(given)), **point)
        except Exception as error:
            if len(self.outputs) > 1 and not isinstance(error, NpstackError):
                error.add_note(self.about_outputs())
            raise
        changed = [bool((now != v).any()) for now, v in zip(given, cotangents, strict=True)]
        return _gradients(dinputs, list(self.point)), changed

    def about_outputs(self) -> str:
        """What a user with several outputs should know."""
        return (
            f"npstack.gradcheck: f returns {len(self.outputs)} arrays, {', '.join(self.outputs)}, "
            "and backward gets a derivative by each, in the same structure. If some are a cache, "
            "name the outputs: outputs=0 for the first, outputs=(0, 1) for the first two."
        )

    def _checked_outputs(self) -> dict[str, Array]:
        """The outputs by name, checked."""
        found = dict(leaves(self.structure))
        if not found:
            advice = "Return an array, or a tuple or dictionary of arrays."
            got = describe(self.structure)
            fail(DtypeError, WHERE, "f must return floating-point arrays", got, advice)
        for name, y in found.items():
            if not np.isfinite(y).all():
                place = tuple(map(int, np.argwhere(~np.isfinite(y))[0]))
                got, advice = f"{y[place]} at {name}{list(place)}", "Check at smaller inputs."
                fail(ArgumentError, WHERE, "the outputs of f must be finite", got, advice)
        again = dict(leaves(self.f(**self.point)))
        if not all(np.array_equal(found[name], again[name]) for name in found):
            advice = "Draw its random numbers beforehand, and pass them in."
            fail(ArgumentError, WHERE, "f must return the same twice", "another result", advice)
        return found


def _chosen(result: Any, outputs: Any) -> Any:
    """The outputs that were named: one as it is, several as a tuple."""
    if isinstance(outputs, tuple | list):
        return tuple(_chosen(result, name) for name in outputs)
    try:
        return result[outputs]
    except (LookupError, TypeError):
        has = sorted(result) if isinstance(result, Mapping) else describe(result)
        expected = f"outputs must name results of f ({has})"
        advice = "Use positions, outputs=(0, 1), or names if f returns a dictionary."
        fail(ArgumentError, WHERE, expected, repr(outputs), advice)


def _by_name(
    f: Callable[..., Any], backward: Callable[..., Any], inputs: Any
) -> tuple[Callable[..., Any], Callable[..., Any], Inputs]:
    """Copy the inputs, write-protected, and convert a call by position into one by name."""
    if not isinstance(inputs, Mapping | tuple | list):
        advice = "For a single input, pass [x]."
        fail(DtypeError, WHERE, "inputs must be a dictionary or a list", describe(inputs), advice)
    items = inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)
    point = {str(name): np.array(as_array(WHERE, str(name), value)) for name, value in items}
    for name, value in point.items():
        if value.dtype.kind in "cO":
            expected = f"{name} must hold real numbers"
            advice = "Check real and imaginary part as two inputs, or use x.astype(float)."
            fail(DtypeError, WHERE, expected, f"dtype {value.dtype}", advice)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
            got = f"{value[place]} at {list(place)}"
            advice = "A gradient is defined at finite numbers."
            fail(ArgumentError, WHERE, f"{name} must be finite", got, advice)
        value.flags.writeable = False
    if isinstance(inputs, Mapping):
        return f, backward, point
    return (
        lambda **named: f(*named.values()),
        lambda doutputs, **named: backward(doutputs, *named.values()),
        point,
    )


def complete(value: Array, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an array, and one of all entries that are in no other."""
    rest = np.ones(value.shape, dtype=bool)
    for index in parts.values():
        rest[index] = False
    return {**parts, "rest": rest} if rest.any() else dict(parts)


def _gradients(dinputs: Any, names: Sequence[str]) -> dict[str, Array | None]:
    """The results of the backward, by name."""
    if isinstance(dinputs, Mapping):
        unknown = sorted(set(dinputs) - set(names))
        if unknown:
            expected = f"backward must return the names of the inputs, {list(names)}"
            fail(ArgumentError, WHERE, expected, f"also {unknown}")
        given = dict(dinputs)
    else:
        values = dinputs if isinstance(dinputs, tuple | list) else (dinputs,)
        if len(values) != len(names):
            expected = f"backward must return {len(names)} gradients, in the order of the inputs"
            fail(ArgumentError, WHERE, expected, len(values))
        given = dict(zip(names, values, strict=True))
    found: dict[str, Array | None] = {}
    for name, value in given.items():
        array = None if value is None else np.asarray(value)
        if array is not None and array.dtype.kind not in "fiub":
            expected = f"the gradient by {name} must be an array of real numbers"
            fail(DtypeError, WHERE, expected, f"dtype {array.dtype}", "Use astype(float).")
        if array is not None and array.dtype.kind != "f":
            array = array.astype(float)
        found[name] = array
    return found
