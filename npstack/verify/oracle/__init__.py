"""The scalar oracle: the equations once more, with Python floats and loops, sharing no code.

Nothing here is imported but `math` and the language's own modules. There is no array, no
broadcasting and no hand-written backward pass: numbers are added and multiplied one by one, and
derivatives come from *dual numbers* (`dual`), which carry along with every value its slopes by all
inputs. So a gradient needs nothing but the forward pass: run it on dual numbers and read the slopes
off the result. This is far too slow for training and hard to get wrong, which is what a judge
should be.

Everything goes in and comes out as nested lists. One sequence is computed at a time; a batch is a
loop over its members. Read it in this order:

=============  ==================================================================================
`dual`         numbers that carry their slopes; `differentiate`
`activations`  value and slope of every activation
`cells`        one step of one sequence, unit by unit: the equations
`layers`       what is made of them: over time, reversed, side by side, on top of one another
`batch`        `run`, which everybody calls
=============  ==================================================================================

To add a cell, write its step and enter it in `CELLS`.

Examples
--------
The last hidden state of an LSTM, and its slope by the bias of the output gate:

>>> model = [Layer("lstm", last=True)]
>>> params = [{"W": [[1.0] * 4], "U": [[0.0] * 4], "b": [0.0] * 4}]
>>> def last(given):
...     outputs, finals = run(model, given, [[[1.0], [2.0]]])
...     return outputs[0][0]
>>> value, slopes = differentiate(last, params)
>>> round(value, 6), round(slopes[0]["b"][3], 6)
(0.767664, 0.091508)
"""

from npstack.verify.oracle.activations import ACTIVATIONS
from npstack.verify.oracle.batch import run
from npstack.verify.oracle.cells import CELLS
from npstack.verify.oracle.dual import (
    Dual,
    differentiate,
    mapped,
    mean_squared_error,
    numbers,
    weighted_sum,
)
from npstack.verify.oracle.layers import Layer

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "Dual",
    "Layer",
    "differentiate",
    "mapped",
    "mean_squared_error",
    "numbers",
    "run",
    "weighted_sum",
]
