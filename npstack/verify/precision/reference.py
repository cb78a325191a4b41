"""Truth: what a layer computes, with more digits than it works with, from its forward pass alone.

A gradient is taken by a complex step, entry by entry, so that the backward under test has no part
in it. The inputs are taken as exact: truth is what the layer would return for these very floats if
it did not round.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from npstack.core.arguments import check_generator, check_option, check_size
from npstack.core.arrays import check_float
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NpstackError,
    ShapeError,
    describe,
    fail,
    kind_of,
)
from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array
from npstack.core.trees import mapped
from npstack.layers.boundary import check_doutputs
from npstack.layers.interface import Context
from npstack.verify.gradients.derivatives import Inputs, moved
from npstack.verify.gradients.layer_function import LayerFunction, NamedBlock, by_name
from npstack.verify.precision.number_types import NumberType

Places = dict[str, Array]  # of each array, the numbers that are wanted, counted in C order
Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Reference:
    """A layer at one point with its cotangents, computed in any kind of numbers.

    Attributes
    ----------
    function : LayerFunction
    cotangents : dict
        ``outputs`` and ``final``, the derivatives of the loss by these; None: no gradients.
    numbers : Floats or Digits
    """

    function: LayerFunction
    cotangents: Mapping[str, Any] | None
    numbers: NumberType

    @property
    def weights(self) -> Inputs:
        """The cotangents by name."""
        return {} if self.cotangents is None else flat(self.cotangents)

    def values(self, inputs: Inputs) -> dict[str, Any]:
        """``outputs`` and ``final``; the inputs are already wide."""
        found = self.function.values(inputs)
        self._check("longdouble", found["outputs"], self.numbers.dtype)
        return found

    def try_complex(self, inputs: Inputs) -> None:
        """Run the layer with complex numbers: a buffer of floats inside it is noticed by that."""
        self._complex_values({name: self.numbers.complex(v) for name, v in inputs.items()})

    def slopes(
        self, inputs: Inputs, weights: Inputs, places: Places, ticked: Callable[[], None]
    ) -> Inputs:
        """Gradients at these places; inputs and weights are already wide."""

        def loss(at: Inputs) -> Any:
            found = self._complex_values(at)
            ticked()
            return sum((weights[name] * found[name]).sum() for name in weights)

        return {name: slopes(loss, inputs, name, own, self.numbers) for name, own in places.items()}

    def wide(self, values: Mapping[str, Array]) -> Inputs:
        """Cast by name."""
        return {name: self.numbers.wide(value) for name, value in values.items()}

    def _complex_values(self, at: Inputs) -> Inputs:
        found = flat(self.function.values(at))
        self._check("complex", found["outputs"], np.result_type(self.numbers.dtype, np.complex64))
        return found

    def _check(self, wanted: str, outputs: Array, dtype: np.dtype[Any]) -> None:
        if outputs.dtype != dtype:
            fail_to_run(wanted, f"outputs of {outputs.dtype}")


def slopes(
    loss: Callable[[Inputs], Any], inputs: Inputs, name: str, places: Array, numbers: NumberType
) -> Array:
    """The derivative of a loss by some numbers of one input, by complex step.

    Examples
    --------
    >>> from npstack.verify.precision.number_types import longdouble
    >>> x = np.array([1.0, 2.0], np.longdouble)
    >>> found = slopes(lambda at: (at["x"] ** 3).sum(), {"x": x}, "x", np.array([1]), longdouble())
    >>> found.astype(float)
    array([12.])
    """
    start = {key: numbers.complex(value) for key, value in inputs.items()}
    found = []
    for place in places:
        index = np.unravel_index(int(place), start[name].shape)
        value = loss(moved(start, name, index, numbers.imaginary()))
        found.append(np.imag(value) / numbers.step)
    return numbers.collected(found)


def flat(values: Mapping[str, Any]) -> Inputs:
    """``outputs`` and ``final`` by name: ``final.0.h``, ``final.0.c`` …"""
    return {"outputs": values["outputs"], **by_name("final", as_tuple(values["final"]))}


def as_tuple(states: Any) -> Any:
    """The state of a single layer as those of several."""
    return (states,) if hasattr(states, "_fields") else states


# ---- what a user gives -------------------------------------------------------------------------


@contextmanager
def extended(where: str) -> Iterator[None]:
    """Run a layer with other numbers than its own; if it cannot, say so in words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            yield
    except NpstackError as error:
        if error.where == "":
            error.where = where
        raise
    except Exception as error:  # any error of a user's layer is the finding
        words = f"{type(error).__name__}: {error}"
    else:
        return
    fail_to_run("longdouble and complex", words, where)


