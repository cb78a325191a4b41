"""The base of all cells: one time step of one layer, forward and backward.

A cell is parameters and two pure functions, one the mirror of the other::

    step           (params, x, state)                             -> new state, record
    step_backward  (params, x, state, record, new_state, dnew)    -> dparams, dx, dstate

Everything else (masks, lengths, time, stacking, gradient checks, laws) is built on these two by
`npstack.Recurrent`, which runs any cell over time. To write your own cell, inherit from `Cell`,
declare its state and its record, and write the two functions; docs/cells.md has an example.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Required, Self, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.activations import Range
from npstack.core.arguments import check_dtype, check_generator, check_number, check_size
from npstack.core.arrays import as_array, check_params
from npstack.core.config import Configured
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.init import check_room, initialiser, per_gate
from npstack.core.numerics import Array
from npstack.core.params import GATE_LETTERS, Params

Axes = tuple[Any, ...]


class WeightOptions(TypedDict, total=False):
    """The keyword arguments of every cell's weights, which layers and stacks pass on."""

    rng: Required[np.random.Generator]
    kernel_init: str
    recurrent_init: str
    bias_init: str
    dtype: DTypeLike


def each(kind: Any, size: int) -> Any:
    """A NamedTuple whose fields all have one size."""
    return kind(*[size] * len(kind._fields))


class Cell(Configured):
    """A recurrent cell.

    Attributes
    ----------
    input_size, hidden_size : int
        D and H, the number of units.
    params : dict
        The parameters with which it was built, by name. A layer takes them over: the cell in a
        layer has none.
    state_sizes, record_sizes : NamedTuple of int
        The fields that `step` returns and the width of each: the state, whose field ``h`` is passed
        to the layer above, and the record, which holds the other values that a tape keeps of a
        step.
    axes : dict
        What each axis of each parameter stands for: ``"x"`` the input features, ``"h"`` the output
        features, ``"units"`` the units of the cell, and a tuple of gates if a block of units for
        each gate is packed. Tables and laws use it; a parameter that is left out is one block.
    noise_axes : tree
        What `draw_noise` draws, with ``"x"``, ``"h"`` or ``"units"`` in the place of each array
        (its shape: `noise_shapes`).
    parameter_formula : str
        Formula for the number of parameters, in the letters D, H, …
    letters : dict
        The letter that equations and tables have for a gate's name.
    ranges : dict
        By the name of a gate or a field of the state: its smallest and largest possible value in a
        sequence that begins at zero, or infinity. Pictures use it for their colours; a gate or
        field that is left out may have any value.
    """

    input_size: int
    hidden_size: int
    params: Params
    state_sizes: Any
    record_sizes: Any
    axes: Mapping[str, Axes] = {}
    noise_axes: Any = None
    parameter_formula = ""
    letters: Mapping[str, str] = GATE_LETTERS
    ranges: Mapping[str, Range] = {}

    @property
    def output_size(self) -> int:
        """The width of the output ``h``."""
        return int(self.state_sizes.h)

    @property
    def state_type(self) -> Any:
        """The NamedTuple of the state."""
        return type(self.state_sizes)

    @property
    def record_type(self) -> Any:
        """The NamedTuple of the record."""
        return type(self.record_sizes)

    def zero_state(self, batch: int, dtype: DTypeLike) -> Any:
        """The initial state if none is given: zeros ``(B, …)``."""
        return self.state_type(*(np.zeros((batch, size), dtype) for size in self.state_sizes))

    @property
    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter: from ``axes``, or as it was built."""
        H = self.hidden_size
        count = {"x": self.input_size, "h": self.output_size, "units": H}
        declared = {
            name: tuple(len(a) * H if isinstance(a, tuple) else count[a] for a in axes)
            for name, axes in self.axes.items()
        }
        built = {name: np.shape(value) for name, value in self.params.items()}
        return {**built, **declared}

    def noise_shapes(self, batch: int, steps: int) -> Any:
        """What `draw_noise` draws: a tree with a list, the shape, in the place of each array."""
        return None

    def draw_noise(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """A tree of booleans, drawn before the first step; a cell without random parts draws None.

        ``(B, …)`` for all steps, or ``(B, T, …)``: each step gets its part as ``noise``.
        """
        return None

    def without_params(self) -> Self:
        """A copy for a layer, which owns the parameters itself."""
        twin = copy.copy(self)
        twin.params = {}
        return twin

    @property
    def formula(self) -> str:
        """Formula for the number of parameters, with the values of the letters."""
        sizes = f"D={self.input_size}, H={self.hidden_size}"
        return f"{self.parameter_formula}, {sizes}" if self.parameter_formula else ""

    def gate_blocks(self, parameter: str) -> dict[str, tuple[Any, slice]]:
        """The position of each gate in a parameter, by name; empty if none are packed in it."""
        gates = self.axes.get(parameter, ("",))[-1]
        H = self.hidden_size
        packed = gates if isinstance(gates, tuple) else ()
        return {gate: np.s_[..., k * H : (k + 1) * H] for k, gate in enumerate(packed)}

    # A cell writes the first two functions, or, if ``h'`` is also used outside of matrix
    # products (``z * h'`` of a GRU), the other two: recurrent dropout drops what the matrices
    # read, and nothing else (§10.3). Each pair is derived from the other.

    def step(self, params: Params, x: Array, state: Any, noise: Any = None) -> tuple[Any, Any]:
        """One step forward: from ``x (B, D)`` and the old state to the new state and a record."""
        return self.step_reading(params, x, state, state.h, noise)

    def step_backward(
        self,
        params: Params,
        x: Array,
        state: Any,
        record: Any,
        new_state: Any,
        dnew_state: Any,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, Any]:
        """One step backward: ``dparams`` summed over the batch, ``dx``, ``dstate``.

        ``dnew_state`` is the gradient that reaches the new state from outside of the step.
        """
        dparams, dx, dstate, dread = self.step_reading_backward(
            params, x, state, state.h, record, new_state, dnew_state, noise
        )
        return dparams, dx, dstate._replace(h=dstate.h + dread)

    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """`step`, with ``read`` instead of ``h'`` in the matrix products."""
        return self.step(params, x, state._replace(h=read), noise)

    def step_reading_backward(
        self,
        params: Params,
        x: Array,
        state: Any,
        read: Array,
        record: Any,
        new_state: Any,
        dnew_state: Any,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, Any, Array]:
        """Mirror of `step_reading`: ``dparams``, ``dx``, ``dstate`` by direct paths, ``dread``."""
        before = state._replace(h=read)
        back = self.step_backward(params, x, before, record, new_state, dnew_state, noise)
        dparams, dx, dstate = back
        return dparams, dx, dstate._replace(h=np.zeros_like(read)), dstate.h

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.input_size} -> {self.output_size})"


