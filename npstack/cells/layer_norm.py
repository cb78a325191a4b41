"""The LSTM with layer normalisation (Ba, Kiros & Hinton 2016, equations 20 to 22; §3.6).

``LN(v) = (v - mean(v)) / sqrt(var(v) + eps)`` over the features of one row, ``var`` the mean square
of the difference, eps = 1e-5. The two sums are normalised separately, each
over all four gates::

    a = LN(x W) * gain_x + LN(h' U) * gain_h + b    split into a_i, a_f, a_g, a_o

    (1)  i = sigmoid(a_i)
    (2)  f = sigmoid(a_f)
    (3)  g = tanh(a_g)
    (4)  o = sigmoid(a_o)
    (5)  c = f * c' + i * g                         carried on without normalisation
    (6)  h = o * tanh(LN(c) * gain_c + shift_c)

Backward, two terms are subtracted, because mean and variance also depend on ``v``: with
``n = LN(v)`` and ``r = 1 / sqrt(var(v) + eps)``::

    dv = r * (dn - mean(dn) - n * mean(dn * n))

One or two numbers cannot be normalised usefully: ``LN`` of one number is zero, ``LN`` of two
numbers is -1 and 1 for any values, and the remaining gradient is only rounding error of a
cancellation. Use three or more units.

TensorFlow 1's ``LayerNormBasicLSTMCell`` is another function: it normalises the whole sum of each
gate separately, and carries the normalised cell to the next step.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from npstack.cells.lstm import CellOptions, LSTMCell
from npstack.core.numerics import Array, sigmoid, sigmoid_derivative, sqrt, tanh, tanh_derivative
from npstack.core.params import LSTMGates, Params, join_gates, split_gates
from npstack.core.tape import LSTMState

EPS = 1e-5


def layer_norm(v: Array) -> tuple[Array, Array]:
    """The normalised rows ``n``, and the factor ``r`` by which each was scaled.

    Examples
    --------
    >>> n, r = layer_norm(np.array([[1.0, 3.0]]))
    >>> n.round(4), r.round(4)
    (array([[-1.,  1.]]), array([[1.]]))
    """
    centred = v - v.mean(axis=-1, keepdims=True)
    r = 1 / sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPS)
    return centred * r, r


def layer_norm_backward(n: Array, r: Array, dn: Array) -> Array:
    """The gradient by the input of `layer_norm`, from its results.

    Examples
    --------
    >>> n, r = layer_norm(np.array([[1.0, 3.0]]))
    >>> layer_norm_backward(n, r, np.array([[1.0, 1.0]]))  # a shift of all changes nothing
    array([[0., 0.]])
    """
    mean = dn.mean(axis=-1, keepdims=True)
    back: Array = r * (dn - mean - n * (dn * n).mean(axis=-1, keepdims=True))
    return back


class LayerNormLSTMCell(LSTMCell):
    """The LSTM with sums, and the cell state for ``h``, normalised over the units.

    Parameters
    ----------
    input_size, hidden_size, rng, kernel_init, recurrent_init, bias_init, forget_bias, dtype
        As in `LSTMCell`.

    Attributes
    ----------
    params : dict
        ``W``, ``U``, ``b`` as in `LSTMCell`; ``gain_x (4H,)``, ``gain_h (4H,)``, ``gain_c (H,)``,
        initially one, and ``shift_c (H,)``, initially zero.

    Examples
    --------
    >>> cell = LayerNormLSTMCell(3, 8, rng=np.random.default_rng(0))
    >>> state, gates = cell.step(cell.params, np.ones((2, 3)), cell.zero_state(2, np.float64))
    >>> state.h.shape
    (2, 8)
    """

    parameter_formula = "4H(D + H + 3) + 2H"

    def __init__(self, input_size: int, hidden_size: int, **options: Unpack[CellOptions]) -> None:
        super().__init__(input_size, hidden_size, **options)
        H, dtype = self.hidden_size, self.params["b"].dtype
        ones, zeros = np.ones(4 * H, dtype), np.zeros(H, dtype)
        gains = {"gain_x": ones, "gain_h": ones, "gain_c": ones[:H], "shift_c": zeros}
        self.params = {**self.params, **gains}
        gates, unit = (self.gates,), ("units",)
        self.axes = {**self.axes, "gain_x": gates, "gain_h": gates, "gain_c": unit, "shift_c": unit}

    @staticmethod
    def step(
        params: Params, x: Array, state: LSTMState, noise: Any = None
    ) -> tuple[LSTMState, LSTMGates]:
        """One step forward; see `LSTMCell.step`."""
        n_x, _ = layer_norm(x @ params["W"])
        n_h, _ = layer_norm(state.h @ params["U"])
        a = split_gates(n_x * params["gain_x"] + n_h * params["gain_h"] + params["b"])
        i = sigmoid(a.input)  # (1)
        f = sigmoid(a.forget)  # (2)
        g = tanh(a.candidate)  # (3)
        o = sigmoid(a.output)  # (4)
        c = f * state.c + i * g  # (5)
        n_c, _ = layer_norm(c)
        h = o * tanh(n_c * params["gain_c"] + params["shift_c"])  # (6)
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
        """One step backward: `step` read from its last line to its first."""
        i, f, g, o = gates.input, gates.forget, gates.candidate, gates.output
        n_c, r_c = layer_norm(new_state.c)
        shown = tanh(n_c * params["gain_c"] + params["shift_c"])
        dh = dnew_state.h
        do = dh * shown  # (6)
        dshown = dh * o * tanh_derivative(shown)  # (6)
        dc = dnew_state.c + layer_norm_backward(n_c, r_c, dshown * params["gain_c"])
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
        n_x, r_x = layer_norm(x @ params["W"])
        n_h, r_h = layer_norm(state.h @ params["U"])
        dsum_x = layer_norm_backward(n_x, r_x, da * params["gain_x"])
        dsum_h = layer_norm_backward(n_h, r_h, da * params["gain_h"])
        dparams = {
            "W": x.T @ dsum_x,
            "U": state.h.T @ dsum_h,
            "b": da.sum(axis=0),
            "gain_x": (da * n_x).sum(axis=0),
            "gain_h": (da * n_h).sum(axis=0),
            "gain_c": (dshown * n_c).sum(axis=0),
            "shift_c": dshown.sum(axis=0),
        }
        dx, dh_before = dsum_x @ params["W"].T, dsum_h @ params["U"].T
        return dparams, dx, LSTMState(h=dh_before, c=dc_before)
