"""One time step of the GRU that resets the state before the product (Cho et al. 2014; §3.8).

As `GRUCell` (cells/gru.py), except for the place of the reset gate: it acts on ``h'`` itself,
before ``U_n`` mixes the units, so each unit resets only its own past::

    (1)  r = sigmoid(x W_r + h' U_r + b_r)        reset gate
    (2)  z = sigmoid(x W_z + h' U_z + b_z)        update gate: how much of the old state is kept
    (3)  s = r * h'                               what is left of the past
    (4)  n = tanh(x W_n + s U_n + b_n)            candidate
    (5)  h = z * h' + (1 - z) * n                 hidden state

The biases of the candidate merge into one here, so there is no ``b_recurrent``. Weights of one form
cannot be used in the other.

Backward, ``h'`` reaches ``h`` by three paths: through ``U`` in (1) and (2), through ``r`` in (3),
and directly in (5). Recurrent dropout acts on the first two, not on the third (§10.3): ``read`` is
``h'`` in (1) to (3).

References
----------
Cho et al. (2014), *Learning phrase representations using RNN encoder-decoder*, whose ``z`` keeps
the old state as here. Keras (``reset_after=False``) and ONNX (``linear_before_reset=0``, its
default) compute it.
"""

from __future__ import annotations

from typing import Any, Unpack

from npstack.cells.base import GatedCell, WeightOptions, each
from npstack.cells.gru import GRU_LETTERS, GRUGates, GRUState, gru_ranges
from npstack.core.activations import Activation, check_activation
from npstack.core.numerics import Array
from npstack.core.params import Params, join_gates, split_gates


class GRUResetBeforeCell(GatedCell):
    """The GRU of the paper at one time step.

    Parameters
    ----------
    input_size, hidden_size, rng, kernel_init, recurrent_init, bias_init, gate, candidate, dtype
        As in `GRUCell`.

    Attributes
    ----------
    params : dict
        ``W (D, 3H)``, ``U (H, 3H)``, ``b (3H,)``, packed in the order of `GRUGates`.

    Examples
    --------
    >>> import numpy as np
    >>> cell = GRUResetBeforeCell(3, 8, rng=np.random.default_rng(0))
    >>> state, gates = cell.step(cell.params, np.ones((2, 3)), cell.zero_state(2, np.float64))
    >>> state.h.shape, list(cell.params)
    ((2, 8), ['W', 'U', 'b'])
    """

    gates = GRUGates._fields
    letters = GRU_LETTERS
    parameter_formula = "3H(D + H + 1)"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        gate: str | Activation = "sigmoid",
        candidate: str | Activation = "tanh",
        **options: Unpack[WeightOptions],
    ) -> None:
        where = type(self).__name__
        super().__init__(input_size, hidden_size, **options)
        self.state_sizes = each(GRUState, self.hidden_size)
        self.record_sizes = each(GRUGates, self.hidden_size)
        self.gate = check_activation(where, "gate", gate)
        self.candidate = check_activation(where, "candidate", candidate)
        self.ranges = gru_ranges(self.gate.range, self.candidate.range)

    @staticmethod
    def gate_sums(params: Params, x: Array, read: Array) -> tuple[Array, Array]:
        """``a_r`` and ``a_z``, the sums of (1) and (2)."""
        W, U, b = (split_gates(params[name], GRUGates) for name in "WUb")
        a_r = x @ W.reset + read @ U.reset + b.reset
        a_z = x @ W.update + read @ U.update + b.update
        return a_r, a_z

    @staticmethod
    def candidate_sum(params: Params, x: Array, s: Array) -> Array:
        """``a_n``, the sum of (4)."""
        W, U, b = (split_gates(params[name], GRUGates).candidate for name in "WUb")
        a_n: Array = x @ W + s @ U + b
        return a_n

    def step_reading(
        self, params: Params, x: Array, state: GRUState, read: Array, noise: Any = None
    ) -> tuple[GRUState, GRUGates]:
        """One step forward; see `GRUCell.step_reading`."""
        a_r, a_z = self.gate_sums(params, x, read)
        r = self.gate.function(a_r)  # (1)
        z = self.gate.function(a_z)  # (2)
        s = r * read  # (3)
        n = self.candidate.function(self.candidate_sum(params, x, s))  # (4)
        h = z * state.h + (1 - z) * n  # (5)
        return GRUState(h=h), GRUGates(reset=r, update=z, candidate=n)

    def step_reading_backward(
        self,
        params: Params,
        x: Array,
        state: GRUState,
        read: Array,
        gates: GRUGates,
        new_state: GRUState,
        dnew_state: GRUState,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, GRUState, Array]:
        """One step backward: `step_reading` from its last line to its first."""
        r, z, n = gates.reset, gates.update, gates.candidate
        s = r * read
        a_r = a_z = a_n = None  # the tape keeps only the gates, from which most derivatives follow
        if not self.gate.slope_from_output:
            a_r, a_z = self.gate_sums(params, x, read)
        if not self.candidate.slope_from_output:
            a_n = self.candidate_sum(params, x, s)
        U = split_gates(params["U"], GRUGates)
        dh = dnew_state.h
        dz = dh * (state.h - n)  # (5)
        dn = dh * (1 - z)  # (5)
        dh_before = dh * z  # (5)
        da_n = dn * self.candidate.derivative(a_n, n)  # (4)
        ds = da_n @ U.candidate.T  # (4)
        dr = ds * read  # (3)
        dread = ds * r  # (3)
        da_z = dz * self.gate.derivative(a_z, z)  # (2)
        da_r = dr * self.gate.derivative(a_r, r)  # (1)
        dread = dread + da_z @ U.update.T + da_r @ U.reset.T  # (2), (1)
        da = join_gates(GRUGates(reset=da_r, update=da_z, candidate=da_n))
        by_U = GRUGates(reset=read.T @ da_r, update=read.T @ da_z, candidate=s.T @ da_n)
        dparams = {"W": x.T @ da, "U": join_gates(by_U), "b": da.sum(axis=0)}
        return dparams, da @ params["W"].T, GRUState(h=dh_before), dread
