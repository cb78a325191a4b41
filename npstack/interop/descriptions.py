"""What the arrays of a layer do not say, for frameworks in which it goes on: `part_for`."""

from __future__ import annotations

from typing import Any

from npstack.cells.recurrent_dropout import RecurrentDropout
from npstack.core.errors import ArgumentError, fail
from npstack.interop.cell_weights import kind_of_cell, weights_of
from npstack.interop.imported import Imported
from npstack.interop.parts import RecurrentPart
from npstack.interop.stacks import cells_of
from npstack.layers import Layer


def part_for(layer: Layer | Imported, layout: str = "onnx") -> RecurrentPart:
    """The description of a layer, to be given with the arrays of `write`.

    Parameters
    ----------
    layer : Layer or Imported
        A recurrent layer, in one or two directions, or a stack of them.
    layout : str
        The name of the layout of the arrays.

    Raises
    ------
    ArgumentError
        The layers of a stack differ in more than their sizes, or it is no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import GRU
    >>> part = part_for(GRU(3, 2, rng=np.random.default_rng(0)), "keras")
    >>> print(part)
    (the model): gru 3 -> 2, keras
    >>> part.attributes["reset"]
    'after'
    """
    where = "part_for"
    own = layer.layer if isinstance(layer, Imported) else layer
    recurrent, how = cells_of(where, own)
    first, last = recurrent[0][0], recurrent[-1][0]
    facts: list[dict[str, Any]] = []
    for each in [way for ways in recurrent for way in ways]:
        cell = each.cell
        while isinstance(cell, RecurrentDropout):  # in training only
            cell = cell.cell
        kind = kind_of_cell(cell)
        if kind is None:
            advice = "Give the framework a cell of your own with these parameters."
            fail(ArgumentError, where, "it must be an LSTM, a GRU or an RNN", repr(cell), advice)
        weights = weights_of(cell, each.params)
        facts.append({"kind": kind, "activations": dict(weights.activations)})
        for name in ("clip", "coupled", "cell_clip", "projection_clip"):
            if getattr(weights, name):
                facts[-1][name] = getattr(weights, name)
        if kind == "gru":
            facts[-1]["reset"] = weights.reset
    if any(other != facts[0] for other in facts):
        expected = "all layers and directions must compute with the same functions"
        fail(ArgumentError, where, expected, repr(own), "Go on with them one by one.")
    attributes = {**facts[0], **how, "return_sequences": last.return_sequences}
    return RecurrentPart(
        name="",
        kind=attributes.pop("kind"),
        input_size=first.cell.input_size,
        hidden_size=last.cell.hidden_size,
        layers=len(recurrent),
        bidirectional=len(recurrent[0]) == 2,
        layout=layout,
        attributes=attributes,
    )
