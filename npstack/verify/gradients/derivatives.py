"""Ways to compute the derivative of a function that can only be called.

`complex_step` is the main one. For an analytic ``s``, ``s(x + i h) = s(x) + i h s'(x) + O(h²)``, so
``Im s(x + i h) / h`` loses no digits in a subtraction; with ``h = 1e-30`` the error term vanishes,
too, and there is no step size to tune (Squire & Trapp 1998). `Quotients` are central differences at
many steps, whose error falls with the step until rounding dominates: a second opinion, and the only
one for code that cannot use complex numbers. `half_ulp_changes` says how many digits the answer can
have.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npstack.core.numerics import Array

STEP = 1e-30
Inputs = dict[str, Array]


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

    def __call__(self, inputs: Inputs) -> Any:
        outputs = [value for _, value in leaves(self.f(**inputs))]
        return sum((v * y).sum() for v, y in zip(self.cotangents, outputs, strict=True))


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
        name: value + by * direction[name] if name in direction else value
        for name, value in inputs.items()
    }


def complex_step(s: Scalar, inputs: Inputs, name: str, indices: Any) -> Array:
    """``ds / d inputs[name][index]`` for each index; the inputs must already be complex."""
    values = [np.imag(s(moved(inputs, name, index, 1j * STEP))) / STEP for index in indices]
    return np.array(values)


class Quotients(NamedTuple):
    """Central differences along one direction: error against step.

    ``scatter`` is the distance of each quotient from those at the neighbouring steps; ``errors``
    are distances to the complex step if there is one, else the scatter. ``best`` is the index of
    the step with the smallest scatter.
    """

    steps: Array
    quotients: Array
    scatter: Array
    errors: Array
    best: int

    def alone(self) -> Quotients:
        """The same without a complex step to compare with."""
        return self._replace(errors=self.scatter)

    @property
    def step(self) -> float:
        """The best step."""
        return float(self.steps[self.best])

    @property
    def resolution(self) -> float:
        """The smallest difference that the best step can detect."""
        return float(self.scatter[self.best])


def central_differences(
    s: Scalar, inputs: Inputs, direction: Inputs, reference: float | None = None
) -> Quotients:
    """Quotients ``(s(x + h d) - s(x - h d)) / 2h`` for steps from 1e-1 down to 1e-10.

    A step that leaves the domain of the function is discarded: its scatter is infinite.
    """
    steps = 10.0 ** -np.arange(1, 10.5, 0.5)
    with np.errstate(all="ignore"):
        quotients = np.array(
            [
                (beyond(s, along(inputs, direction, h)) - beyond(s, along(inputs, direction, -h)))
                / (2 * h)
                for h in steps
            ]
        )
        change = np.abs(np.diff(quotients, append=quotients[-2:-1]))
    change[~np.isfinite(change)] = np.inf
    scatter = np.maximum(change, np.roll(change, 1))  # one small value by chance is not enough
    if quotients.any():  # steps too small to change a rounded function all give exactly zero
        scatter[quotients == 0] = np.inf
    best = int(np.argmin(scatter[1:-1])) + 1
    errors = scatter if reference is None else np.abs(quotients - reference)
    return Quotients(steps, quotients, scatter, errors, best)


def beyond(s: Scalar, inputs: Inputs) -> Any:
    """``s``, or NaN if the inputs are outside of its domain."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return s(inputs)
    except (ArithmeticError, ValueError):  # ValueError: np.linalg.LinAlgError is one
        return np.nan


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


def half_ulp_changes(
    s: Scalar, inputs: Inputs, name: str, indices: Any, rng: np.random.Generator
) -> tuple[Array, Array] | None:
    """The change of a derivative when every input changes by half a unit in the last place.

    Returns the derivative in extended precision, and the largest change of each entry over four
    draws that move every input half an ulp of its own dtype up or down: the
    conditioning, in the units of the answer. None if the machine has no type beyond float64.
    """
    if np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps:
        return None
    extended = cast(inputs, np.clongdouble)
    truth = complex_step(s, extended, name, indices)
    largest = np.zeros(len(truth), dtype=truth.dtype)
    for _ in range(4):
        jolt = {
            key: np.spacing(np.abs(value)).astype(np.longdouble)
            * rng.choice([-0.5, 0.5], value.shape)
            for key, value in inputs.items()
            if value.dtype.kind == "f"
        }
        change = complex_step(s, along(extended, jolt, 1), name, indices) - truth
        largest = np.maximum(largest, np.abs(change))
    return truth, largest


def complex_slope(s: Scalar, exact: Inputs, direction: Inputs) -> tuple[float | None, str]:
    """The slope along a direction by complex step, or the reason why there is none."""
    start = cast(exact, np.complex128)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = s(along(start, direction, 1j * STEP))
    except Exception as error:  # any error of the user's code is the finding
        return None, f"complex numbers raise {type(error).__name__}: {error}"
    return float(np.imag(value)) / STEP, ""


def disagreement(s: Scalar, exact: Inputs, signs: Inputs, step: float) -> str:
    """Check for each input whether complex step and differences agree."""
    here = s(exact)
    for name, direction in signs.items():
        one = {name: direction}
        by_complex, trouble = complex_slope(s, exact, one)
        if by_complex is None:
            return trouble
        near, far = (slopes(s, exact, one, here, h) for h in (step, 3 * step))
        quotient, before = sum(near) / 2, sum(far) / 2
        apart = abs(by_complex - quotient)
        # At a kink, any slope between left and right is accepted.
        allowed = 100 * abs(quotient - before) + 1e-6 * abs(quotient) + abs(near[1] - near[0])
        if not apart <= allowed:
            return (
                f"for {name!r} the complex step gives {by_complex:.6g}, differences {quotient:.6g}"
            )
    return ""


def slopes(
    s: Scalar, exact: Inputs, direction: Inputs, here: float, h: float
) -> tuple[float, float]:
    """Slopes to the left and to the right along a direction."""
    left = (here - beyond(s, along(exact, direction, -h))) / h
    right = (beyond(s, along(exact, direction, h)) - here) / h
    return left, right
