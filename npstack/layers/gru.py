"""GRU: one GRU cell over time, in either form."""

from __future__ import annotations

from typing import Unpack

from npstack.cells.gru import GRUCell, GRUOptions
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.core.arguments import check_generator, check_option
from npstack.layers.recurrent import Recurrent

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