def check_cell(where: str, cell: Cell) -> Cell:
    """Check a cell that is already built.

    Examples
    --------
    >>> check_cell("Zoneout", 3)
    Traceback (most recent call last):
    npstack.core.errors.DtypeError: Zoneout: cell must be a cell, got 3 (int). Build it first, for
    example LSTMCell(3, 8, rng=rng).
    """
    if not isinstance(cell, Cell):
        advice = "Build it first, for example LSTMCell(3, 8, rng=rng)."
        if hasattr(cell, "forward"):
            advice = "That is a layer; the cell inside of an LSTM is an LSTMCell."
        fail(DtypeError, where, "cell must be a cell", describe(cell), advice)
    for name, other in (("step", "step_reading"), ("step_backward", "step_reading_backward")):
        if all(getattr(type(cell), own) is getattr(Cell, own) for own in (name, other)):
            expected = f"{type(cell).__name__} must have {name}, or {other}"
            fail(ArgumentError, where, expected, "neither", "Write it, as docs/cells.md does.")
    return cell


def check_cell_params(
    where: str, params: Params, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Array]:
    """Check parameters: names and shapes that the cell declares, all of one dtype."""
    check_params(where, params, {name: np.broadcast_to(0.0, s) for name, s in shapes.items()})
    return dict(params)


