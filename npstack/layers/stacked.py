"""Stacks: each layer's full hidden-state sequence is the next layer's input.

::

    x (B, T, D) -> layer 0 -> h0 (B, T, H0) -> layer 1 -> h1 (B, T, H1) -> … -> (B, T, H) or (B, H)

The layer above sees *every* step of the layer below, not only its last: at each step it reads what
the layer below has made of the past so far. Backward, the layer above returns one gradient for each
of those steps, and each is added to what the lower layer's own future sends back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np

from npstack.cells.base import Cell
from npstack.cells.gru import GRUOptions
from npstack.cells.lstm import CellOptions
from npstack.cells.rnn import RNNOptions
from npstack.core.arguments import check_fraction, check_generator, check_size
from npstack.core.errors import ArgumentError, describe, fail
from npstack.layers.base import Layer
from npstack.layers.chain import Chain
from npstack.layers.dropout import Dropout
from npstack.layers.gru import GRU
from npstack.layers.lstm import LSTM
from npstack.layers.recurrent import Recurrent
from npstack.layers.rnn import RNN

Builder = Callable[[int, int, bool], Layer]  # of one layer: D, H, whether it keeps the sequence


class Stacked(Chain):
    """Recurrent layers of one kind on top of one another. Layer 0 touches the input.

    Parameters
    ----------
    cell_type : callable
        What builds a layer's cell from ``(input_size, hidden_size, rng=…, **options)``: the class
        of a cell, or a function, for example one that wraps a cell. What builds a layer is taken
        too, if it has the option ``return_sequences``: `LSTM`, ``partial(GRU, reset="before")``.
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
    learn_initial : bool
        Whether the sequences of each layer begin with a state that is learned; see `Recurrent`.
    rng, **options
        Of the cells.

    Attributes
    ----------
    layers : tuple of Layer
        The recurrent layers, bottom first.
    hidden_sizes : tuple of int
        H of each of them.

    Notes
    -----
    Parameters are named ``layers.0.W``. ``forward`` takes and ``tape.final`` gives a tuple of one
    state per layer, bottom first, so an encoder's finals are a decoder's initials. Unlike
    PyTorch's ``num_layers``, the layers may have different sizes. `StackedLSTM`, `StackedGRU` and
    `StackedRNN` are such stacks.

    Examples
    --------
    >>> from npstack.cells import LSTMCell, Zoneout
    >>> def zoned(D, H, **options):
    ...     return Zoneout(LSTMCell(D, H, **options), h=0.1, c=0.1)
    >>> stack = Stacked(zoned, 3, [8, 4], rng=np.random.default_rng(0))
    >>> stack.forward(np.ones((2, 5, 3))).outputs.shape
    (2, 5, 4)
    """

    def __init__(
        self,
        cell_type: Callable[..., Cell | Recurrent],
        input_size: int,
        hidden_sizes: int | Sequence[int],
        num_layers: int | None = None,
        *,
        return_sequences: bool = True,
        dropout: float = 0.0,
        learn_initial: bool = False,
        **options: Any,
    ) -> None:
        where = type(self).__name__
        self.hidden_sizes = stack_sizes(where, hidden_sizes, num_layers)
        check_generator(where, options.get("rng"))
        build = layer_builder(where, cell_type, learn_initial, options)
        sizes = self.hidden_sizes
        super().__init__(tower(where, build, input_size, sizes, return_sequences, dropout))


class StackOptions(TypedDict, total=False):
    """The keyword arguments of every stack."""

    return_sequences: bool
    dropout: float
    learn_initial: bool


class StackedLSTMOptions(CellOptions, StackOptions, total=False):
    """The keyword arguments of `StackedLSTM`."""


class StackedGRUOptions(GRUOptions, StackOptions, total=False):
    """The keyword arguments of `StackedGRU`."""

    reset: str


class StackedRNNOptions(RNNOptions, StackOptions, total=False):
    """The keyword arguments of `StackedRNN`."""


class StackedLSTM(Stacked):
    """LSTM layers on top of one another. Layer 0 touches the input.

    Parameters
    ----------
    input_size, hidden_sizes, num_layers, return_sequences, dropout, learn_initial
        As in `Stacked`: D, one size per layer (or one size and a count), and so on.
    rng, kernel_init, recurrent_init, bias_init, forget_bias, dtype
        As in `LSTMCell`.

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
        **options: Unpack[StackedLSTMOptions],
    ) -> None:
        super().__init__(LSTM, input_size, hidden_sizes, num_layers, **options)


class StackedGRU(Stacked):
    """GRU layers on top of one another. Layer 0 touches the input.

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


class StackedRNN(Stacked):
    """Plain recurrent layers on top of one another. Layer 0 touches the input.

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


def layer_builder(
    where: str, cell_type: Any, learn_initial: bool, options: dict[str, Any]
) -> Builder:
    """What builds a layer of a stack: around a cell, or itself where it builds layers."""
    if not callable(cell_type):
        advice = "Give a class, such as LSTMCell, or a function that returns what it builds."
        fail(ArgumentError, where, "cell_type must build a cell", describe(cell_type), advice)
    builds_layers = "return_sequences" in inspect.signature(cell_type).parameters

    def build(input_size: int, size: int, full: bool) -> Layer:
        how = {"return_sequences": full, "learn_initial": learn_initial}
        given = {**options, **how} if builds_layers else options
        made: Any = cell_type(input_size, size, **given)
        if builds_layers and isinstance(made, Layer):
            return made
        if builds_layers or not isinstance(made, Cell):
            advice = "Give a class, such as LSTMCell, or a function that returns what it builds."
            fail(ArgumentError, where, "cell_type must build a cell", describe(made), advice)
        return Recurrent(made, **how)

    return build


def tower(
    where: str,
    build: Builder,
    input_size: int,
    sizes: Sequence[int],
    return_sequences: bool,
    dropout: float,
) -> dict[str, Layer]:
    """Layers on top of one another by name, with dropout between them: a stack's children.

    Only the last may hand on less than its whole sequence.
    """
    check_fraction(where, "dropout", dropout, "It is dropped between layers.")
    children: dict[str, Layer] = {}
    below = input_size
    for k, size in enumerate(sizes):
        if k > 0 and dropout > 0:
            children[f"dropouts.{k - 1}"] = Dropout(dropout)
        last = k == len(sizes) - 1
        children[f"layers.{k}"] = made = build(below, size, return_sequences or not last)
        below = made.output_size or size
    return children


def stack_sizes(
    where: str, hidden_sizes: int | Sequence[int], num_layers: int | None
) -> tuple[int, ...]:
    """One size per layer, from such a list, or from one size and a count."""
    if isinstance(hidden_sizes, Sequence | np.ndarray) and not isinstance(hidden_sizes, str):
        if len(hidden_sizes) == 0 or num_layers not in (None, len(hidden_sizes)):
            fail(
                ArgumentError,
                where,
                "hidden_sizes must list one size per layer",
                f"{np.asarray(hidden_sizes).tolist()} with num_layers={num_layers}",
                "Leave num_layers out, or give one size and a count.",
            )
        return tuple(check_size(where, f"hidden_sizes[{k}]", n) for k, n in enumerate(hidden_sizes))
    advice = "Give one size for all layers, or a list of one size per layer."
    size = check_size(where, "hidden_sizes", hidden_sizes, advice)
    count = 1 if num_layers is None else check_size(where, "num_layers", num_layers)
    return (size,) * count
