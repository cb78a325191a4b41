"""RNN: one cell of a plain recurrent network over time, and stacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from npstack.cells.rnn import RNNCell, RNNOptions
from npstack.core.arguments import check_generator
from npstack.layers.recurrent import Recurrent
from npstack.layers.stacked import Stacked, StackOptions


class RNN(Recurrent):
    """One layer of a plain recurrent network (Elman 1990).

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    return_sequences, learn_initial : bool
        As in `LSTM`.
    rng, kernel_init, recurrent_init, bias_init, activation, dtype
        As in `RNNCell`.

    Examples
    --------
    >>> import numpy as np
    >>> layer = RNN(1, 4, activation="relu", return_sequences=False, rng=np.random.default_rng(0))
    >>> layer.forward(np.array([0.1, 0.2, 0.3]).reshape(1, 3, 1)).final.h.shape
    (1, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        return_sequences: bool = True,
        learn_initial: bool = False,
        **options: Unpack[RNNOptions],
    ) -> None:
        check_generator(type(self).__name__, options.get("rng"))
        cell = RNNCell(input_size, hidden_size, **options)
        super().__init__(cell, return_sequences=return_sequences, learn_initial=learn_initial)


class StackedRNNOptions(RNNOptions, StackOptions, total=False):
    """The keyword arguments of `StackedRNN`."""


class StackedRNN(Stacked):
    """Plain recurrent layers, one on top of the other. Layer 0 reads the input.

    Parameters
    ----------
    input_size, hidden_sizes, num_layers, return_sequences, dropout, learn_initial
        As in `Stacked`.
    rng, kernel_init, recurrent_init, bias_init, activation, dtype
        As in `RNNCell`.

    Examples
    --------
    >>> import numpy as np
    >>> stack = StackedRNN(1, 4, num_layers=2, rng=np.random.default_rng(0))
    >>> list(stack.params)[:3], stack.params["layers.1.U"].shape
    (['layers.0.W', 'layers.0.U', 'layers.0.b'], (4, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        num_layers: int | None = None,
        **options: Unpack[StackedRNNOptions],
    ) -> None:
        super().__init__(RNN, input_size, hidden_sizes, num_layers, **options)
