"""What the arrays of a layer do not say, for frameworks in which it goes on: `part_for`."""

from __future__ import annotations

from typing import Any

from npstack.core.errors import ArgumentError, fail
from npstack.interop.imported import Imported
from npstack.interop.parts import RecurrentPart
from npstack.interop.pieces import pieces_of
from npstack.layers import Layer


def part_for(layer: Layer | Imported, layout: str = "onnx") -> RecurrentPart:
    """The description of a layer that `write` takes, to be read with the arrays that it gives.

    Parameters
    ----------
    layer : Layer or Imported
        A recurrent layer, in one or two directions, or a stack of them.
    layout : str
        The name of the layout of the arrays.

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
    where = "part_for"
    pieces = pieces_of(where, layer)
    facts: list[dict[str, Any]] = []
    for weights in (own for ways in pieces.weights for own in ways):
        facts.append({"kind": weights.kind, "activations": dict(weights.activations)})
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
