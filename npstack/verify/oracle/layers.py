"""Layers: one row of the batch through layers that are made of cells.

Layers are connected by a `Signal`. Every layer takes one and returns one, and with it the final
states of its cells; at masked steps it is zero, before and after a layer. A layer with
children has a list of parameters, one entry per child. States are one flat list for a whole
model: one per cell, in the order in which the model is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

from npstack.verify.oracle.activations import activation
from npstack.verify.oracle.cells import (
    CELLS,
    Params,
    State,
    at_step,
    beginning,
    by_gate,
    check_options,
    dropped,
    product,
    zoned_out,
)
from npstack.verify.oracle.dual import Dual, Vector


@dataclass(frozen=True)
class Layer:
    """The description of a layer, without its parameters.

    ``kind`` is a name in one of three tables, and the fields that follow are read by some kinds:

    ====================  ==========================================================================
    `CELLS`               a cell over time: ``last``; ``options`` (see `cells`); ``rate`` and
                          ``kept``, which are recurrent dropout here; ``zoneout``
    ``dense``             ``activation``
    ``embedding``
    ``dropout``           ``rate``, ``kept``
    ``repeat``            one vector at each of ``steps`` steps
    ``sequential``        its children, each on top of the one before
    ``residual``          its input plus the output of its children, one on top of the other
    ``reversed``          its children read time from the end; ``order``. Masks of dropout and of
                          zoneout are in the order in which steps are read
    ``parallel``          its children side by side, all reading the same; ``merge``
    ``bidirectional``     the first child reads time from the beginning, the second from the end;
                          ``merge``
    ``skip``              its children, one on top of the other; with ``skip_inputs`` all above the
                          first read ``[h_below, x]``, with ``skip_outputs`` the outputs of all are
                          returned, bottom first; ``last`` with cells and ``skip_outputs`` only
    ``time_distributed``  its children read every step separately. In their masks of dropout, step t
                          of sequence b (of T steps) is row ``b T + t``
    ====================  ==========================================================================

    Examples
    --------
    >>> half = Layer("lstm", options={"coupled": True})
    >>> Layer("bidirectional", children=(half, half), merge="sum").children[1].options
    {'coupled': True}
    """

    kind: str
    last: bool = False  # of a cell: return the last hidden state instead of all
    activation: Any = "linear"  # of a dense layer
    rate: float = 0.0  # of dropout
    kept: Any = None  # of dropout: the numbers that stay, [b][t][k], or [b][k] for all steps
    # Of a cell also a tuple of such, one for each gate as they are packed.
    options: dict[str, Any] = field(default_factory=dict)  # of a cell, see its step
    zoneout: dict[str, Any] = field(default_factory=dict)  # numbers that keep their old value, as
    # ``kept``, by field of the state: {"h": [b][t][j], "c": [b][t][j]}
    children: tuple[Layer, ...] = ()
    merge: str = "concat"  # see `MERGES`
    order: str = "time"  # of a reversed layer's outputs; or "as_read"
    steps: int = 0  # of repeat
    skip_inputs: bool = False
    skip_outputs: bool = False


@dataclass(frozen=True)
class Signal:
    """The input and output of a layer, for one row of the batch."""

    values: Any  # [t][k]; [k] without a time axis
    valid: Sequence[bool] | None  # valid steps; None without a time axis
    groups: Sequence[int] = ()  # the number of the sequence within the row, for each step
    ends: tuple[int, int] = (0, 0)  # the first and the last of these, in the order of reading


Result = tuple[Signal, list[State]]
States = Iterator[State | None]  # every cell takes the next one; None: none is given


def forward(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """Any layer."""
    if layer.kind in CELLS:
        return cell_over_time(layer, params, x, states, row)
    if layer.kind in STEPWISE:
        return stepwise(layer, params, x, row), []
    return COMPOSITES[layer.kind](layer, params, x, states, row)


def chain(layers: Sequence[Layer], params: Any, x: Signal, states: States, row: int) -> Result:
    """Each layer on top of the one before."""
    finals: list[State] = []
    for layer, own in zip(layers, params, strict=True):
        x, found = forward(layer, own, x, states, row)
        finals += found
    return x, finals


def cells_in(layers: Sequence[Layer]) -> int:
    """How many states a model has."""
    count = 0
    for layer in layers:
        if layer.kind in CELLS:
            count += 1
        elif layer.kind != "time_distributed":
            count += cells_in(layer.children)
    return count


# ---- a cell over time --------------------------------------------------------------------------


def cell_over_time(layer: Layer, params: Params, x: Signal, states: States, row: int) -> Result:
    """Masked steps hold the state and give zeros; with every new group the state is reset."""
    if x.valid is None:
        raise ValueError(f"{layer.kind} needs a time axis")
    check_options(layer.kind, layer.options)
    step, fields, _ = CELLS[layer.kind]
    anew = beginning(params, fields)
    given = next(states)
    state = anew if given is None else given
    outputs, current = [], x.ends[0]
    masks = by_gate(params, layer.kept)
    for t, (vector, valid, group) in enumerate(zip(x.values, x.valid, x.groups, strict=True)):
        if not valid:
            outputs.append([0.0] * len(state["h"]))
            continue
        before = state if group == current else anew
        current = group
        seen = [dropped(before["h"], layer.rate, at_step(kept, row, t)) for kept in masks]
        after = step(params, vector, seen, before, layer.options)
        state = {
            name: zoned_out(before[name], after[name], at_step(layer.zoneout.get(name), row, t))
            for name in fields
        }
        outputs.append(state["h"])
    if layer.last:
        return Signal(state["h"], None), [state]
    return replace(x, values=outputs), [state]


# ---- functions of one vector -------------------------------------------------------------------


def dense(layer: Layer, params: Params, x: Vector, row: int, t: int | None) -> Vector:
    """``activation(x W + b)``."""
    act = activation(layer.activation)
    return [act(product(x, params["W"], j, b)) for j, b in enumerate(params["b"])]


def embedding(layer: Layer, params: Params, x: int, row: int, t: int | None) -> Vector:
    """A row of the table."""
    vector: Vector = params["W"][x]
    return vector


def dropout(layer: Layer, params: Params, x: Vector, row: int, t: int | None) -> Vector:
    """Numbers that are kept are divided by ``1 - rate``."""
    return dropped(x, layer.rate, at_step(layer.kept, row, t))


STEPWISE: dict[str, Callable[..., Vector]] = {
    "dense": dense,
    "embedding": embedding,
    "dropout": dropout,
}


def stepwise(layer: Layer, params: Params, x: Signal, row: int) -> Signal:
    """A function of one vector, at every step if there are steps."""
    f = STEPWISE[layer.kind]
    if x.valid is None:
        return Signal(f(layer, params, x.values, row, None), None)
    made = [f(layer, params, vector, row, t) for t, vector in enumerate(x.values)]
    return replace(x, values=zero_where_masked(made, x.valid))


def zero_where_masked(values: Sequence[Any], valid: Sequence[bool]) -> list[Any]:
    """Zeros, of the same size, at masked steps."""
    return [v if ok else zeros(v) for v, ok in zip(values, valid, strict=True)]


def zeros(tree: Any) -> Any:
    """Zeros for all numbers of a nesting; a whole number (of an embedding) becomes 0."""
    if isinstance(tree, list | tuple):
        return [zeros(branch) for branch in tree]
    return 0.0 if isinstance(tree, float | Dual) else 0


# ---- signals side by side ----------------------------------------------------------------------

# From the vectors of all branches, at one step, to one vector ("none": to the list of them).
MERGES: dict[str, Callable[[Sequence[Vector]], Any]] = {
    "concat": lambda vectors: [number for vector in vectors for number in vector],
    "sum": lambda vectors: [sum(fellows, 0.0) for fellows in zip(*vectors, strict=True)],
    "mul": lambda vectors: [math.prod(fellows) for fellows in zip(*vectors, strict=True)],
    "ave": lambda vectors: [
        sum(fellows, 0.0) * (1.0 / len(fellows)) for fellows in zip(*vectors, strict=True)
    ],
    "none": list,
}


def join(branches: Sequence[Signal], merge: str) -> Signal:
    """Several signals become one, step by step."""
    first = branches[0]
    if any(branch.valid != first.valid for branch in branches):
        raise ValueError("branches differ in their steps: has one of them last, and another not?")
    merged = MERGES[merge]
    if first.valid is None:
        return Signal(merged([branch.values for branch in branches]), None)
    steps = zip(*(branch.values for branch in branches), strict=True)
    return replace(first, values=[merged(vectors) for vectors in steps])


# ---- layers made of layers ---------------------------------------------------------------------


def sequential(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """The children, each on top of the one before."""
    return chain(layer.children, params, x, states, row)


def residual(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """``x + f(x)``."""
    made, finals = chain(layer.children, params, x, states, row)
    return join([x, made], "sum"), finals


def flipped(x: Signal) -> Signal:
    """The whole time axis from the end, with masked steps; unchanged without a time axis."""
    if x.valid is None:
        return x
    return Signal(x.values[::-1], x.valid[::-1], x.groups[::-1], x.ends[::-1])


def reversed_time(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """The children read from the end; their outputs are put in the order of time, or not.

    With ``as_read``, mask and groups are reversed with their steps. A step stays in its group, so
    the step that begins a new group is then the one before a reset.
    """
    if layer.order not in ("time", "as_read"):
        raise ValueError(f"order must be time or as_read, got {layer.order}")
    made, finals = chain(layer.children, params, flipped(x), states, row)
    return (flipped(made) if layer.order == "time" else made), finals


def parallel(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """All children read the same input; their outputs are joined."""
    branches, finals = [], []
    for child, own in zip(layer.children, params, strict=True):
        made, found = forward(child, own, x, states, row)
        branches.append(made)
        finals += found
    return join(branches, layer.merge), finals


def bidirectional(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """Two children side by side, the second of them reversed."""
    ahead, back = layer.children
    both = (ahead, Layer("reversed", children=(back,)))
    own = (params[0], [params[1]])
    return parallel(Layer("parallel", children=both, merge=layer.merge), own, x, states, row)


def skip(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """A stack whose layers also read its input, or whose outputs are all returned, or both."""
    outputs: list[Signal] = []
    finals: list[State] = []
    for child, own in zip(layer.children, params, strict=True):
        if not outputs:
            below = x
        elif layer.skip_inputs:
            below = join([outputs[-1], x], "concat")
        else:
            below = outputs[-1]
        made, found = forward(child, own, below, states, row)
        outputs.append(made)
        finals += found
    if layer.last:
        if not layer.skip_outputs or any(child.kind not in CELLS for child in layer.children):
            raise ValueError("last needs skip_outputs, and children that are cells")
        return Signal(MERGES["concat"]([final["h"] for final in finals]), None), finals
    return (join(outputs, "concat") if layer.skip_outputs else outputs[-1]), finals


def repeat_vector(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """One vector becomes a sequence of it, all steps valid."""
    if x.valid is not None:
        raise ValueError("repeat takes one vector, not a sequence")
    T = layer.steps
    return steady([x.values] * T), []


def time_distributed(layer: Layer, params: Any, x: Signal, states: States, row: int) -> Result:
    """The children read every step separately, and no state passes from one to the next."""
    if x.valid is None:
        raise ValueError("time_distributed needs a time axis")
    T, made = len(x.values), []
    for t, value in enumerate(x.values):
        result, _ = chain(layer.children, params, one_step(value), repeat(None), row * T + t)
        made.append(result.values)
    return replace(x, values=zero_where_masked(made, x.valid)), []


def one_step(value: Any) -> Signal:
    """A step as a separate input: a vector, a symbol, or a sequence, of vectors or symbols."""
    if isinstance(value, list) and not isinstance(value[0], float | Dual):
        return steady(value)
    return Signal(value, None)


def steady(values: Any) -> Signal:
    """A sequence of one thing, of which all steps are valid."""
    return Signal(values, [True] * len(values), [0] * len(values))


COMPOSITES: dict[str, Callable[..., Result]] = {
    "sequential": sequential,
    "residual": residual,
    "reversed": reversed_time,
    "parallel": parallel,
    "bidirectional": bidirectional,
    "skip": skip,
    "repeat": repeat_vector,
    "time_distributed": time_distributed,
}
