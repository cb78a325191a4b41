"""One time step of the plain recurrent network, forward and backward (§3.9).

With the input ``x (B, D)`` and the hidden state ``h' (B, H)`` before the step, which is all of the
state (a prime means "before", not "derivative")::

    (1)  a = x W + h' U + b
    (2)  h = tanh(a)              hidden state: there are no gates, all of it is new

Backward, the gradient is multiplied by ``U`` and the slope of the activation at *every* step. Over
many steps it shrinks or grows exponentially, which is why cells with gates were invented.

References
----------
Elman (1990), *Finding structure in time*. With relu and ``U`` near the identity it remembers
longer: Le, Jaitly & Hinton (2015).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Unpack

from npstack.cells.base import GatedCell, WeightOptions, each
from npstack.core.activations import Activation, check_activation
from npstack.core.numerics import Array
from npstack.core.params import Params


class RNNState(NamedTuple):
    """The state of a plain recurrent network: the hidden state ``h (B, H)``."""

    h: Array


class RNNRecord(NamedTuple):
    """What a tape keeps of a step besides the state: nothing, as there are no gates."""


RNN_LETTERS = {"hidden": "h"}


class RNNOptions(WeightOptions, total=False):
    """The keyword arguments of `RNNCell`, which layers and stacks pass on."""

    activation: str | Activation


class RNNCell(GatedCell):
    """The plain recurrent network at one time step: parameters, and two pure functions.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    rng, kernel_init, recurrent_init, bias_init, dtype
        As in `LSTMCell`.
    activation : str or Activation

    Attributes
    ----------
    params : dict
        ``W (D, H)``, ``U (H, H)``, ``b (H,)``.

    Examples
    --------
    >>> import numpy as np
    >>> cell = RNNCell(3, 8, rng=np.random.default_rng(0))
    >>> state, record = cell.step(cell.params, np.ones((2, 3)), cell.zero_state(2, np.float64))
    >>> state.h.shape, record
    ((2, 8), RNNRecord())
    """

    gates = ("hidden",)  # one block, so that W, U and b are those of a cell with a single gate
    letters = RNN_LETTERS
    parameter_formula = "H(D + H + 1)"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: str | Activation = "tanh",
        **options: Unpack[WeightOptions],
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        self.state_sizes, self.record_sizes = each(RNNState, self.hidden_size), RNNRecord()
        self.activation = check_activation(type(self).__name__, "activation", activation)
        self.ranges = {"h": self.activation.range}

    @staticmethod
    def sums(params: Params, x: Array, state: RNNState) -> Array:
        """The pre-activations, (1)."""
        a: Array = x @ params["W"] + state.h @ params["U"] + params["b"]
        return a

    def step(
        self, params: Params, x: Array, state: RNNState, noise: Any = None
    ) -> tuple[RNNState, RNNRecord]:
        """One step forward.

        Parameters
        ----------
        params : dict
            ``W``, ``U``, ``b``.
        x : array (B, D)
        state : RNNState of (B, H)
        noise : None
            Unused here.

        Returns
        -------
        state : RNNState of (B, H)
        record : RNNRecord
            Empty.
        """
        a = self.sums(params, x, state)  # (1)
        h = self.activation.function(a)  # (2)
        return RNNState(h=h), RNNRecord()

    def step_backward(
        self,
        params: Params,
        x: Array,
        state: RNNState,
        record: RNNRecord,
        new_state: RNNState,
        dnew_state: RNNState,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, RNNState]:
        """One step backward: `step` read from its last line to its first.

        Parameters
        ----------
        params, x, state, noise
            What `step` was given.
        record, new_state
            What it returned.
        dnew_state : RNNState of (B, H)
            Gradient of ``h``: from the layer above (or the loss) plus from the next step.

        Returns
        -------
        dparams : dict
            By ``W``, ``U``, ``b``; summed over the batch.
        dx : array (B, D)
        dstate : RNNState of (B, H)
        """
        known = self.activation.slope_from_output  # else the sum is computed again
        a = None if known else self.sums(params, x, state)
        da = dnew_state.h * self.activation.derivative(a, new_state.h)  # (2)
        dparams = {"W": x.T @ da, "U": state.h.T @ da, "b": da.sum(axis=0)}  # (1)
        dx = da @ params["W"].T  # (1)
        dh_before = da @ params["U"].T  # (1)
        return dparams, dx, RNNState(h=dh_before)
