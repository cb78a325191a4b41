"""GRU: one GRU cell over time, in one of two forms, and stacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from npstack.cells.gru import GRUCell, GRUOptions
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.core.arguments import check_generator, check_option
from npstack.layers.recurrent import Recurrent
from npstack.layers.stacked import Stacked, StackOptions

RESETS = {"after": GRUCell, "before": GRUResetBeforeCell}


class GRU(Recurrent):
    """One GRU layer in one of two forms; their weights cannot be exchanged.

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


class StackedGRUOptions(GRUOptions, StackOptions, total=False):
    """The keyword arguments of `StackedGRU`."""

    reset: str


class StackedGRU(Stacked):
    """GRU layers, one on top of the other. Layer 0 reads the input.

    Parameters
    ----------
    input_size, hidden_sizes, num_layers, return_sequences, dropout, learn_initial
        As in `Stacked`.
    reset : {"after", "before"}
        As in `GRU`.
    rng, kernel_init, recurrent_init, bias_init, gate, candidate, dtype
        As in `GRUCell`.

    Examples
    --------
    >>> import numpy as np
    >>> stack = StackedGRU(1, [8, 4], return_sequences=False, rng=np.random.default_rng(0))
    >>> stack.forward(np.ones((2, 5, 1))).outputs.shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        num_layers: int | None = None,
        **options: Unpack[StackedGRUOptions],
    ) -> None:
        super().__init__(GRU, input_size, hidden_sizes, num_layers, **options)
