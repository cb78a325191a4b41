"""One time step of one LSTM layer, forward and backward: the whole idea on one page.

With the input ``x``, the state ``(h', c')`` of the step before and the new state ``(h, c)``::

    a = x W + h' U + b            pre-activations of all gates, split into a_i, a_f, a_g, a_o

    (1)  i = sigmoid(a_i)         input gate: how much of the candidate is written
    (2)  f = sigmoid(a_f)         forget gate: how much of the old cell is kept
    (3)  g = tanh(a_g)            candidate: what could be written
    (4)  o = sigmoid(a_o)         output gate: how much of the cell is shown
    (5)  c = f * c' + i * g       cell state: a running, gated sum
    (6)  h = o * tanh(c)          hidden state: what the next layer and the next step see

Backward, the same lines are read from the last to the first. ``dfoo`` is the derivative of the loss
by ``foo`` and has the shape of ``foo``. Two of the six need care: ``c`` reaches the loss by two
roads, through ``h`` in (6) and straight through the next step, so both are added; and ``c'`` is
multiplied by ``f`` alone on its way back in (5), with no matrix and no squashing between, which is
why a gradient can survive many steps.

References
----------
Hochreiter & Schmidhuber (1997), *Long short-term memory*; Gers, Schmidhuber & Cummins (2000),
*Learning to forget* (the forget gate, equation 2). The forget bias of 1 that lets gradients through
at the start is argued for by Jozefowicz, Zaremba & Sutskever (2015).
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from npstack.init import INITIALISERS
from npstack.numerics import Array, sigmoid, sigmoid_derivative, tanh, tanh_derivative
from npstack.params import LSTMGates, Params, join_gates, split_gates
from npstack.shapes import check_dtype, check_generator, check_number, check_option, check_size
from npstack.tape import LSTMState


class CellOptions(TypedDict, total=False):
    """The keyword arguments of `LSTMCell`, which layers and stacks hand through."""

    rng: Required[np.random.Generator]
    kernel_init: str
    recurrent_init: str
    bias_init: str
    forget_bias: float | None
    dtype: DTypeLike


class LSTMCell:
    """The LSTM at one time step: parameters, and two pure functions that never change them.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    rng : numpy.random.Generator
        Draws the initial weights.
    kernel_init, recurrent_init, bias_init : {"glorot", "orthogonal", "uniform", "zeros"}
        How ``W``, ``U`` and ``b`` begin, gate by gate.
    forget_bias : float or None
        Value that the forget gate's bias begins with; None leaves it to ``bias_init``.
    dtype : dtype
        Of the parameters, hence of everything computed.

    Attributes
    ----------
    params : dict
        ``W (D, 4H)``, ``U (H, 4H)``, ``b (4H,)``, gates packed in the order of `LSTMGates`.

    Examples
    --------
    >>> cell = LSTMCell(3, 8, rng=np.random.default_rng(0))
    >>> state, gates = cell.step(cell.params, np.ones((2, 3)), cell.zero_state(2, np.float64))
    >>> state.h.shape, gates.forget.shape
    ((2, 8), (2, 8))
    """

    state_type = LSTMState
    record_type = LSTMGates
    parameter_formula = "4H(D + H + 1)"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        kernel_init: str = "glorot",
        recurrent_init: str = "orthogonal",
        bias_init: str = "zeros",
        forget_bias: float | None = 1.0,
        dtype: DTypeLike = np.float64,
    ) -> None:
        where = type(self).__name__
        self.input_size = D = check_size(where, "input_size", input_size)
        self.hidden_size = H = check_size(where, "hidden_size", hidden_size)
        check_generator(where, rng)
        dtype = check_dtype(where, dtype)

        def draw(option: str, name: str, rows: int) -> Array:
            initialiser = INITIALISERS[check_option(where, option, name, INITIALISERS)]
            blocks = LSTMGates(*(initialiser(rng, (rows, H)) for _ in LSTMGates._fields))
            return join_gates(blocks).astype(dtype)

        b = draw("bias_init", bias_init, 1)[0]
        if forget_bias is not None:
            advice = "Use None to leave it to bias_init."
            value = check_number(where, "forget_bias", forget_bias, advice)
            b = join_gates(split_gates(b)._replace(forget=np.full(H, value, dtype)))
        self.params: Params = {
            "W": draw("kernel_init", kernel_init, D),
            "U": draw("recurrent_init", recurrent_init, H),
            "b": b,
        }

    def zero_state(self, batch: int, dtype: DTypeLike) -> LSTMState:
        """The state that a sequence begins with unless another is given: zeros ``(B, H)``."""
        return LSTMState(*(np.zeros((batch, self.hidden_size), dtype) for _ in LSTMState._fields))

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
            The place where cells with random parts find their draws; this one has none.

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
            Derivative of the loss by the new state: ``h`` summed over all who see it (the layer
            above and the next step), ``c`` from the next step only; its road through ``h`` is
            added here.

        Returns
        -------
        dparams : dict
            Derivative by ``W``, ``U``, ``b``, summed over the batch.
        dx : array (B, D)
        dstate : LSTMState of (B, H)
            Derivative by the state of the step before.
        """
        i, f, g, o = gates.input, gates.forget, gates.candidate, gates.output
        tanh_c = tanh(new_state.c)
        dh = dnew_state.h
        do = dh * tanh_c  # (6)
        dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)  # (6) both roads of c
        df = dc * state.c  # (5)
        di = dc * g  # (5)
        dg = dc * i  # (5)
        dc_before = dc * f  # (5)
        da = join_gates(
            LSTMGates(
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
