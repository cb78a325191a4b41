"""Stacks: each layer's full hidden-state sequence is the next layer's input.

::

    x (B, T, D) -> layer 0 -> h0 (B, T, H0) -> layer 1 -> h1 (B, T, H1) -> … -> (B, T, H) or (B, H)

The layer above sees *every* step of the layer below, not only its last: at each step it reads the
hidden state that summarises the past in the layer below. Backward, the layer above returns one
gradient for each step, which is added to the gradient from later steps of the lower layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, TypedDict, Unpack

from npstack.cells.base import Cell
from npstack.cells.lstm import CellOptions
from npstack.core.arguments import check_generator
from npstack.core.config import TYPE
from npstack.layers.chain import Chain
from npstack.layers.lstm import LSTM
from npstack.layers.recurrent import Recurrent
from npstack.layers.tower import layer_builder, stack_sizes, tower
from npstack.layers.twins import Engine, check_engine


class Stacked(Chain):
    """Recurrent layers of one kind, one on top of the other. Layer 0 reads the input.

    Parameters
    ----------
    cell_type : callable
        Builds the cell of a layer from ``(input_size, hidden_size, rng=…, **options)``: the class
        of a cell, or a function, for example one that wraps a cell. A callable that builds a layer
        is accepted, too, if it has the option ``return_sequences``: `LSTM`,
        ``partial(GRU, reset="before")``.
    input_size : int
        D.
    hidden_sizes : sequence of int, or int
        One size per layer, bottom first; or one size for all, with ``num_layers``.
    num_layers : int, optional
        Number of layers, if ``hidden_sizes`` is one number (1 by default).
    return_sequences : bool
        Whether the *last* layer returns its whole sequence ``(B, T, H)`` or its last hidden
        state ``(B, H)``. The layers below always pass on the whole sequence.
    dropout : float
        Rate between the layers (never after the last), in training only.
    learn_initial : bool
        Whether the initial state of each layer is learned; see `Recurrent`.
    engine : {"readable", "fused", "wavefront", "auto"}, or Engine, optional
        How it is computed; not part of its configuration.
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
    Parameters are named ``layers.0.W``. ``forward`` accepts, and ``tape.final`` is, a tuple of one
    state per layer, bottom first, so the final states of an encoder can start a decoder. Unlike
    PyTorch's ``num_layers``, the layers may have different sizes. `StackedLSTM`, `StackedGRU` and
    `StackedRNN` are such stacks.

    Examples
    --------
    >>> import numpy as np
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
        engine: Engine | str | None = None,
        **options: Any,
    ) -> None:
        where = type(self).__name__
        if engine is not None:
            self.engine = check_engine(where, engine)
        sizes = stack_sizes(where, hidden_sizes, num_layers)
        check_generator(where, options.get("rng"))
        build = layer_builder(where, cell_type, learn_initial, options)
        super().__init__(tower(where, build, input_size, sizes, return_sequences, dropout))

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """H of each layer, bottom first; of one direction if there are two."""
        cells = (next(n.cell for n in (own, *own.inside()) if n.cell) for own in self.layers)
        return tuple(cell.hidden_size for cell in cells)

    def config(self) -> dict[str, Any]:
        """Its layers, from which it can be built again."""
        if not type(self).__module__.startswith(__package__):
            return super().config()  # a user's class has its own constructor
        layers = {name: layer.config() for name, layer in self.children.items()}
        return {TYPE: type(self).__name__, "children": layers}

    @classmethod
    def from_config(cls, arguments: dict[str, Any]) -> Self:
        """The stack of layers that are built already."""
        if "children" not in arguments:
            return super().from_config(arguments)
        stack = cls.__new__(cls)
        Chain.__init__(stack, **arguments)
        return stack


class StackOptions(TypedDict, total=False):
    """The keyword arguments of every stack."""

    return_sequences: bool
    dropout: float
    learn_initial: bool
    engine: Engine | str | None


class StackedLSTMOptions(CellOptions, StackOptions, total=False):
    """The keyword arguments of `StackedLSTM`."""


class StackedLSTM(Stacked):
    """LSTM layers, one on top of the other. Layer 0 reads the input.

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
