"""The scalar oracle: the equations again, with Python floats and loops, sharing no code.

It imports only modules of the standard library. There are no arrays, no broadcasting and no
hand-written backward pass: numbers are added and multiplied one by one, and derivatives come from
*dual numbers* (`dual`), which store with each value its derivatives by all inputs. So a gradient
needs only the forward pass, run on dual numbers. This is far too slow for training, but simple
enough to be a reliable reference.

All inputs and results are nested lists. One sequence is computed at a time; a batch is a
loop over its members. Read it in this order:

=============  ==================================================================================
`dual`         numbers with their derivatives; `differentiate`
`activations`  value and derivative of every activation
`cells`        one step of one sequence, unit by unit: the equations
`layers`       layers of them: over time, reversed, side by side, on top of each other
`batch`        `run`, the function to call
=============  ==================================================================================

To add a cell, write its step and add it to `CELLS`.

Examples
--------
The last hidden state of an LSTM, and its derivative by the bias of the output gate:

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
