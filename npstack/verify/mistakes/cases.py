"""The cases that code is tried on, smallest first, and what a layer computes in one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npstack.cells.base import Cell
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.verify.mistakes.simulate import Program

Blocks = dict[str, Array]
Move = Callable[[Array], Array]


def still(value: Array) -> Array:
    """The value itself."""
    return value


@dataclasses.dataclass(frozen=True)
class Case:
    """A size, initial states, and what the loss sees.

    Attributes
    ----------
    steps, batch : int
        T and B.
    given : bool
        Whether the initial states are given, or zero.
    loss : str
        ``"h"`` every output, ``"last"`` the last output, ``"c"`` the final cell state, ``"all"``
        every output and the final states.
    masked : bool
        Whether some steps are masked.
    own : bool
        Whether the parameters (and the input, if there is one) are the user's, or drawn.
    """

    steps: int
    batch: int
    given: bool = True
    loss: str = "all"
    masked: bool = False
    own: bool = False

    def __str__(self) -> str:
        loss = {
            "h": "dh alone" if self.steps == 1 else "dh of every step",
            "last": "dh of the last step alone",
            "c": "dc alone",
            "all": "every output and the final states",
        }[self.loss]
        states = "initial states given" if self.given else "initial states zero"
        extra = [", some steps masked"] * self.masked + [", your own parameters"] * self.own
        return f"T = {self.steps}, B = {self.batch}, {states}, {loss}{''.join(extra)}"


class Point(NamedTuple):
    """The arrays of a case; states and gradients of final states are dictionaries by field."""

    case: Case
    params: Params
    x: Array
    states: dict[str, Array]
    mask: Array | None
    doutputs: Array
    dfinal: dict[str, Array]


class Numbers(NamedTuple):
    """What a layer computes at a point: named arrays, and those that it does not return."""

    outputs: dict[str, Array]
    gradients: dict[str, Array]
    missing: tuple[str, ...] = ()


def cases(steps: int, batch: int, fields: tuple[str, ...], x_given: bool) -> Iterator[Case]:
    """Every case within a size, smallest first.

    Examples
    --------
    >>> for case in cases(2, 1, ("h",), False):
    ...     print(case)
    T = 1, B = 1, initial states zero, dh alone
    T = 1, B = 1, initial states given, dh alone
    T = 1, B = 1, initial states given, every output and the final states
    T = 2, B = 1, initial states zero, dh of the last step alone
    T = 2, B = 1, initial states given, every output and the final states
    T = 2, B = 1, initial states zero, dh of every step
    T = 2, B = 1, initial states given, every output and the final states, some steps masked
    T = 2, B = 1, initial states given, every output and the final states, your own parameters
    """
    given = bool(fields)
    found = [Case(1, 1, False, "h"), Case(1, 1, given, "h")]
    if "c" in fields:
        found.append(Case(1, 1, given, "c"))
    found.append(Case(1, batch, given))
    if steps > 1:
        found += [Case(2, 1, False, "last"), Case(2, 1, given), Case(2, batch, given)]
        found.append(Case(steps, batch, False, "h"))
        found.append(Case(steps, batch, given))
        found.append(Case(steps, batch, given, masked=True))
    found.append(Case(steps, batch, given, own=True))
    if x_given:
        found.append(Case(steps, batch, False, "h", own=True))
    yield from dict.fromkeys(found)


def drawn(
    case: Case,
    program: Program,
    fields: tuple[str, ...],
    own: Params,
    x: Array | None,
    rng: np.random.Generator,
    ends: tuple[str, ...] | None = None,
) -> Point:
    """Draw the arrays of a case; the loss sees the final states in ``ends``, all if it is None."""
    (D, H), dtype = program.sizes, program.dtype
    B, T = case.batch, case.steps
    bound = H**-0.5

    def uniform(shape: tuple[int, ...], bound: float) -> Array:
        return rng.uniform(-bound, bound, shape).astype(dtype)

    params = own if case.own else {n: uniform(v.shape, max(bound, 0.5)) for n, v in own.items()}
    read = rng.standard_normal((B, T, D)).astype(dtype)
    if case.own and x is not None:
        read = x[:B, :T]
    state = program.cell.state_sizes._fields
    zeros = {field: np.zeros((B, H), dtype) for field in state}
    states = zeros | {f: uniform((B, H), 1.0) for f in fields if case.given}
    mask = None
    if case.masked:
        mask = rng.random((B, T)) < 0.6
        mask[0, 0], mask[0, -1] = False, True
    keeps = program.over_time["return_sequences"]
    doutputs = rng.standard_normal((B, T, H) if keeps else (B, H)).astype(dtype)
    if case.loss == "c":
        doutputs *= 0
    if case.loss == "last" and keeps:
        doutputs[:, :-1] = 0
    ends = fields if ends is None else ends
    seen = {"all": ends, "c": ("c",)}.get(case.loss, ())
    dfinal = zeros | {f: rng.standard_normal((B, H)).astype(dtype) for f in seen}
    return Point(case, params, read, states, mask, doutputs, dfinal)


def forward_of(layer: Layer, point: Point, moved: Move = still) -> Any:
    """The tape of a layer at a point, after ``moved`` has been applied to all that it reads.

    A parameter that the point does not have is zero: the second bias of a GRU with one bias.
    """
    shapes = {name: value.shape for name, value in layer.params.items()}
    zeros = {name: np.zeros(s, point.x.dtype) for name, s in shapes.items()}
    params = {name: moved(point.params.get(name, zero)) for name, zero in zeros.items()}
    states = mapped(moved, state_of(layer, point.states))
    given = states if layer.recurrent else None
    return layer.forward(moved(point.x), given, mask=point.mask, params=params)


def backward_of(
    layer: Layer, point: Point, tape: Any, moved: Move = still
) -> dict[str, Array | None]:
    """The gradients of a layer by name; None for one that it does not return."""
    dfinal = mapped(moved, state_of(layer, point.dfinal))
    grads = layer.backward(tape, moved(point.doutputs), dfinal if layer.recurrent else None)
    found: dict[str, Array | None] = {name: grads.params.get(name) for name in point.params}
    dinitial = {f"{field}0": getattr(grads.initial_states, field) for field in dfinal._fields}
    return {**found, "x": grads.x, **dinitial}


def outputs_of(layer: Layer, tape: Any) -> dict[str, Array]:
    """The outputs and the final states on a tape."""
    finals = {f"final {f}": getattr(tape.final, f) for f in state_type(layer)._fields}
    return {"h": tape.outputs, **finals}


def moving(rng: np.random.Generator) -> Move:
    """A function that moves every number by a unit of rounding, up or down, or leaves it."""

    def moved(value: Array) -> Array:
        eps = np.finfo(value.dtype).eps
        steps = (eps * rng.choice([-1, 0, 1], value.shape)).astype(value.dtype)
        return np.asarray(value + value * steps)

    return moved


def run(layer: Layer, point: Point, rng: np.random.Generator | None = None) -> Numbers:
    """The numbers of a layer; with ``rng``, all that it reads is moved by rounding."""
    moved = still if rng is None else moving(rng)
    tape = forward_of(layer, point, moved)
    outputs = outputs_of(layer, tape)
    if rng is not None:
        kept = {"gates": mapped(moved, tape.gates), "states": mapped(moved, tape.states)}
        tape = dataclasses.replace(tape, **kept)
    found = backward_of(layer, point, tape, moved)
    missing = tuple(name for name, value in found.items() if value is None)
    return Numbers(outputs, {n: v for n, v in found.items() if v is not None}, missing)


def state_type(layer: Any) -> Any:
    """The NamedTuple of a layer's state; it has no fields if no state is passed in or out."""
    return type(layer.cell.state_sizes)


