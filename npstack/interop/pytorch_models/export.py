"""A PyTorch layer made of a layer of npstack, to go on with there: `to_module`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, fail
from npstack.interop.imported import Imported
from npstack.interop.pieces import part_for, pieces_of
from npstack.interop.pytorch_models.parts import import_torch
from npstack.interop.writing import arrays_for
from npstack.layers import Layer

CLASSES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}


def to_module(
    layer: Layer | Imported,
    layout: str = "pytorch",
    *,
    biases: str = "kept",
    dtype: DTypeLike | None = None,
) -> Any:
    """The PyTorch layer or cell that computes the same, batch-first, in training mode.

    Parameters
    ----------
    layer : Layer or Imported
        A recurrent layer, in one or two directions, or a stack of them.
    layout : {"pytorch", "pytorch-cell"}
        A layer, or a cell for one step.
    biases : {"kept", "input", "halves"}
        Of `write`.
    dtype : dtype, optional
        Of the parameters; by default that of the layer.

    Returns
    -------
    torch.nn.LSTM, GRU or RNN, or LSTMCell, GRUCell or RNNCell
        Its parameters are copies; no random number is drawn. It has the dropout of the stack, if
        that is the same between all layers and drawn anew at each step; no other dropout, nor
        zoneout. It returns every step, also if the layer returns the last.

    Raises
    ------
    CannotRepresent
        PyTorch has no such layer: with the reason, the clause, and the size of the error.
    MissingPackageError

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> layer = StackedLSTM(3, 4, 2, rng=np.random.default_rng(0))
    >>> to_module(layer)  # doctest: +SKIP
    LSTM(3, 4, num_layers=2, batch_first=True)
    """
    where = "to_module"
    layout = check_option(where, "layout", layout, ("pytorch", "pytorch-cell"))
    torch = import_torch(where)
    pieces = pieces_of(where, layer)
    arrays, _ = arrays_for(where, pieces, layout, biases=biases, dtype=dtype)
    part = part_for(pieces, layout, where=where)
    tensors = {name: torch.tensor(np.array(value)) for name, value in arrays.items()}
    options: dict[str, Any] = {"dtype": next(iter(tensors.values())).dtype}
    options["bias"] = any(name.startswith("bias") for name in arrays)
    if part.kind == "rnn":
        options["nonlinearity"] = part.attributes["activations"]["hidden"].name
    name = CLASSES[part.kind]
    if layout == "pytorch-cell":
        if part.layers > 1:
            expected, got = "a cell of PyTorch must be of one layer", f"{part.layers} layers"
            fail(ArgumentError, where, expected, got, "Leave layout out, or give them one by one.")
        name += "Cell"
    else:
        options |= {"num_layers": part.layers, "bidirectional": part.bidirectional}
        options["batch_first"] = True
        between = pieces.dropout[1:-1]
        rates = [[own.rate if own.each_step else 0.0 for own in gap] for gap in between]
        if rates and len(rates[0]) == 1 and all(own == rates[0] for own in rates):
            options["dropout"] = rates[0][0]
        if "weight_hr_l0" in arrays:
            options["proj_size"] = len(arrays["weight_hr_l0"])
            if options["proj_size"] >= part.hidden_size:
                expected = "a projection of PyTorch must be narrower than the cell"
                got = f"{options['proj_size']} of {part.hidden_size}"
                fail(ArgumentError, where, expected, got, "Multiply the outputs by R behind it.")
    sizes = part.input_size, part.hidden_size
    module = getattr(torch.nn, name)(*sizes, device="meta", **options).to_empty(device="cpu")
    module.load_state_dict(tensors)
    return module
