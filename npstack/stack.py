"""The stacked LSTM: each layer's full hidden-state sequence is the next layer's input.

::

    x (B, T, D) -> layer 0 -> h0 (B, T, H0) -> layer 1 -> h1 (B, T, H1) -> … -> (B, T, H) or (B, H)

The layer above sees *every* step of the layer below, not only its last: at each step it reads what
the layer below has made of the past so far. Backward, the layer above returns one gradient for each
of those steps, and each is added to what the lower layer's own future sends back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from npstack.cells.lstm import CellOptions
from npstack.layers.base import Layer
from npstack.layers.composite import Chain
from npstack.layers.dropout import Dropout
from npstack.layers.named import LSTM
from npstack.shapes import ArgumentError, check_fraction, check_generator, check_size, fail


class StackedLSTM(Chain):
    """LSTM layers on top of one another. Layer 0 touches the input.

    Parameters
    ----------
    input_size : int
        D.
    hidden_sizes : sequence of int, or int
        One size per layer, bottom first; or one size for all, with ``num_layers``.
    num_layers : int, optional
        How many layers, where ``hidden_sizes`` is one number (1 by default).
    return_sequences : bool
        Whether the *last* layer hands on its whole sequence ``(B, T, H)`` or its last hidden
        state ``(B, H)``. The layers below always hand on the whole sequence.
    dropout : float
        Rate between the layers (never after the last), in training only.
    rng, kernel_init, recurrent_init, bias_init, forget_bias, dtype
        As in `LSTMCell`.

    Notes
    -----
    Parameters are named ``layers.0.W``. ``forward`` takes and ``tape.final`` gives a tuple of one
    `LSTMState` per layer, bottom first, so an encoder's finals are a decoder's initials. Unlike
    PyTorch's ``num_layers``, the layers may have different sizes.

    Examples
    --------
    >>> import numpy as np
    >>> stack = StackedLSTM(1, [100, 50, 25], return_sequences=False, rng=np.random.default_rng(0))
    >>> tape = stack.forward(np.ones((2, 5, 1)))
    >>> tape.outputs.shape, tape.layers[1].gates.forget.shape
    ((2, 25), (2, 5, 50))
    >>> grads = stack.backward(tape, np.ones((2, 25)))
    >>> grads.params["layers.2.U"].shape
    (25, 100)
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        num_layers: int | None = None,
        *,
        return_sequences: bool = True,
        dropout: float = 0.0,
        **options: Unpack[CellOptions],
    ) -> None:
        where = type(self).__name__
        sizes = stack_sizes(where, hidden_sizes, num_layers)
        check_generator(where, options.get("rng"))
        check_fraction(where, "dropout", dropout, "It is dropped between layers.")
        children: dict[str, Layer] = {}
        below = input_size
        for k, size in enumerate(sizes):
            if k > 0 and dropout > 0:
                children[f"dropouts.{k - 1}"] = Dropout(dropout)
            last = k == len(sizes) - 1
            full = return_sequences or not last
            children[f"layers.{k}"] = LSTM(below, size, return_sequences=full, **options)
            below = size
        super().__init__(children)


def stack_sizes(where: str, hidden_sizes: int | Sequence[int], num_layers: int | None) -> list[int]:
    """A list of sizes from a list, or from one size and a count."""
    if isinstance(hidden_sizes, Sequence | np.ndarray) and not isinstance(hidden_sizes, str):
        if len(hidden_sizes) == 0 or num_layers not in (None, len(hidden_sizes)):
            fail(
                ArgumentError,
                where,
                "hidden_sizes must list one size per layer",
                f"{np.asarray(hidden_sizes).tolist()} with num_layers={num_layers}",
                "Leave num_layers out, or give one size and a count.",
            )
        return [check_size(where, f"hidden_sizes[{k}]", n) for k, n in enumerate(hidden_sizes)]
    advice = "Give one size for all layers, or a list of one size per layer."
    size = check_size(where, "hidden_sizes", hidden_sizes, advice)
    count = 1 if num_layers is None else check_size(where, "num_layers", num_layers)
    return [size] * count