def ends_of(layer: Any) -> tuple[str, ...]:
    """The final states whose gradients the layer's own code takes.

    For functions that take none, the gradient of the last ``h`` would be added to ``dhs``, where a
    loop that leaves out a step would lose it.
    """
    fields: tuple[str, ...] = state_type(layer)._fields
    passed = getattr(layer.cell, "passed", fields)
    return tuple(field for field in fields if field in passed)


def state_of(layer: Any, values: Mapping[str, Array]) -> Any:
    """Arrays by field as a state of a layer, which may have fewer fields."""
    kind = state_type(layer)
    return kind(**{field: values[field] for field in kind._fields})


def split(cell: Cell, arrays: Mapping[str, Array]) -> Blocks:
    """The blocks that are compared: parameters by gate, sequences by step.

    ``W.f`` is the forget gate's part of W, ``x[0]`` the first step of x (``x``, if it is the only
    one).
    """
    found: Blocks = {}
    for name, value in arrays.items():
        gates = cell.gate_blocks(name)
        if len(gates) > 1:
            parts = {f"{name}.{cell.letters[gate]}": value[at] for gate, at in gates.items()}
        elif value.ndim == 3 and value.shape[1] == 1:
            parts = {name: value[:, 0]}
        elif value.ndim == 3:
            parts = {f"{name}[{t}]": value[:, t] for t in range(value.shape[1])}
        else:
            parts = {name: value}
        found |= parts
    return found


def joined(names: tuple[str, ...], every: tuple[str, ...]) -> str:
    """Names of blocks in short: ``x`` if all of its steps are among them.

    Examples
    --------
    >>> joined(("W.f", "x[0]", "x[1]"), ("W.i", "W.f", "x[0]", "x[1]"))
    'W.f, x'
    """
    short: dict[str, None] = {}
    for name in names:
        whole = name.split("[")[0].split(".")[0]
        parts = {other for other in every if other.split("[")[0].split(".")[0] == whole}
        short[whole if parts <= set(names) else name] = None
    return ", ".join(short)
