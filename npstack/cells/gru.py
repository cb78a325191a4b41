"""One time step of the GRU that resets after the product, forward and backward (§3.7).

With the input ``x (B, D)`` and the hidden state ``h' (B, H)`` before the step, which is all of the
state (a prime means "before", not "derivative")::

    (1)  r = sigmoid(x W_r + h' U_r + b_r)        reset gate: how much of the past is used
    (2)  z = sigmoid(x W_z + h' U_z + b_z)        update gate: how much of the old state is kept
    (3)  q = h' U_n + b_recurrent                 what the past contributes
    (4)  n = tanh(x W_n + b_n + r * q)            candidate: what the new state could be
    (5)  h = z * h' + (1 - z) * n                 hidden state: between old one and candidate

It has one gate and one state less than the LSTM: one gate decides both what is kept and what is
written. ``b_recurrent`` is inside the product with ``r`` and cannot be part of ``b`` (§2.5).

Backward, the same lines are read from the last to the first. Two places need care. ``h'`` reaches
``h`` by two paths: through ``U`` in (1) to (3), and directly in (5), multiplied by ``z`` only; the
second one carries gradients over many steps. And ``U_n`` gets ``dq``, not the gradient of the
candidate's whole sum, because ``r`` is between the two: the packed gradients for ``x`` and for
``h'`` differ in their last third.

``read`` in the code is ``h'`` in matrix products: ``h'`` itself, or, with recurrent dropout, the
part that is kept. The direct path always uses all of ``h'`` (§10.3).

References
----------
Cho et al. (2014), *Learning phrase representations using RNN encoder-decoder*, in the form that
came with cuDNN: PyTorch, Keras (its default) and ONNX (``linear_before_reset=1``) compute it. The
form in the paper is `GRUResetBeforeCell`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Unpack

from npstack.cells.base import GatedCell, WeightOptions, each
from npstack.core.activations import Activation, Range, check_activation
from npstack.core.init import initialiser
from npstack.core.numerics import Array
from npstack.core.params import Params, join_gates, split_gates


class GRUState(NamedTuple):
    """The state of a GRU: the hidden state ``h (B, H)``."""

    h: Array


class GRUGates(NamedTuple):
    """The gates of a GRU by name, each ``(B, H)``; the order in which they are packed (§2.2)."""

    reset: Array
    update: Array
    candidate: Array


GRU_LETTERS = dict(zip(GRUGates._fields, "rzn", strict=True))


def gru_ranges(gate: Range, candidate: Range) -> dict[str, Range]:
    """`Cell.ranges` of both forms: ``h`` lies between zero and candidates if 0 ≤ ``z`` ≤ 1.

    Examples
    --------
    >>> gru_ranges((0, 1), (-1, 1))["h"]
    (-1, 1)
    """
    found = {"reset": gate, "update": gate, "candidate": candidate}
    if 0 <= gate[0] <= gate[1] <= 1:
        found["h"] = min(candidate[0], 0), max(candidate[1], 0)
    return found


class GRUOptions(WeightOptions, total=False):
    """The keyword arguments of the GRU cells, which layers and stacks pass on."""

    gate: str | Activation
    candidate: str | Activation


class GRUCell(GatedCell):
    """The GRU at one time step: parameters, and two pure functions.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    rng, kernel_init, recurrent_init, bias_init, dtype
        As in `LSTMCell`.
    gate, candidate : str or Activation
        Activation of the two gates, and of the candidate.

    Attributes
    ----------
    params : dict
        ``W (D, 3H)``, ``U (H, 3H)``, ``b (3H,)``, packed in the order of `GRUGates`, and
        ``b_recurrent (H,)``.

    Examples
    --------
    >>> import numpy as np
    >>> cell = GRUCell(3, 8, rng=np.random.default_rng(0))
    >>> state, gates = cell.step(cell.params, np.ones((2, 3)), cell.zero_state(2, np.float64))
    >>> state.h.shape, gates.update.shape
    ((2, 8), (2, 8))
    """

    gates = GRUGates._fields
    letters = GRU_LETTERS
    parameter_formula = "3H(D + H + 1) + H"

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
        H = self.hidden_size
        self.state_sizes, self.record_sizes = each(GRUState, H), each(GRUGates, H)
        self.gate = check_activation(where, "gate", gate)
        self.candidate = check_activation(where, "candidate", candidate)
        self.ranges = gru_ranges(self.gate.range, self.candidate.range)
        draw = initialiser(where, "bias_init", options.get("bias_init", "zeros"))
        b_recurrent = draw(options["rng"], (1, H))[0].astype(self.params["b"].dtype)
        self.params = {**self.params, "b_recurrent": b_recurrent}
        self.axes = {**self.axes, "b_recurrent": ("units",)}

    @staticmethod
    def sums(params: Params, x: Array, read: Array) -> tuple[Array, Array, Array, Array]:
        """``a_r`` and ``a_z`` of (1) and (2), ``q`` of (3), and the input's part of (4)."""
        from_x = split_gates(x @ params["W"] + params["b"], GRUGates)
        from_h = split_gates(read @ params["U"], GRUGates)
        q = from_h.candidate + params["b_recurrent"]
        return from_x.reset + from_h.reset, from_x.update + from_h.update, q, from_x.candidate

    def step_reading(
        self, params: Params, x: Array, state: GRUState, read: Array, noise: Any = None
    ) -> tuple[GRUState, GRUGates]:
        """One step forward.

        Parameters
        ----------
        params : dict
            ``W``, ``U``, ``b``, ``b_recurrent``.
        x : array (B, D)
        state : GRUState of (B, H)
            ``h'``.
        read : array (B, H)
            ``h'`` as it enters the products with ``U``.
        noise : None
            Unused here.

        Returns
        -------
        state : GRUState of (B, H)
        gates : GRUGates of (B, H)
            All that the backward pass needs besides the states.
        """
        a_r, a_z, q, x_n = self.sums(params, x, read)
        r = self.gate.function(a_r)  # (1)
        z = self.gate.function(a_z)  # (2), and (3) in the sums
        n = self.candidate.function(x_n + r * q)  # (4)
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
        """One step backward: `step_reading` from its last line to its first.

        Parameters
        ----------
        params, x, state, read, noise
            What `step_reading` was given.
        gates, new_state
            What it returned.
        dnew_state : GRUState of (B, H)
            Gradient of ``h``: from the layer above (or the loss) plus from the next step.

        Returns
        -------
        dparams : dict
            By ``W``, ``U``, ``b``, ``b_recurrent``; summed over the batch.
        dx : array (B, D)
        dstate : GRUState of (B, H)
            The gradient of ``h'`` by the direct path in (5).
        dread : array (B, H)
            The gradient of ``read``, through ``U``.
        """
        r, z, n = gates.reset, gates.update, gates.candidate
        a_r, a_z, q, x_n = self.sums(params, x, read)  # the tape keeps only the gates
        dh = dnew_state.h
        dz = dh * (state.h - n)  # (5)
        dn = dh * (1 - z)  # (5)
        dh_before = dh * z  # (5)
        da_n = dn * self.candidate.derivative(x_n + r * q, n)  # (4)
        dr = da_n * q  # (4)
        dq = da_n * r  # (4); (3) is treated like the other sums below
        da_z = dz * self.gate.derivative(a_z, z)  # (2)
        da_r = dr * self.gate.derivative(a_r, r)  # (1)
        from_x = join_gates(GRUGates(reset=da_r, update=da_z, candidate=da_n))
        from_h = join_gates(GRUGates(reset=da_r, update=da_z, candidate=dq))
        dparams = {
            "W": x.T @ from_x,
            "U": read.T @ from_h,
            "b": from_x.sum(axis=0),
            "b_recurrent": dq.sum(axis=0),
        }
        dx = from_x @ params["W"].T
        dread = from_h @ params["U"].T
        return dparams, dx, GRUState(h=dh_before), dread
