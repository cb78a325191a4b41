"""The derivative of a function that can only be called, by complex step.

For an analytic ``s``, ``s(x + i h) = s(x) + i h s'(x) + O(h²)``, so ``Im s(x + i h) / h`` loses no
digits in a subtraction; with ``h = 1e-30`` the error term vanishes, too, and there is no step size
to tune (Squire & Trapp 1998). Whether a function can be called with complex numbers is decided in
`npstack.verify.gradients.safety`; if it cannot, there are `npstack.verify.gradients.differences`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.numerics import Array

STEP = 1e-30
Inputs = dict[str, Array]
Given = Mapping[str, Array | None]


def leaves(structure: Any, path: str = "") -> Iterator[tuple[str, Array]]:
    """Every floating-point array of a nested tuple or dictionary, with a dotted name."""
    if structure is None:
        return
    if isinstance(structure, Mapping):
        items = [(str(name), value) for name, value in structure.items()]
    elif isinstance(structure, tuple | list):
        names = getattr(structure, "_fields", range(len(structure)))
        items = [(str(name), value) for name, value in zip(names, structure, strict=True)]
    else:
        array = np.asarray(structure)
        if array.dtype.kind in "fc":
            yield path or "output", array
        return
    for name, value in items:
        yield from leaves(value, f"{path}.{name}" if path else name)


def like(structure: Any, arrays: Iterator[Array]) -> Any:
    """The same structure with its floating-point arrays replaced, in the order of `leaves`."""
    if structure is None:
        return None
    if isinstance(structure, Mapping):
        return {name: like(value, arrays) for name, value in structure.items()}
    if isinstance(structure, tuple | list):
        values = [like(value, arrays) for value in structure]
        return type(structure)(*values) if hasattr(structure, "_fields") else tuple(values)
    return next(arrays) if np.asarray(structure).dtype.kind in "fc" else structure


class Scalar:
    """``s(inputs)``: every output of ``f`` times its cotangent, summed to one number.

    The gradient of ``s`` is what a backward returns for these cotangents; since they are random
    and there is one for *every* output, every output is checked.
    """

    def __init__(self, f: Callable[..., Any], cotangents: list[Array]) -> None:
        self.f = f
        self.cotangents = cotangents

    def outputs(self, inputs: Inputs) -> list[Array]:
        """The outputs of ``f``, not yet weighed."""
        return [value for _, value in leaves(self.f(**inputs))]

    def weigh(self, outputs: Iterable[Any]) -> Any:
        """Outputs, or changes of them, times the cotangents, summed."""
        return sum((v * y).sum() for v, y in zip(self.cotangents, outputs, strict=True))

    def __call__(self, inputs: Inputs) -> Any:
        return self.weigh(self.outputs(inputs))


def outputs_or_none(s: Scalar, inputs: Inputs, nan: bool = False) -> list[Array] | None:
    """The outputs, or None if the inputs are outside of the domain of the function.

    There the function raises an error or gives NaN, which ``nan`` lets pass.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            outputs = s.outputs(inputs)
    except (ArithmeticError, ValueError):  # ValueError: np.linalg.LinAlgError is one
        return None
    return outputs if nan or all(np.isfinite(y).all() for y in outputs) else None


def cast(inputs: Inputs, dtype: Any) -> Inputs:
    """Cast all floating-point inputs; integers do not change."""
    return {
        name: value.astype(dtype) if value.dtype.kind in "fc" else value
        for name, value in inputs.items()
    }


def moved(inputs: Inputs, name: str, index: Any, by: Any) -> Inputs:
    """The inputs with ``inputs[name][index]`` changed; everything else by reference."""
    value = inputs[name].copy()
    value[index] += by
    return {**inputs, name: value}


def along(inputs: Inputs, direction: Inputs, by: Any) -> Inputs:
    """The inputs changed along a direction (others do not change)."""
    return {
        # cast first: NumPy 1.26 multiplies a wide number and a narrow array to a narrow one
        name: value + by * direction[name].astype(value.dtype) if name in direction else value
        for name, value in inputs.items()
    }


class Probe(Protocol):
    """One number of a gradient: the derivative along one direction in the space of the inputs."""

    def shifted(self, inputs: Inputs, by: Any) -> Inputs:
        """The inputs, moved along it."""

    def of(self, gradients: Given) -> Any:
        """The number, from all gradients."""


class Entry(NamedTuple):
    """The derivative by one entry of one input."""

    name: str
    place: tuple[int, ...]

    def shifted(self, inputs: Inputs, by: Any) -> Inputs:
        """The inputs with this entry changed."""
        return moved(inputs, self.name, self.place, by)

    def of(self, gradients: Given) -> Any:
        """The entry of the gradient."""
        return np.asarray(gradients[self.name])[self.place]


class Direction(NamedTuple):
    """The derivative along a direction through several inputs."""

    along: Inputs

    def shifted(self, inputs: Inputs, by: Any) -> Inputs:
        """The inputs, moved along it."""
        return along(inputs, self.along, by)

    def terms(self, gradients: Given) -> Array:
        """The products of gradient and direction, whose sum is the number."""
        products = [(np.asarray(gradients[name]) * d).ravel() for name, d in self.along.items()]
        return np.concatenate(products)

    def of(self, gradients: Given) -> Any:
        """The sum of gradient times direction."""
        return self.terms(gradients).sum()


def slopes(s: Scalar, inputs: Inputs, probes: Iterable[Probe], step: Any = STEP) -> Array:
    """``ds`` along each probe by complex step; the inputs must already be complex."""
    return np.array([np.imag(s(probe.shifted(inputs, 1j * step))) / step for probe in probes])


def eps_of(dtype: DTypeLike) -> float:
    """The distance from 1 to the next number."""
    kind: Any = np.dtype(dtype)
    return float(np.finfo(kind).eps)


def wider(dtype: DTypeLike) -> np.dtype[Any] | None:
    """The next type with more digits; None beyond the widest that the machine has.

    Examples
    --------
    >>> wider("float32"), wider("longdouble")
    (dtype('float64'), None)
    """
    types = [np.dtype(kind) for kind in (np.float64, np.longdouble)]
    own = eps_of(dtype)
    return next((kind for kind in types if eps_of(kind) < own), None)


def relative(direction: Inputs, inputs: Inputs) -> Inputs:
    """The direction with each entry as large as that of the input, or as the smallest beside it.

    A step of a tenth along it changes no sign: functions that are defined on one side of zero
    stay within their domain.

    Examples
    --------
    >>> signs, x = np.array([1.0, -1.0, 1.0]), np.array([1e-3, -1e-6, 0.0])
    >>> relative({"x": signs}, {"x": x})["x"]
    array([ 1.e-03, -1.e-06,  1.e-06])
    """
    found = {}
    for name, value in direction.items():
        sizes = np.abs(inputs[name])
        least = sizes[sizes > 0].min(initial=1.0)
        found[name] = value * np.where(sizes > 0, sizes, least)
    return found