def fail_to_run(wanted: str, got: str, where: str = "") -> NoReturn:
    """Raise the error for a layer that does not compute with the numbers of truth."""
    expected = f"the layer must compute with {wanted} numbers"
    advice = "In its forward, create arrays by zeros_like, and use npstack.core.numerics."
    fail(DtypeError, where, expected, got, advice)


def check_cotangents(
    where: str, function: LayerFunction, doutputs: Any, dfinal: Any
) -> dict[str, Any] | None:
    """The derivatives of the loss by outputs and final states; None if neither is given."""
    if doutputs is None and dfinal is None:
        return None
    tape, layer = function.tape, function.layer
    mask = layer._after(Context(mask=tape.mask), tape).mask
    doutputs = check_doutputs(where, doutputs, dfinal, tape, mask)
    seen = zero_where_masked(doutputs, mask)
    return {"outputs": seen, "final": _like(where, "dfinal", dfinal, tape.final)}


def _like(where: str, name: str, given: Any, final: Any) -> Any:
    """The derivatives by the final states, in their structure; zeros for what is left out."""
    if given is None:
        return mapped(np.zeros_like, final)
    if isinstance(final, tuple):
        fields = getattr(final, "_fields", None)
        kinds = (type(final),) if fields else (tuple, list)
        if not isinstance(given, kinds) or len(given) != len(final) or final == ():
            kind = f"{type(final).__name__}({', '.join(fields)})" if fields else "a tuple"
            wanted = kind if fields else f"{kind} of {len(final)}" if final else "None"
            advice = "It has the structure of tape.final; None stands for zeros."
            fail(ArgumentError, where, f"{name} must be {wanted}", kind_of(given), advice)
        keys = (
            [f".{field}" for field in fields] if fields else [f"[{k}]" for k in range(len(final))]
        )
        parts = [
            _like(where, name + key, *own) for key, *own in zip(keys, given, final, strict=True)
        ]
        return type(final)(*parts) if fields else tuple(parts)
    array = check_float(where, name, given, final.dtype, "the outputs")
    if array.shape != final.shape:
        fail(ShapeError, where, f"{name} must have shape {final.shape}", array.shape)
    return array


def drawn_cotangents(function: LayerFunction, rng: np.random.Generator) -> dict[str, Any]:
    """Random ones for every output and final state, as `check_gradients` draws them."""

    def draw(value: Array) -> Array:
        return rng.standard_normal(value.shape).astype(value.dtype)

    tape = function.tape
    return {"outputs": draw(tape.outputs), "final": mapped(draw, tape.final)}


def chosen(
    where: str,
    function: LayerFunction,
    only: Sequence[str] | None,
    entries: int | None,
    rng: np.random.Generator | None,
    own: Mapping[str, Array | None] | None = None,
) -> list[tuple[NamedBlock, Array]]:
    """The blocks of the gradients that are wanted, and of each the places, or a sample of them.

    If gradients are given, a sample holds the largest entry: errors are relative to it.
    """
    entries = None if entries is None else check_size(where, "entries", entries)
    rng = np.random.default_rng(0) if rng is None else check_generator(where, rng)
    blocks = function.blocks()
    if only is not None:
        if not isinstance(only, str | list | tuple | set | frozenset | dict):
            expected = "only must be a list of names of gradients"
            fail(DtypeError, where, expected, describe(only), "Use only=['dW', 'dx.t=3'].")
        given = [only] if isinstance(only, str) else list(only)
        names = [f"d{name}" for block in blocks for name in (block.name, block.label)]
        wanted = {check_option(where, "only", label, dict.fromkeys(names)) for label in given}
        blocks = [b for b in blocks if wanted & {f"d{b.label}", f"d{b.name}"}]
    found = []
    for block in blocks:
        value = function.inputs[block.name]
        places = np.arange(value.size).reshape(value.shape)[block.index].ravel()
        if entries is not None and entries < len(places):
            sample = rng.choice(places, entries, replace=False)
            gradient = None if own is None else own.get(block.name)
            if gradient is not None:
                largest = places[np.argmax(np.abs(np.ravel(gradient)[places]))]
                sample[0] = sample[0] if largest in sample else largest
            places = np.sort(sample)
        found.append((block, places))
    return found


def joined(blocks: Sequence[tuple[NamedBlock, Array]]) -> Places:
    """The places of every array."""
    names = dict.fromkeys(block.name for block, _ in blocks)
    return {n: np.concatenate([p for block, p in blocks if block.name == n]) for n in names}


def ticks(where: str, progress: Progress | None, total: int) -> Callable[[], None]:
    """Call ``progress(done, total)`` after every forward pass."""
    if progress is None:
        return lambda: None
    if not callable(progress):
        advice = "Use progress=print, or a function of two whole numbers."
        fail(DtypeError, where, "progress must be a function", kind_of(progress), advice)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return tick
