"""Cells whose biases are stored as other programs store them: two for each gate, or none (§2.4).

PyTorch, ONNX and cuDNN store a bias of the input and one of the recurrent product::

    a = x W + b + h' U + b_recurrent

Only the sum of both matters, so a plain cell has one bias. `TwoBiases` keeps both apart: a model
that is brought in and written again has the same two, and both are trained, each with the gradient
of the sum. The candidate of a GRU that resets after the product is the exception (§2.5)::

    n = tanh(x W_n + b_n + r * (h' U_n + b_recurrent_n))

`NoBias` is a cell without biases (``bias=False`` in PyTorch, ``use_bias=False`` in Keras)::

    a = x W + h' U

Both compute with the cell inside: they make its parameters from their own, and their gradients from
its gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import Any, Self

import numpy as np

from npstack.cells.base import Cell, GatedCell, check_cell, check_cell_params
from npstack.cells.gru import GRUCell
from npstack.core.arrays import as_array
from npstack.core.errors import DtypeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params

BIASES = ("b", "b_recurrent")


class OtherBiases(Cell, ABC):
    """Base of both: a cell with gates, whose parameters are made from others.

    Parameters
    ----------
    cell : GatedCell
        With its parameters. It is copied without them.
    """

    cell: GatedCell

    def __init__(self, cell: Cell) -> None:
        where = type(self).__name__
        check_cell(where, cell)
        if not isinstance(cell, GatedCell):
            expected = "cell must be an LSTM, GRU or RNN cell"
            advice = f"Put it inside of other wrappers: Zoneout({where}(cell), h=0.1)."
            fail(DtypeError, where, expected, describe(cell), advice)
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        self.letters, self.ranges = cell.letters, cell.ranges
        self.state_sizes, self.record_sizes = cell.state_sizes, cell.record_sizes
        self.cell = cell.without_params()

    @property
    def formula(self) -> str:
        """That of the cell inside, and the number of biases that are more or less."""
        formula, _, sizes = self.cell.formula.partition(", ")
        own, inside = (sum(map(prod, one.param_shapes.values())) for one in (self, self.cell))
        more = (own - inside) // self.hidden_size
        return f"{formula} {'-' if more < 0 else '+'} {abs(more)}H, {sizes}"

    @abstractmethod
    def inside(self, params: Params) -> dict[str, Array]:
        """The parameters of the cell inside."""

    @abstractmethod
    def outside(self, dparams: dict[str, Array]) -> dict[str, Array]:
        """The mirror image of `inside`: gradients, from those of the cell inside."""

    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """One step forward; see `Cell.step_reading`."""
        return self.cell.step_reading(self.inside(params), x, state, read, noise)

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
        """One step backward: `step_reading` from its last line to its first."""
        dparams, dx, dstate, dread = self.cell.step_reading_backward(
            self.inside(params), x, state, read, record, new_state, dnew_state, noise
        )
        return self.outside(dparams), dx, dstate, dread

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.cell!r})"


class TwoBiases(OtherBiases):
    """A cell with a bias of the input and one of the recurrent product.

    Parameters
    ----------
    cell : GatedCell
        Its bias is split into two halves, whose sum has the same bits. The two biases of a GRU's
        candidate (§2.5) are not halves: they are those of the cell.

    Attributes
    ----------
    params : dict
        Those of the cell, with ``b (kH,)`` and ``b_recurrent (kH,)`` for its k gates.

    Examples
    --------
    >>> from npstack import LSTMCell, Recurrent
    >>> cell = LSTMCell(3, 8, rng=np.random.default_rng(0))
    >>> layer = Recurrent(TwoBiases(cell))
    >>> layer.params["b"].shape, layer.params["b_recurrent"].shape
    ((32,), (32,))
    >>> x = np.ones((2, 5, 3))
    >>> bool((layer.forward(x).outputs == Recurrent(cell).forward(x).outputs).all())
    True
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.axes = {**cell.axes, "b_recurrent": (self.cell.gates,)}
        b_recurrent = cell.params["b"] / 2
        b = b_recurrent.copy()
        if self._apart:
            at = self._candidate
            b[at], b_recurrent[at] = cell.params["b"][at], cell.params["b_recurrent"]
        self.params = {**cell.params, "b": b, "b_recurrent": b_recurrent}

    @classmethod
    def from_params(
        cls,
        kind: type[GatedCell],
        W: Array,
        U: Array,
        b: Array,
        b_recurrent: Array,
        *parts: Any,
        **others: Any,
    ) -> Self:
        """The cell that has these parameters; nothing is drawn.

        Parameters
        ----------
        kind : type
            The class of the cell inside: `LSTMCell`, `GRUCell`, …
        W, U, b, b_recurrent : array
            As in ``params``.
        *parts, **others
            As in ``kind.from_params``.

        Examples
        --------
        The parameters of a layer of PyTorch:

        >>> from npstack import LSTMCell
        >>> weight_ih, weight_hh, bias_ih, bias_hh = map(np.ones, ((8, 3), (8, 2), 8, 8))
        >>> TwoBiases.from_params(LSTMCell, weight_ih.T, weight_hh.T, bias_ih, bias_hh)
        TwoBiases(LSTMCell(3 -> 2))
        """
        where = f"{cls.__name__}.from_params"
        b, b_recurrent = as_array(where, "b", b), as_array(where, "b_recurrent", b_recurrent)
        two = cls(_inner(where, kind, W, U, b, parts, others))
        given = {**two.params, "b": b, "b_recurrent": b_recurrent}
        two.params = check_cell_params(where, given, two.param_shapes)
        return two

    @property
    def _apart(self) -> bool:
        """Whether the two biases of the candidate do not merge."""
        return isinstance(self.cell, GRUCell)

    @property
    def _candidate(self) -> Any:
        """The position of the candidate in the biases."""
        return self.gate_blocks("b")["candidate"][1]

    def inside(self, params: Params) -> dict[str, Array]:
        """The sum of both biases; for the candidate of a GRU, both."""
        b, b_recurrent = (params[name] for name in BIASES)
        merged = {name: value for name, value in params.items() if name not in BIASES}
        merged["b"] = b + b_recurrent
        if self._apart:
            at = self._candidate
            merged["b"][at] = b[at]
            merged["b_recurrent"] = b_recurrent[at]
        return merged

    def outside(self, dparams: dict[str, Array]) -> dict[str, Array]:
        """Both biases get the gradient of the sum."""
        db_recurrent = dparams["b"].copy()
        if self._apart:
            db_recurrent[self._candidate] = dparams["b_recurrent"]
        return {**dparams, "b_recurrent": db_recurrent}


