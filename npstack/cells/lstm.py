"""One time step of one LSTM layer, forward and backward: the whole idea on one page.

With the input ``x (B, D)``, one row per sequence of the batch, the state ``(h', c')`` of the step
before and the new state ``(h, c)``, all ``(B, H)`` (a prime means "before", not "derivative")::

    a = x W + h' U + b            pre-activations of all gates, split into a_i, a_f, a_g, a_o

    (1)  i = sigmoid(a_i)         input gate: how much of the candidate is written
    (2)  f = sigmoid(a_f)         forget gate: how much of the old cell is kept
    (3)  g = tanh(a_g)            candidate: what could be written
    (4)  o = sigmoid(a_o)         output gate: how much of the cell is shown
    (5)  c = f * c' + i * g       cell state: a running, gated sum
    (6)  h = o * tanh(c)          hidden state: what the layer above and the next step read

Backward, the same lines are read from the last to the first. ``dfoo`` is the derivative of the loss
with respect to ``foo`` and has the shape of ``foo``. The slopes of sigmoid and tanh are written in
terms of their *values*, which the forward pass has kept: ``s (1 - s)`` and ``1 - t²``.

Two places need care. ``c`` reaches the loss by two paths, through ``h`` in (6) and directly through
(5) of the next step, so both are added. And the gradient from ``c`` to ``c'`` is multiplied by
``f`` only: it survives many steps if ``f`` stays near 1, whereas on its way through ``h'`` it is
multiplied by ``U`` and the slope of a gate at every step.

References
----------
Hochreiter & Schmidhuber (1997), *Long short-term memory*; Gers, Schmidhuber & Cummins (2000),
*Learning to forget* (the forget gate, equation 2). The forget bias of 1 that lets gradients through
at the start is argued for by Jozefowicz, Zaremba & Sutskever (2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from npstack.cells.base import GatedCell, WeightOptions, each
from npstack.core.activations import Activation, Range
from npstack.core.numerics import Array, sigmoid, sigmoid_derivative, tanh, tanh_derivative
from npstack.core.params import LSTMGates, Params, join_gates, split_gates
from npstack.core.tape import LSTMState


class CellOptions(WeightOptions, total=False):
    """The keyword arguments of `LSTMCell`, which layers and stacks pass on."""

    forget_bias: float | None


class LSTMCell(GatedCell):
    """The LSTM at one time step: parameters, and two pure functions.

    The functions take the parameters as an argument, so that a check can run them with others.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    rng : numpy.random.Generator
        Draws the initial weights.
    kernel_init, recurrent_init, bias_init : {"glorot", "orthogonal", "uniform", "zeros"}
        Initial values of ``W``, ``U`` and ``b``, gate by gate.
    forget_bias : float or None
        Initial value of the forget gate's bias; None leaves it to ``bias_init``.
    dtype : dtype
        Of the parameters, hence of everything computed.

    Attributes
    ----------
    params : dict
        ``W (D, 4H)``, ``U (H, 4H)``, ``b (4H,)``; the gates are packed in the order of `LSTMGates`:
        input, forget, candidate, output.
    state_sizes, record_sizes
        The state is ``(h, c)``. The record, the other values that a tape keeps of a step, is the
        gates.

    Examples
    --------
    >>> import numpy as np
    >>> cell = LSTMCell(3, 8, rng=np.random.default_rng(0))
    >>> state, gates = cell.step(cell.params, np.ones((2, 3)), cell.zero_state(2, np.float64))
    >>> state.h.shape, gates.forget.shape
    ((2, 8), (2, 8))
    """

    gates = LSTMGates._fields
    parameter_formula = "4H(D + H + 1)"
    ranges: Mapping[str, Range] = {
        **dict.fromkeys(("input", "forget", "output"), Activation("sigmoid").range),
        **dict.fromkeys(("candidate", "h"), Activation("tanh").range),
    }

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        forget_bias: float | None = 1.0,
        **options: Unpack[WeightOptions],
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        H = self.hidden_size
        self.state_sizes, self.record_sizes = each(LSTMState, H), each(LSTMGates, H)
        self._write_forget_bias(forget_bias)

    @staticmethod
    def step(
        params: Params, x: Array, state: LSTMState, noise: Any = None
    ) -> tuple[LSTMState, LSTMGates]:
        """One step forward.

        Parameters
        ----------
        params : dict
            ``W``, ``U``, ``b``.
        x : array (B, D)
        state : LSTMState of (B, H)
            The state of the step before, ``(h', c')``.
        noise : None
            Unused here. Cells with random parts find their draws in it.

        Returns
        -------
        state : LSTMState of (B, H)
            The new state ``(h, c)``.
        gates : LSTMGates of (B, H)
            All that the backward pass needs besides the states.
        """
        a = split_gates(x @ params["W"] + state.h @ params["U"] + params["b"])
        i = sigmoid(a.input)  # (1)
        f = sigmoid(a.forget)  # (2)
        g = tanh(a.candidate)  # (3)
        o = sigmoid(a.output)  # (4)
        c = f * state.c + i * g  # (5)
        h = o * tanh(c)  # (6)
        return LSTMState(h=h, c=c), LSTMGates(input=i, forget=f, candidate=g, output=o)

    @staticmethod
    def step_backward(
        params: Params,
        x: Array,
        state: LSTMState,
        gates: LSTMGates,
        new_state: LSTMState,
        dnew_state: LSTMState,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, LSTMState]:
        """One step backward: `step` read from its last line to its first.

        Parameters
        ----------
        params, x, state, noise
            What `step` was given.
        gates, new_state
            What `step` returned.
        dnew_state : LSTMState of (B, H)
            The derivative by the new state, as far as the caller knows it. ``h``: complete, the sum
            of the derivatives from the layer above (or the loss) and from the next step. ``c``: the
            derivative from the next step (at the last step, that of the loss by the final ``c``, or
            zeros). The path of ``c`` through ``h`` is added here.

        Returns
        -------
        dparams : dict
            By ``W``, ``U``, ``b``; summed over the batch (for W and U, the product does the sum).
        dx : array (B, D)
        dstate : LSTMState of (B, H)
            The derivative by ``(h', c')`` through this step.
        """
        i, f, g, o = gates.input, gates.forget, gates.candidate, gates.output
        tanh_c = tanh(new_state.c)
        dh = dnew_state.h
        do = dh * tanh_c  # (6)
        dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)  # (6) both paths of c
        df = dc * state.c  # (5)
        di = dc * g  # (5)
        dg = dc * i  # (5)
        dc_before = dc * f  # (5)
        da = join_gates(
            LSTMGates(  # by name: read upwards, packed in the order of LSTMGates
                output=do * sigmoid_derivative(o),  # (4)
                candidate=dg * tanh_derivative(g),  # (3)
                forget=df * sigmoid_derivative(f),  # (2)
                input=di * sigmoid_derivative(i),  # (1)
            )
        )
        dparams = {"W": x.T @ da, "U": state.h.T @ da, "b": da.sum(axis=0)}
        dx = da @ params["W"].T
        dh_before = da @ params["U"].T
        return dparams, dx, LSTMState(h=dh_before, c=dc_before)
