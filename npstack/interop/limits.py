"""What a layout has no place for, of a cell and of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from npstack.core.activations import Activation
from npstack.interop.layout import USUAL, Column, Layout, activation_of, with_default
from npstack.interop.pieces import Pieces
from npstack.interop.refusals import Refusal
from npstack.interop.weights import Weights, complementary


class Lack(NamedTuple):
    """What a layout has no place for, in a cell; ``other``: the weights without it, if any."""

    reason: str
    got: str
    clause: str
    other: Weights | None


def cell_refusals(
    layout: Layout, column: Column, pieces: Pieces, layer: int, direction: int
) -> Iterator[Refusal]:
    """What a layout has no place for in one cell of a layer."""
    at = f"layer {layer}" + (", backward" if direction else "")
    for lack in _of_cell(layout, column, pieces.weights[layer][direction]):
        without = partial(pieces.with_weights, layer, direction, lack.other)
        yield Refusal(lack.reason, f"{lack.got} in {at}", lack.clause, "", without)


def _of_cell(layout: Layout, column: Column, own: Weights) -> Iterator[Lack]:
    """What a column has no place for in a cell."""
    name = layout.name
    roles, has = column.roles, column.has
    if own.has("P") and "P" not in roles:
        yield Lack(f"{name} has no peepholes", "Peepholes", "§3.3", own.without("P"))
    if own.has("R") and "R" not in roles:
        yield Lack(f"{name} has no projection", "a Projection", "§3.5", None)
    clips = (
        ("clip", "pre-activation clip", "§4.1"),
        ("cell_clip", "clip of the cell state", "§4.2"),
        ("projection_clip", "clip of the projected state", "§4.3"),
    )
    for field, what, clause in clips:
        limit = getattr(own, field)
        if limit is not None and field not in has:
            nothing: dict[str, Any] = {field: None}
            other = replace(own, **nothing)
            yield Lack(f"{name} has no {what}", f"{field}={limit:g}", clause, other)
    if own.coupled and "coupled" not in has and not complementary(own.activation("input")):
        blocks = {
            **own.blocks,
            **{(r, "forget"): 0 * b for (r, g), b in own.blocks.items() if g == "input"},
        }
        other = replace(own, coupled=False, blocks=blocks)
        yield Lack(f"{name} has no coupled gates", "Coupled", "§3.4", other)
    if own.kind == "gru":
        yield from _gru(layout, column, own)
    yield from _activations(layout, column, own)


def _gru(layout: Layout, column: Column, own: Weights) -> Iterator[Lack]:
    """Its form, its inner bias, the meaning of its update gate."""
    if own.reset not in column.reset:
        clause = "§3.7" if own.reset == "after" else "§3.8"
        reason = f"{layout.name} has no GRU that resets {own.reset} the product"
        other = replace(own, reset=column.reset[0])
        yield Lack(reason, f"reset='{own.reset}'", clause, other)
    elif own.reset == "after" and not column.inner_bias:
        inner = own.blocks.get(("b_recurrent", "candidate"))
        if inner is not None and inner.any():
            without = {k: v for k, v in own.blocks.items() if k != ("b_recurrent", "candidate")}
            reason = f"{layout.name} has no bias inside the reset product"
            got = "b_recurrent of the candidate"
            yield Lack(reason, got, "§2.5", replace(own, blocks=without))
    if not column.keeps and not complementary(own.activation("update")):
        reason = f"in {layout.name} the update gate is the share that is replaced"
        got = f"an update gate with {own.activation('update')}, for which 1 - y(a) is not y(-a)"
        other = replace(own, activations={})
        yield Lack(reason, got, "§3.7", other)


def _activations(layout: Layout, column: Column, own: Weights) -> Iterator[Lack]:
    """Activations that a layout does not have, or that it has for several gates at once."""

    def made(values: Mapping[str, Any]) -> dict[str, Activation]:
        return {name: activation_of(value) for name, value in values.items()}

    mine = made({**USUAL[own.kind], **own.activations})
    if own.coupled:
        mine["forget"] = mine["input"]
    usual = made(with_default(own.kind, column, None))
    fixed = column.fixed if column.choosable else tuple(mine)
    wrong = [gate for gate in fixed if mine[gate] != usual[gate]]
    if wrong:
        reason = f"{layout.name} has fixed activations"
        got = ", ".join(f"{mine[gate]} for the {gate}" for gate in wrong)
        other = replace(own, activations={**mine, **{gate: usual[gate] for gate in fixed}})
        yield Lack(reason, got, "§5.4", other)
    if not column.choosable:
        return
    missing = [gate for gate in mine if column.offers and mine[gate].name not in column.offers]
    if missing:
        listed = ", ".join(dict.fromkeys(mine[gate].name for gate in missing))
        reason = f"{layout.name} has no activation {listed}"
        got = ", ".join(f"{mine[gate]} for the {gate}" for gate in missing)
        other = replace(own, activations={**mine, **{gate: usual[gate] for gate in missing}})
        yield Lack(reason, got, "§5.1", other)
    for group in column.groups:
        values = {mine[gate] for gate in group}
        if len(values) > 1:
            reason = f"{layout.name} has one activation for {', '.join(group)}"
            got = ", ".join(f"{mine[gate]} for the {gate}" for gate in group)
            other = replace(own, activations={**mine, **dict.fromkeys(group, mine[group[0]])})
            yield Lack(reason, got, "§5.4", other)


def _sizes(weights: Weights) -> str:
    """The number of units, and the width of a projection."""
    width = len(weights.blocks["U", weights.gates[0]])
    projected = f" projected to {width}" if weights.has("R") else ""
    return f"{weights.hidden_size}{projected}"


def _none() -> None:
    """There is no such layer without it."""


def layer_refusals(layout: Layout, column: Column, own: Pieces) -> Iterator[Refusal]:
    """What a layout has no place for in a layer or stack."""
    name = layout.name
    pairs = [[_sizes(way) for way in ways] for ways in own.weights]
    if column.same_size and len({ways[0] for ways in pairs}) > 1:
        sizes = ", ".join(ways[0] for ways in pairs)
        yield Refusal(
            f"all layers of a stack of {name} have one number of units",
            f"hidden sizes {sizes}",
            "§9.1",
            "Write each layer by itself.",
            _none,
        )
    unequal = next((ways for ways in pairs if len(set(ways)) > 1), None)
    if unequal and len(column.directions) > 1:
        yield Refusal(
            f"both directions of a layer of {name} have one number of units",
            f"hidden sizes {' and '.join(unequal)}",
            "§8.4",
            "Write each direction by itself.",
            _none,
        )
    if len(own.weights[0]) == 2 and len(column.directions) < 2:
        yield Refusal(
            f"{name} holds one direction",
            "two directions",
            "§8.4",
            "Write each direction by itself.",
            _none,
        )
    merge = str(own.how["merge"])
    if len(own.weights[0]) == 2 and merge not in column.merges:
        allowed = " or ".join(column.merges)
        yield Refusal(
            f"{name} joins two directions by {allowed}",
            f"merge={merge!r}",
            "§8.3",
            "",
            partial(own.again, merge=column.merges[0]),
        )
    if own.how["backwards"] and "backwards" not in column.has:
        yield Refusal(
            f"a layer of {name} with one direction reads from the beginning",
            "Reversed",
            "§8.1",
            "Reverse its input and its outputs.",
            partial(own.again, backwards=False),
        )
    learned = any(recurrent.learn_initial for ways in own.recurrent for recurrent in ways)
    if learned:
        yield Refusal(
            f"{name} stores no initial state",
            "learn_initial=True",
            "§6.3",
            "Pass the state to every call there.",
            own.again,
        )
    dtype = own.weights[0][0].dtype
    if dtype not in (np.float16, np.float32, np.float64):
        yield Refusal(
            f"{name} has no numbers of this type",
            str(dtype),
            "§11.4",
            "Convert the layer to float64.",
            _none if dtype.kind == "c" else own.doubled,
        )