class NoBias(OtherBiases):
    """A cell without biases: it computes with zeros.

    Parameters
    ----------
    cell : GatedCell
        Its biases are left out, also a forget bias that is stored in them.

    Attributes
    ----------
    params : dict
        Those of the cell, without ``b`` and ``b_recurrent``.

    Examples
    --------
    >>> from npstack import GRUCell, Recurrent
    >>> layer = Recurrent(NoBias(GRUCell(3, 8, rng=np.random.default_rng(0))))
    >>> layer.params.keys()
    dict_keys(['W', 'U'])
    >>> bool(layer.forward(np.zeros((2, 5, 3))).outputs.any())
    False
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.axes = {name: axes for name, axes in cell.axes.items() if name not in BIASES}
        self.params = self.outside(dict(cell.params))

    @classmethod
    def from_params(
        cls, kind: type[GatedCell], W: Array, U: Array, *parts: Any, **others: Any
    ) -> Self:
        """The cell that has these parameters; see `TwoBiases.from_params`.

        Examples
        --------
        >>> from npstack import GRUCell
        >>> NoBias.from_params(GRUCell, np.ones((3, 6)), np.ones((2, 6)))
        NoBias(GRUCell(3 -> 2))
        """
        return cls(_inner(f"{cls.__name__}.from_params", kind, W, U, None, parts, others))

    def inside(self, params: Params) -> dict[str, Array]:
        """Zeros for the biases."""
        shapes, dtype = self.cell.param_shapes, params["W"].dtype
        zeros = {name: np.zeros(shapes[name], dtype) for name in BIASES if name in shapes}
        return {**params, **zeros}

    def outside(self, dparams: dict[str, Array]) -> dict[str, Array]:
        """Without the biases."""
        return {name: value for name, value in dparams.items() if name not in BIASES}


def _inner(
    where: str,
    kind: type[GatedCell],
    W: Array,
    U: Array,
    b: Array | None,
    parts: tuple[Any, ...],
    others: dict[str, Any],
) -> GatedCell:
    """The cell inside; the recurrent bias of a GRU is zero, until it is given."""
    if not (isinstance(kind, type) and issubclass(kind, GatedCell)):
        expected = "kind must be the class of an LSTM, GRU or RNN cell"
        fail(DtypeError, where, expected, describe(kind), "LSTMCell, for example.")
    if issubclass(kind, GRUCell):
        U = as_array(where, "U", U)
        others = {**others, "b_recurrent": np.zeros(U.shape[:1], U.dtype)}
    return kind.from_params(W, U, b, *parts, **others)
