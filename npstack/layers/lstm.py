"""LSTM: one LSTM cell over time."""

from __future__ import annotations

from typing import Unpack

from npstack.cells.lstm import CellOptions, LSTMCell
from npstack.core.arguments import check_generator
from npstack.layers.recurrent import Recurrent


class LSTM(Recurrent):
    """One LSTM layer.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    return_sequences : bool
        Return every hidden state ``(B, T, H)``, or the last one ``(B, H)``. True is needed
        if another LSTM is stacked on top.
    learn_initial : bool
        Whether the initial state is learned; see `Recurrent`.
    rng, kernel_init, recurrent_init, bias_init, forget_bias, dtype
        As in `LSTMCell`.

    Examples
    --------
    >>> import numpy as np
    >>> layer = LSTM(1, 4, return_sequences=False, rng=np.random.default_rng(0))
    >>> tape = layer.forward(np.array([0.1, 0.2, 0.3]).reshape(1, 3, 1))
    >>> tape.outputs.shape, tape.gates.forget.shape
    ((1, 4), (1, 3, 4))
    >>> grads = layer.backward(tape, np.ones((1, 4)))
    >>> grads.x.shape, grads.initial_states.c.shape
    ((1, 3, 1), (1, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        return_sequences: bool = True,
        learn_initial: bool = False,
        **options: Unpack[CellOptions],
    ) -> None:
        check_generator(type(self).__name__, options.get("rng"))
        cell = LSTMCell(input_size, hidden_size, **options)
        super().__init__(cell, return_sequences=return_sequences, learn_initial=learn_initial)
