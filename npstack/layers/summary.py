"""The table that `Layer.summary` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core import params as names
from npstack.core.arguments import check_size
from npstack.core.tape import Tape
from npstack.layers.twins import Engine
from npstack.layers.walk import walk


def summary(layer: Any, batch_size: int, time_steps: int) -> str:
    """Layers, output shapes, parameter counts, and the memory that a tape will take.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(3, [8, 4], rng=np.random.default_rng(0))
    >>> print(stack.summary(batch_size=2, time_steps=5))
    layer        output shape  parameters
    0.LSTM       (2, 5, 8)            384 = 4H(D + H + 1), D=3, H=8
    1.LSTM       (2, 5, 4)            208 = 4H(D + H + 1), D=8, H=4
    StackedLSTM  (2, 5, 4)            592
    tape for B=2, T=5: 7,738 bytes
    """
    batch_size = check_size("summary", "batch_size", batch_size)
    time_steps = check_size("summary", "time_steps", time_steps)
    tapes = [_tape(layer, rows, steps) for rows in (2, 3) for steps in (2, 3)]
    size = _extrapolated([tape.nbytes for tape in tapes], batch_size - 2, time_steps - 2)
    rows = [("layer", "output shape", "parameters", "")]
    visits = list(zip(*(walk(layer, tape) for tape in tapes[:2]), strict=True))
    leaves = [(here, longer) for here, longer in visits if here.leaf]
    for here, longer in [*leaves, *visits[: len(leaves) > 1]]:  # a single leaf needs no total
        part, outputs = here.layer, here.tape.outputs
        shape = (batch_size, *outputs.shape[1:])
        if outputs.shape != longer.tape.outputs.shape:  # it has the time axis of the input
            shape = (batch_size, time_steps, *outputs.shape[2:])
        formula = f"= {part.parameter_formula}" if part.parameter_formula else ""
        rows.append((here.name, str(shape), f"{names.count(part.params):,}", formula))
    wide = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}} {d}".rstrip() for a, b, c, d in rows]
    lines.append(f"tape for B={batch_size}, T={time_steps}: {size:,} bytes")
    ran, budget = tapes[0].engine.kind, layer.engine.budget
    if ran != "readable":
        lines[-1] += f" ({ran})"
        if budget is not None and size > budget:
            lines[-1] += f"; fewer, in blocks of steps, by the budget of {budget:,}"
    return "\n".join(lines)


def _tape(layer: Any, rows: int, steps: int) -> Tape:
    """A small tape of training, which also holds the draws of dropout, without a budget."""
    kind = "fused" if layer.engine.kind == "auto" else layer.engine.kind  # of one kind at any size
    x, rng = layer.blank_input(steps, rows), np.random.default_rng(0)
    tape: Tape = layer.forward(x, rng=rng, engine=Engine(kind))
    return tape


def _extrapolated(sizes: list[int], rows: int, steps: int) -> int:
    """The bytes with more rows and steps than two: every array is affine in B and in T."""
    small, longer, wider, both = sizes
    more = both - wider - longer + small
    return small + rows * (wider - small) + steps * (longer - small) + rows * steps * more
