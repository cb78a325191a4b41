"""A batch is a loop over its rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, repeat
from typing import Any

from npstack.verify.oracle.cells import State
from npstack.verify.oracle.layers import Layer, Signal, cells_in, chain, zero_where_masked


def run(
    model: Sequence[Layer],
    params: Sequence[Any],
    x: Any,
    states: Sequence[State | None] | None = None,
    mask: Sequence[Sequence[bool]] | None = None,
    resets: Sequence[Sequence[bool]] | None = None,
) -> tuple[Any, list[State]]:
    """Run a model on a batch.

    Parameters
    ----------
    model, params : list of Layer, list
        Bottom first. The parameters of a layer are a dictionary of nested lists (an empty one for
        dropout), those of a layer with children a list, one entry per child.
    x : ``[b][t][k]``, or whole numbers ``[b][t]`` for an embedding
    states : list of dict, optional
        One per cell, in the order in which the model is written, at any depth (except inside
        ``time_distributed``): ``{"h": [b][j], "c": [b][j]}``, or None for the learned state
        (parameters ``initial.h``, ``initial.c``) or zeros.
    mask : ``[b][t]`` booleans, optional
        True at valid steps; other values are never read.
    resets : ``[b][t]`` booleans, optional
        True at a valid step before which all states are reset to the learned state or zeros.

    Returns
    -------
    outputs : ``[b][t][k]``, or ``[b][k]`` after a layer with ``last``
    finals : list of dict
        Like ``states``.

    Examples
    --------
    >>> model = [Layer("lstm", last=True)]
    >>> params = [{"W": [[0.0] * 4], "U": [[0.0] * 4], "b": [0.0] * 4}]
    >>> outputs, finals = run(model, params, [[[1.0], [2.0]]], [{"h": [[0.0]], "c": [[4.0]]}])
    >>> round(outputs[0][0], 6), finals[0]["c"]
    (0.380797, [[1.0]])

    Two directions, joined by their sum:

    >>> adder = Layer("rnn", options={"activation": "linear"})
    >>> both = Layer("bidirectional", children=(adder, adder), merge="sum")
    >>> own = {"W": [[1.0]], "U": [[1.0]], "b": [0.0]}
    >>> run([both], [[own, own]], [[[1.0], [2.0], [4.0]]])[0]
    [[[8.0], [9.0], [11.0]]]
    """
    count = cells_in(model)
    if states is not None and len(states) != count:
        raise ValueError(f"{count} cells need as many states, got {len(states)}")
    outputs, finals = [], []
    for row, sequence in enumerate(x):
        valid = [True] * len(sequence) if mask is None else mask[row]
        anew = [False] * len(sequence) if resets is None else resets[row]
        groups = list(accumulate(int(a and v) for a, v in zip(anew, valid, strict=True)))
        signal = Signal(zero_where_masked(sequence, valid), valid, groups, (0, groups[-1]))
        own = repeat(None) if states is None else iter(of_row(states, row))
        result, final = chain(model, params, signal, own, row)
        outputs.append(result.values)
        finals.append(final)
    by_cell = [{name: [f[k][name] for f in finals] for name in finals[0][k]} for k in range(count)]
    return outputs, by_cell


def of_row(states: Sequence[Any], row: int) -> list[State | None]:
    """The states of one row of the batch."""
    return [
        None if state is None else {name: batch[row] for name, batch in state.items()}
        for state in states
    ]
