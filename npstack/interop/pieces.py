"""A recurrent layer, or a stack of them, taken apart into cells and their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from npstack.cells.base import Cell
from npstack.cells.recurrent_dropout import RecurrentDropout
from npstack.cells.zoneout import Zoneout
from npstack.core.errors import ArgumentError, fail
from npstack.interop.cell_weights import weights_of
from npstack.interop.imported import Imported, Row
from npstack.interop.layout import USUAL
from npstack.interop.parts import RecurrentPart
from npstack.interop.stacks import cells_of, layer_of
from npstack.interop.weights import Weights
from npstack.layers import Dropout, Layer, Recurrent
from npstack.layers.chain import Chain

IN_TRAINING: dict[type[Any], tuple[str, str]] = {
    RecurrentDropout: ("recurrent dropout", "§10.3"),
    Zoneout: ("zoneout", "§10.5"),
}


@dataclass(frozen=True)
class Pieces:
    """A layer taken apart.

    Attributes
    ----------
    layer : Layer
    recurrent : list of list of Recurrent
        By layer and direction.
    how : dict
        How they are put together: ``backwards``, ``merge``, ``return_sequences``.
    """

    layer: Layer
    recurrent: list[list[Recurrent]]
    how: Mapping[str, Any]

    @cached_property
    def cells(self) -> list[list[Cell]]:
        """The cells, without what acts in training only."""
        return [[_unwrapped(own.cell)[0] for own in ways] for ways in self.recurrent]

    @cached_property
    def weights(self) -> list[list[Weights]]:
        """The weights of the cells; all must be of a kind that `kind_of_cell` knows."""
        pairs = zip(self.cells, self.recurrent, strict=True)
        return [
            [weights_of(cell, own.params) for cell, own in zip(*pair, strict=True)]
            for pair in pairs
        ]

    def again(self, weights: Sequence[Sequence[Weights]] | None = None, **changed: Any) -> Layer:
        """The same layer, with other weights or put together otherwise."""
        cells = [[own.cell() for own in ways] for ways in weights or self.weights]
        return layer_of(cells, **{**self.how, **changed})

    def doubled(self) -> Layer:
        """The same in float64."""
        return self.again([[own.astype(float) for own in ways] for ways in self.weights])

    def with_weights(self, layer: int, direction: int, other: Weights | None) -> Layer | None:
        """The same layer with other weights in one place; None without them."""
        if other is None:
            return None
        weights = [list(ways) for ways in self.weights]
        weights[layer][direction] = other
        return self.again(weights)

    @property
    def dropout(self) -> list[list[Dropout]]:
        """What drops numbers in front of each recurrent layer, and behind the last."""
        found: list[list[Dropout]] = [[]]
        for own in self.layer.children.values() if isinstance(self.layer, Chain) else ():
            if isinstance(own, Dropout):
                found[-1].append(own)
            else:
                found.append([])
        return found if isinstance(self.layer, Chain) else [[], []]

    @property
    def in_training(self) -> tuple[Row, ...]:
        """What acts in training only, and is no array."""
        cells = [own.cell for ways in self.recurrent for own in ways]
        found = dict.fromkeys(kind for cell in cells for kind in _unwrapped(cell)[1])
        said = (IN_TRAINING[kind] for kind in found)
        rows = [Row(f"({name})", "in training only: not stored", at, False) for name, at in said]
        if any(self.dropout):
            rows.append(
                Row("(dropout)", "of what layers read or return, in training only", "§10.2", False)
            )
        return tuple(rows)


def pieces_of(where: str, layer: Layer | Imported | Pieces) -> Pieces:
    """A layer taken apart, if it is not yet.

    Raises
    ------
    ArgumentError
        It is no recurrent layer, in one or two directions, nor a stack of such layers.
    """
    if isinstance(layer, Pieces):
        return layer
    own = layer.layer if isinstance(layer, Imported) else layer
    recurrent, how = cells_of(where, own)
    return Pieces(own, recurrent, {**how, "return_sequences": recurrent[-1][0].return_sequences})


def part_for(
    layer: Layer | Imported | Pieces, layout: str = "onnx", *, where: str = "part_for"
) -> RecurrentPart:
    """The description of a layer that `write` takes, to be read with the arrays that it gives.

    Parameters
    ----------
    layer : Layer, Imported or Pieces
        A recurrent layer, in one or two directions, or a stack of them.
    layout : str
        The name of the layout of the arrays.
    where : str
        The function that asks, for its errors.

    Raises
    ------
    ArgumentError
        The layers of a stack differ in more than their sizes.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import GRU
    >>> part = part_for(GRU(3, 2, rng=np.random.default_rng(0)), "keras")
    >>> part.attributes["reset"]
    'after'
    """
    pieces = pieces_of(where, layer)
    facts: list[dict[str, Any]] = []
    for weights in (own for ways in pieces.weights for own in ways):
        functions = {gate: weights.activation(gate) for gate in USUAL[weights.kind]}
        facts.append({"kind": weights.kind, "activations": functions})
        for name in ("clip", "coupled", "cell_clip", "projection_clip"):
            if getattr(weights, name):
                facts[-1][name] = getattr(weights, name)
        if weights.kind == "gru":
            facts[-1]["reset"] = weights.reset
    if any(other != facts[0] for other in facts):
        expected = "all layers and directions must compute with the same functions"
        fail(ArgumentError, where, expected, repr(pieces.layer), "Go on with them one by one.")
    attributes = {**facts[0], **pieces.how}
    return RecurrentPart(
        name="",
        kind=attributes.pop("kind"),
        input_size=pieces.weights[0][0].input_size,
        hidden_size=pieces.weights[-1][0].hidden_size,
        layers=len(pieces.weights),
        bidirectional=len(pieces.weights[0]) == 2,
        layout=layout,
        attributes=attributes,
    )


def _unwrapped(cell: Cell) -> tuple[Cell, list[type[Any]]]:
    """A cell without what acts in training only, and the kinds of that, the outermost first."""
    kinds: list[type[Any]] = []
    while isinstance(cell, tuple(IN_TRAINING)):
        kinds.append(next(kind for kind in IN_TRAINING if isinstance(cell, kind)))
        cell = cell.cell  # type: ignore[attr-defined]
    return cell, kinds
