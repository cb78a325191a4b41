"""What every cell is: one time step of one layer, forward and backward.

A cell is parameters and two pure functions, one the mirror of the other::

    step           (params, x, state)                             -> new state, record
    step_backward  (params, x, state, record, new_state, dnew)    -> dparams, dx, dstate

Everything else (masks, lengths, time, stacking, gradient checks, laws) is made of these two by
`npstack.Recurrent`, which runs any cell over time. To write a cell of your own, inherit from
`Cell`, say what its state and its record are, and write the two functions: docs/cells.md does it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Required, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_dtype, check_generator, check_number, check_size
from npstack.core.init import initialiser, per_gate
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


class Cell(ABC):
    """A recurrent cell.

    Attributes
    ----------
    input_size, hidden_size : int
        D and H, the number of units.
    params : dict
        The parameters by name.
    state_sizes, record_sizes : NamedTuple of int
        What `step` returns, and how wide each field is: the state, whose field ``h`` is handed on
        to the layer above, and all else that a tape keeps of a step.
    axes : dict
        What the axes of each parameter count: ``"x"`` the features that come in, ``"h"`` those that
        are handed on, ``"units"`` the cell's own, and a tuple of gates where a block of units for
        each gate is packed. Tables and laws go by it; a parameter that is left out is one block.
    noise_axes : tree
        What `draw_noise` draws, with ``"x"``, ``"h"`` or ``"units"`` in the place of each array.
    parameter_formula : str
        How many parameters there are, in the legend's letters.
    letters : dict
        The letter that equations and tables have for a gate's name.
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

    @property
    def output_size(self) -> int:
        """The width of what is handed on, ``h``."""
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
        """The state that a sequence begins with unless another is given: zeros ``(B, …)``."""
        return self.state_type(*(np.zeros((batch, size), dtype) for size in self.state_sizes))

    def draw_noise(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """A tree of booleans, drawn before the first step; a cell without random parts draws None.

        ``(B, …)`` for all steps, or ``(B, T, …)``: each step gets its part as ``noise``.
        """
        return None

    @property
    def formula(self) -> str:
        """How many parameters there are, with the letters' values."""
        sizes = f"D={self.input_size}, H={self.hidden_size}"
        return f"{self.parameter_formula}, {sizes}" if self.parameter_formula else ""

    def gate_blocks(self, parameter: str) -> dict[str, tuple[Any, slice]]:
        """Where each gate lies in a parameter, by name; empty where none are packed in it."""
        gates = self.axes.get(parameter, ("",))[-1]
        H = self.hidden_size
        packed = gates if isinstance(gates, tuple) else ()
        return {gate: np.s_[..., k * H : (k + 1) * H] for k, gate in enumerate(packed)}

    @abstractmethod
    def step(self, params: Params, x: Array, state: Any, noise: Any = None) -> tuple[Any, Any]:
        """One step forward: ``x (B, D)`` and the state before to the state after, and a record."""

    @abstractmethod
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

        ``dnew_state`` is all that comes back to the new state from outside of the step.
        """

    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """`step` whose matrices read ``read`` in the place of ``h'``; recurrent dropout needs it.

        Right as it stands for cells in which ``h'`` enters through matrices alone. One in which it
        also has a direct road (``z * h'`` of a GRU) is a `ReadingCell`.
        """
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
        """Mirror of `step_reading`: ``dparams``, ``dx``, ``dstate`` by direct roads, ``dread``."""
        before = state._replace(h=read)
        back = self.step_backward(params, x, before, record, new_state, dnew_state, noise)
        dparams, dx, dstate = back
        return dparams, dx, dstate._replace(h=np.zeros_like(read)), dstate.h

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.input_size} -> {self.output_size})"


class GatedCell(Cell):
    """A cell whose gates are affine in the input and the hidden state: ``x W + h' U + b``.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    rng : numpy.random.Generator
        Draws the initial weights.
    kernel_init, recurrent_init, bias_init : {"glorot", "orthogonal", "uniform", "zeros"}
        How ``W``, ``U`` and ``b`` begin, gate by gate.
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
        check_generator(where, rng)
        dtype = check_dtype(where, dtype)
        count = len(self.gates)
        b = per_gate(initialiser(where, "bias_init", bias_init), rng, 1, H, count)[0]
        W = per_gate(initialiser(where, "kernel_init", kernel_init), rng, D, H, count)
        P = self.width(H)
        U = per_gate(initialiser(where, "recurrent_init", recurrent_init), rng, P, H, count)
        self.params = {"W": W.astype(dtype), "U": U.astype(dtype), "b": b.astype(dtype)}
        self.axes = {"W": ("x", self.gates), "U": ("h", self.gates), "b": (self.gates,)}

    def width(self, hidden_size: int) -> int:
        """How wide ``h`` is, which ``U`` reads: as many numbers as units."""
        return hidden_size

    def _write_forget_bias(self, forget_bias: float | None) -> None:
        """The value that the forget gate's bias begins with; None leaves it as it was drawn."""
        if forget_bias is None:
            return
        advice = "Use None to leave it to bias_init."
        value = check_number(type(self).__name__, "forget_bias", forget_bias, advice)
        b = self.params["b"].copy()
        b[self.gate_blocks("b")["forget"]] = value
        self.params = {**self.params, "b": b}


class ReadingCell(Cell):
    """A cell that writes `step_reading` and its mirror image; its `step` reads ``h'`` itself."""

    def step(self, params: Params, x: Array, state: Any, noise: Any = None) -> tuple[Any, Any]:
        """One step forward: `step_reading` of the hidden state as it is."""
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
        """One step backward: both roads of ``h'`` are added."""
        dparams, dx, dstate, dread = self.step_reading_backward(
            params, x, state, state.h, record, new_state, dnew_state, noise
        )
        return dparams, dx, dstate._replace(h=dstate.h + dread)

    @abstractmethod
    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """One step forward; ``read`` is what every matrix sees in the place of ``h'``."""

    @abstractmethod
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
        """One step backward: ``dparams``, ``dx``, ``dstate`` by the direct roads, ``dread``."""
