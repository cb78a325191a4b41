"""The table that `Layer.summary` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core import params as names
from npstack.core.arguments import check_size
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
    rng = np.random.default_rng(0)  # a tape of training, which also holds the draws of dropout
    tapes = [layer.forward(layer.blank_input(steps), rng=rng) for steps in (1, 2)]
    one, two = (tape.nbytes for tape in tapes)  # every array is linear in B and affine in T
    size = batch_size * (one + (time_steps - 1) * (two - one))
    rows = [("layer", "output shape", "parameters", "")]
    visits = list(zip(*(walk(layer, tape) for tape in tapes), strict=True))
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
    return "\n".join(lines)
