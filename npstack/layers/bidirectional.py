"""Bidirectional: one layer reads forward, another backward, and both are used at every step.

Each direction may be one layer; a stack of such pairs is what PyTorch calls ``bidirectional=True``,
where the layer above reads both directions. Or each direction may be a whole stack, and both are
joined at the end only, as in Keras's ``Bidirectional(RNN([cell, cell]))``. These two models differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import ArgumentError, DtypeError, fail, kind_of
from npstack.core.tape import CompositeTape, Tape
from npstack.layers.base import Layer
from npstack.layers.boundary import check_layer, check_states
from npstack.layers.interface import States
from npstack.layers.parallel import Branches
from npstack.layers.reversed import Reversed


class Directions(NamedTuple):
    """The states of the two directions: ``tape.final[layer].backward.h``.

    Attributes
    ----------
    forward, backward : state, or tuple of states if each direction is a whole stack
        ``backward`` in the order in which it reads: its final state is the state after step 0.
    """

    forward: Any
    backward: Any


@dataclass(frozen=True, eq=False, repr=False)
class BidirectionalTape(CompositeTape):
    """One forward pass in both directions; ``parts`` are the two tapes."""

    @property
    def slots(self) -> tuple[Tape, ...]:
        """This tape itself: its state is a pair."""
        return (self,)

    @property
    def initial(self) -> Any:
        """The initial states of the two directions."""
        return Directions(*(part.initial for part in self.parts))

    @property
    def final(self) -> Any:
        """The final states of the two directions."""
        return Directions(*(part.final for part in self.parts))


class Bidirectional(Branches):
    """Two layers that read one sequence, one from its beginning and one from its end.

    Parameters
    ----------
    forward_layer, backward_layer : Layer
        Recurrent layers such as `LSTM` or `GRU`, or whole stacks. The second one is reversed here.
    merge : {"concat", "sum", "mul", "ave", "none"}
        How the two outputs are joined; ``none`` gives ``(B, T, 2, H)``, as in ONNX.

    Notes
    -----
    Parameters are named ``forward.W``, ``backward.W``. The state is `Directions`. With
    ``return_sequences=False`` in both, the outputs join the final states of both directions: the
    backward half is the state after the first step (PyTorch's ``outputs[:, -1]`` does not contain
    it).

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> layer = Bidirectional(LSTM(3, 4, rng=rng), LSTM(3, 4, rng=rng))
    >>> tape = layer.forward(np.ones((2, 5, 3)), lengths=[5, 2])
    >>> tape.outputs.shape, tape.final.backward.h.shape
    ((2, 5, 8), (2, 4))
    """

    tape_type = BidirectionalTape

    def __init__(
        self, forward_layer: Layer, backward_layer: Layer, *, merge: str = "concat"
    ) -> None:
        where = type(self).__name__
        for side, layer in (("forward", forward_layer), ("backward", backward_layer)):
            check_layer(where, f"{side}_layer", layer)
            if not layer.recurrent or not layer.interface.needs_time:
                expected = f"{side}_layer must read a sequence and have a recurrent layer"
                advice = "Without a state, the direction makes no difference."
                fail(ArgumentError, where, expected, layer, advice)
        super().__init__({"forward": forward_layer, "backward": Reversed(backward_layer)}, merge)

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """This layer itself: its state is a pair."""
        return (self,)

    def shares(self, states: States) -> Iterator[States]:
        """The part of the pair that belongs to each direction."""
        (pair,) = states
        for name, layer in self.children.items():
            own = None if pair is None else getattr(pair, name)
            yield (None,) * len(layer.recurrent) if own is None else layer.unpack_states(own)

    def gather(self, shares: list[States]) -> States:
        """The pair, from the states of each direction."""
        pairs = zip(self.children.values(), shares, strict=True)
        return (Directions(*(layer.pack_states(own) for layer, own in pairs)),)

    def check_state(
        self, where: str, name: str, state: Any, batch: int, dtype: np.dtype[Any]
    ) -> Any:
        """Check a pair of states, one for each direction (None: the initial state)."""
        if not isinstance(state, Directions):
            expected = f"{name} must be Directions(forward, backward)"
            advice = "Use npstack.Directions(forward=…, backward=…); tape.final fits."
            fail(DtypeError, where, expected, kind_of(state), advice)
        pairs = zip(self.children.items(), state, strict=True)
        return Directions(
            *(
                layer.pack_states(check_states(layer, where, f"{name}.{side}", own, batch, dtype))
                for (side, layer), own in pairs
            )
        )
