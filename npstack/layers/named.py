"""Layers by their names: each is a cell over time (`npstack.Recurrent`), and nothing else."""

from __future__ import annotations

from typing import Unpack

from npstack.cells.gru import GRUCell, GRUOptions
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.cells.lstm import CellOptions, LSTMCell
from npstack.cells.rnn import RNNCell, RNNOptions
from npstack.layers.recurrent import Recurrent
from npstack.shapes import check_generator, check_option


class LSTM(Recurrent):
    """One LSTM layer.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    return_sequences : bool
        Hand on every hidden state ``(B, T, H)``, or the last one ``(B, H)``. A layer that
        another LSTM is stacked on needs True.
    learn_initial : bool
        Whether sequences begin with a state that is learned; see `Recurrent`.
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


RESETS = {"after": GRUCell, "before": GRUResetBeforeCell}


class GRU(Recurrent):
    """One GRU layer, in either form; weights of one do not serve the other.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    reset : {"after", "before"}
        Whether the reset gate acts after the product with ``U_n`` (`GRUCell`; PyTorch, and
        Keras's default) or before it (`GRUResetBeforeCell`; the paper, and ONNX's default).
    return_sequences, learn_initial : bool
        As in `LSTM`.
    rng, kernel_init, recurrent_init, bias_init, gate, candidate, dtype
        As in `GRUCell`.

    Examples
    --------
    >>> import numpy as np
    >>> layer = GRU(1, 4, rng=np.random.default_rng(0))
    >>> tape = layer.forward(np.array([0.1, 0.2, 0.3]).reshape(1, 3, 1))
    >>> tape.outputs.shape, tape.gates.reset.shape, list(layer.params)
    ((1, 3, 4), (1, 3, 4), ['W', 'U', 'b', 'b_recurrent'])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        reset: str = "after",
        return_sequences: bool = True,
        learn_initial: bool = False,
        **options: Unpack[GRUOptions],
    ) -> None:
        where = type(self).__name__
        check_generator(where, options.get("rng"))
        kind = RESETS[check_option(where, "reset", reset, RESETS)]
        cell = kind(input_size, hidden_size, **options)
        super().__init__(cell, return_sequences=return_sequences, learn_initial=learn_initial)


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