class GatedCell(Cell):
    """A cell whose gates are affine in the input and the hidden state: ``x W + h' U + b``.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    rng : numpy.random.Generator
        Draws the initial weights.
    kernel_init, recurrent_init, bias_init : {"glorot", "orthogonal", "uniform", "zeros"}
        Initial values of ``W``, ``U`` and ``b``, gate by gate.
    dtype : dtype
        Of the parameters, hence of everything computed.
    """

    gates: tuple[str, ...]  # packed in this order along the last axis of W, U and b

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        kernel_init: str = "glorot",
        recurrent_init: str = "orthogonal",
        bias_init: str = "zeros",
        dtype: DTypeLike = np.float64,
    ) -> None:
        where = type(self).__name__
        self.input_size = D = check_size(where, "input_size", input_size)
        self.hidden_size = H = check_size(where, "hidden_size", hidden_size)
        rng = check_generator(where, rng)
        dtype = check_dtype(where, dtype)
        count = len(self.gates)
        P = self.width(H)
        check_room(where, (D + P + 1, count * H))
        b = per_gate(initialiser(where, "bias_init", bias_init), rng, 1, H, count)[0]
        W = per_gate(initialiser(where, "kernel_init", kernel_init), rng, D, H, count)
        U = per_gate(initialiser(where, "recurrent_init", recurrent_init), rng, P, H, count)
        self.params = {"W": W.astype(dtype), "U": U.astype(dtype), "b": b.astype(dtype)}
        self.axes = {"W": ("x", self.gates), "U": ("h", self.gates), "b": (self.gates,)}

    @classmethod
    def from_params(
        cls, W: Array, U: Array, b: Array | None = None, *parts: Any, **others: Any
    ) -> Self:
        """The cell that has these parameters; nothing is drawn.

        Parameters
        ----------
        W, U, b : array
            As in ``params``; the sizes follow from them. Without ``b`` the biases are zero.
        *parts, **others
            Further parameters of the cell, by name, and options of its constructor.

        Raises
        ------
        ShapeError, ArgumentError, DtypeError
            The arrays do not make a cell; the message says which shape was expected.

        Examples
        --------
        >>> from npstack import LSTMCell
        >>> cell = LSTMCell.from_params(np.zeros((3, 8)), np.zeros((2, 8)), np.zeros(8))
        >>> cell.input_size, cell.hidden_size
        (3, 2)
        """
        from npstack.core.undrawn import Undrawn  # brings numpy.random

        where = f"{cls.__name__}.from_params"
        if {"rng", "dtype"} & others.keys():
            expected = "rng and dtype must be left out"
            fail(ArgumentError, where, expected, "one of them", "The arrays say what they are.")
        if any(isinstance(part, np.ndarray) for part in parts):
            expected, got = "there must be one bias", f"{1 + len(parts)} arrays behind W and U"
            fail(ArgumentError, where, expected, got, "PyTorch has two: pass b_ih + b_hh.")
        W, U = as_array(where, "W", W), as_array(where, "U", U)
        turned = U.ndim == 2 and U.shape[0] == cls._gate_count(parts) * U.shape[1] > U.shape[1]
        b = np.zeros(W.shape[-1:], W.dtype) if b is None else as_array(where, "b", b)
        if W.ndim != 2:
            packed = f"W must be (D, {cls._gate_count(parts)}H)"
            fail(ShapeError, where, packed, np.shape(W), "A row for each feature of the input.")
        if turned or np.shape(b)[-1:] == W.shape[:1] != W.shape[1:]:
            expected = f"the gates must be side by side in the last axis, W (D, {W.shape[0]})"
            advice = "PyTorch has them in the first axis: pass weight_ih.T and weight_hh.T."
            fail(ShapeError, where, expected, W.shape, advice)
        units = max(W.shape[1] // cls._gate_count(parts), 1)
        given = {"W": W, "U": U, "b": b}
        options = {name: own for name, own in others.items() if not isinstance(own, np.ndarray)}
        given |= {name: own for name, own in others.items() if name not in options}
        build: Any = cls
        cell: Self = build(W.shape[0], units, *parts, rng=Undrawn(), dtype=W.dtype, **options)
        cell.params = check_cell_params(where, given, cell.param_shapes)
        return cell

    @classmethod
    def _gate_count(cls, parts: tuple[Any, ...]) -> int:
        """The number of gates packed in ``W``."""
        return len(cls.gates)

    def width(self, hidden_size: int) -> int:
        """The width of ``h``, which ``U`` reads: the number of units."""
        return hidden_size

    def _write_forget_bias(self, forget_bias: float | None) -> None:
        """Set the initial bias of the forget gate; None leaves it as it was drawn."""
        if forget_bias is None:
            return
        advice = "Use None to leave it to bias_init."
        value = check_number(type(self).__name__, "forget_bias", forget_bias, advice)
        b = self.params["b"].copy()
        b[self.gate_blocks("b")["forget"]] = value
        self.params = {**self.params, "b": b}
