"""Stacks that read a sequence in both directions.

There are two ways to stack two directions, and they are different models (§8.5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from npstack.cells.base import Cell
from npstack.core.arguments import check_generator
from npstack.core.config import TYPE
from npstack.core.errors import ArgumentError, fail
from npstack.layers.base import Layer
from npstack.layers.bidirectional import Bidirectional
from npstack.layers.chain import Chain
from npstack.layers.recurrent import Recurrent
from npstack.layers.stacked import Stacked
from npstack.layers.tower import layer_builder, stack_sizes, tower


class StackedBidirectional(Stacked):
    """Layer by layer: each layer reads the outputs of both directions of the layer below.

    PyTorch (``bidirectional=True``), JAX, and nested ``Bidirectional`` layers of Keras do this.

    Parameters
    ----------
    cell_type, input_size, hidden_sizes, num_layers
        As in `Stacked`; the sizes are those of one direction.
    merge : {"concat", "sum", "mul", "ave", "none"}
        How the two directions of each layer are joined; ``none`` in a single layer only.
    return_sequences : bool
        Whether the last layer returns its whole sequence, or the last states of both directions.
    dropout : float
        Rate between the layers, applied to the joined outputs.
    learn_initial, rng, **options
        As in `Stacked`.

    Notes
    -----
    Parameters are named ``layers.0.forward.W``, ``layers.0.backward.W``. There is one state per
    layer, `Directions(forward, backward)`.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import GRUCell
    >>> stack = StackedBidirectional(GRUCell, 3, [8, 4], rng=np.random.default_rng(0))
    >>> tape = stack.forward(np.ones((2, 5, 3)))
    >>> tape.outputs.shape, stack.params["layers.1.forward.W"].shape
    ((2, 5, 8), (16, 12))
    >>> tape.final[1].backward.h.shape
    (2, 4)
    """

    def __init__(
        self,
        cell_type: Callable[..., Cell | Recurrent],
        input_size: int,
        hidden_sizes: int | Sequence[int],
        num_layers: int | None = None,
        *,
        merge: str = "concat",
        return_sequences: bool = True,
        dropout: float = 0.0,
        learn_initial: bool = False,
        **options: Any,
    ) -> None:
        where = type(self).__name__
        direction = layer_builder(where, cell_type, learn_initial, options)

        def build(below: int, size: int, full: bool) -> Layer:
            forward, backward = (direction(below, size, full) for _ in range(2))
            return Bidirectional(forward, backward, merge=merge)

        sizes = stack_sizes(where, hidden_sizes, num_layers)
        if merge == "none" and len(sizes) > 1:
            expected = "merge must make one sequence of two for the layer above"
            fail(ArgumentError, where, expected, repr(merge), "Use merge='concat'.")
        check_generator(where, options.get("rng"))
        layers = tower(where, build, input_size, sizes, return_sequences, dropout)
        Chain.__init__(self, layers)  # with two directions each, where `Stacked` builds one


class BidirectionalStacked(Bidirectional):
    """Whole stacks: one reads forward, another backward, and they are joined at the end only.

    This is Keras's ``Bidirectional(RNN([cell, cell]))``.

    Parameters
    ----------
    cell_type, input_size, hidden_sizes, num_layers, return_sequences, dropout, learn_initial, rng,
    **options
        As in `Stacked`, for each of the two stacks.
    merge : {"concat", "sum", "mul", "ave", "none"}
        How the outputs of the two stacks are joined.

    Notes
    -----
    Parameters are named ``forward.layers.0.W``, ``backward.layers.0.W``. There is one state,
    `Directions(forward, backward)` of a tuple each, one state per layer.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import GRUCell
    >>> stack = BidirectionalStacked(GRUCell, 3, [8, 4], rng=np.random.default_rng(0))
    >>> tape = stack.forward(np.ones((2, 5, 3)))
    >>> tape.outputs.shape, stack.params["forward.layers.1.W"].shape
    ((2, 5, 8), (8, 12))
    >>> tape.final.backward[1].h.shape
    (2, 4)
    """

    def __init__(
        self,
        cell_type: Callable[..., Cell | Recurrent],
        input_size: int,
        hidden_sizes: int | Sequence[int],
        num_layers: int | None = None,
        *,
        merge: str = "concat",
        return_sequences: bool = True,
        dropout: float = 0.0,
        learn_initial: bool = False,
        **options: Any,
    ) -> None:
        check_generator(type(self).__name__, options.get("rng"))
        how: dict[str, Any] = {"return_sequences": return_sequences, "dropout": dropout}
        how |= {"learn_initial": learn_initial, **options}
        forward, backward = (
            Stacked(cell_type, input_size, hidden_sizes, num_layers, **how) for _ in range(2)
        )
        super().__init__(forward, backward, merge=merge)

    def config(self) -> dict[str, Any]:
        """Its two stacks, from which it can be built again."""
        forward, backward = self.children.values()
        sides = {"forward": forward.config(), "backward": backward.children[""].config()}
        return {TYPE: type(self).__name__, **sides, "merge": self.merge}

    @classmethod
    def from_config(cls, arguments: dict[str, Any]) -> Self:
        """The pair of stacks that are built already."""
        pair = cls.__new__(cls)
        sides = arguments["forward"], arguments["backward"]
        Bidirectional.__init__(pair, *sides, merge=arguments["merge"])
        return pair
