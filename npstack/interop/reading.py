"""Arrays of another framework made into a layer: `read`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.interop.imported import Imported, Report, Row, rounded
from npstack.interop.layout import Blocks, Column, Layout, with_default
from npstack.interop.naming import (
    Found,
    as_numbers,
    checked_arrays,
    column_of,
    places_of,
    values_of,
)
from npstack.interop.options import LIMITS, checked_options
from npstack.interop.stacks import layer_of
from npstack.interop.weights import GATES, Weights, turned_update

WHERE = "read"


def read(
    arrays: Mapping[str, Any] | Sequence[Any],
    layout: str,
    *,
    cell: str = "lstm",
    layers: int | None = None,
    bidirectional: bool = False,
    forget_bias: float | None = None,
    activations: Mapping[str, Any] | None = None,
    dtype: DTypeLike | None = None,
    reset: str | None = None,
    clip: float | None = None,
    cell_clip: float | None = None,
    projection_clip: float | None = None,
    coupled: bool = False,
    backwards: bool = False,
    merge: str = "concat",
    return_sequences: bool = True,
    biases: str = "sum",
    source: str = "",
) -> Imported:
    """The layer whose parameters are these arrays of another framework.

    Parameters
    ----------
    arrays : dict of array, or sequence of array
        By the framework's names, which may have a prefix in common (``"encoder.lstm."``); or in the
        layout's order, layer by layer and direction by direction.
    layout : str
        A name in ``LAYOUTS``.
    cell : {"lstm", "gru", "rnn"}
    layers : int, optional
        How many layers there are; found from the names where they say it.
    bidirectional : bool
        Whether there are two directions.
    forget_bias : float, optional
        Added to the forget gate at run time; that of the layout if left out.
    activations : dict, optional
        Names or `Activation` by gate: ``input``, ``forget``, ``candidate``, ``output``, ``cell`` of
        an LSTM, ``reset``, ``update``, ``candidate`` of a GRU, ``hidden`` of an Elman network;
        ``gates`` stands for those that are sigmoids by default.
    dtype : dtype, optional
        Of the layer; that of the arrays if left out, float32 for float16.
    reset : {"after", "before"}, optional
        Where a GRU resets, if the arrays do not say it; the layout's usual form if left out.
    clip, cell_clip, projection_clip : float, optional
        Limits of the pre-activations, of the cell state, of the projected state.
    coupled : bool
        ``f = 1 - i``; stored weights of the forget gate are not used.
    backwards : bool
        Whether a layer of one direction reads from the end.
    merge : {"concat", "sum", "mul", "ave", "none"}
        How two directions are joined.
    return_sequences : bool
        Of the last layer.
    biases : {"sum", "kept"}
        Two biases are added; or kept apart, and missing ones stay missing.
    source : str
        Where the arrays come from, for the report.

    Returns
    -------
    Imported
        The layer, and a report.

    Raises
    ------
    ArgumentError
        An unknown layout, or an option that this kind of cell does not have, or that the arrays
        contradict.
    DataError
        Arrays that are missing, or that do not belong to these layers.
    ShapeError, DtypeError
        Arrays that do not fit together.

    Examples
    --------
    >>> arrays = {
    ...     "lstm.weight_ih_l0": np.ones((8, 3)),
    ...     "lstm.weight_hh_l0": np.ones((8, 2)),
    ...     "lstm.bias_ih_l0": np.ones(8),
    ...     "lstm.bias_hh_l0": np.ones(8),
    ... }
    >>> found = read(arrays, "pytorch")
    >>> found.layer.forward(np.ones((1, 4, 3))).outputs.shape
    (1, 4, 2)
    >>> print(found.report)
    array              what was done                clause      lossless
    lstm.weight_ih_l0  transposed                   §2.1, §2.3  yes
    lstm.weight_hh_l0  transposed                   §2.1, §2.3  yes
    lstm.bias_ih_l0    added to lstm.bias_hh_l0     §2.4        no
    lstm.bias_hh_l0    added to lstm.bias_ih_l0     §2.4        no
    """
    chosen, column = column_of(WHERE, layout, cell)
    told = checked_options(
        chosen,
        cell,
        column,
        {
            "layers": layers,
            "bidirectional": bidirectional,
            "forget_bias": forget_bias,
            "activations": activations,
            "reset": reset,
            "clip": clip,
            "cell_clip": cell_clip,
            "projection_clip": projection_clip,
            "coupled": coupled,
            "backwards": backwards,
            "merge": merge,
            "return_sequences": return_sequences,
            "biases": biases,
        },
    )
    directions = 2 if told["bidirectional"] else 1
    checked = checked_arrays(arrays, dtype)
    places = places_of(chosen, column, checked, told["layers"], directions)
    forget = told["forget_bias"]
    facts: dict[str, Any] = {
        "activations": with_default(cell, column, told["activations"]),
        "forget_bias": column.forget_bias if forget is None else forget,
        "two_biases": told["biases"] == "kept",
        **{name: told[name] for name in (*LIMITS, "coupled")},
    }
    cells, rows = [], []
    for layer in range(1 + max(k for k, _ in places)):
        ways = []
        for direction in range(directions):
            found = places[layer, direction]
            form = _form(column, reset, found)
            weights = _weights(cell, column, found, {**facts, "reset": form or "after"})
            ways.append(weights.cell())
            rows += _rows(cell, column, found, facts, form)
        cells.append(ways)
    how = {name: told[name] for name in ("backwards", "merge", "return_sequences")}
    try:
        made = layer_of(cells, **how)
    except ShapeError as error:
        expected = "each layer must read what the one below it gives"
        advice = "If they are no stack, read them one by one; two directions: Bidirectional(…)."
        fail(ShapeError, WHERE, expected, f"{error.expected}, {error.got}", advice)
    assumed = _assumed(chosen, cell, column, given=activations, forget=forget_bias, reset=reset)
    given = {as_numbers("", value).dtype for value in values_of(arrays)}
    target = checked[0][1].dtype
    if dtype is None and np.dtype(np.float16) in given:
        assumed += ("the arrays are float16; the layer computes in float32",)
    if not all(np.can_cast(kind, target) for kind in given):
        rows = [row if row.parameter[0] == "(" else rounded(row, target) for row in rows]
    said = f"{layout}: {source}" if source else layout
    return Imported(made, Report(tuple(rows), assumed), said)


def _form(column: Column, reset: str | None, found: list[Found]) -> str | None:
    """Where a GRU resets: as asked, as its arrays say, or as usual."""
    if not column.reset:
        return None
    said = {own.entry.reset for own in found if own.entry.reset}
    form = reset or (min(said) if said else column.reset[0])
    form = check_option(WHERE, "reset", form, column.reset)
    if said and form not in said:
        name = next(own.name for own in found if own.entry.reset)
        expected = f"reset must be {min(said)!r}, by the shape of {name}"
        fail(ArgumentError, WHERE, expected, repr(form), "Leave it out: the arrays say it.")
    return form


def _weights(kind: str, column: Column, found: list[Found], facts: dict[str, Any]) -> Weights:
    """The blocks of one cell."""
    blocks: Blocks = {}
    H = next(own.entry.units(own.array.shape) for own in found)
    assert H is not None
    width = next(
        (own.array.shape[0 if own.entry.turned else 1] for own in found if own.entry.role == "R"), H
    )
    for own in found:
        blocks |= own.entry.split(own.array, H, width)
    weights = Weights(kind, blocks, **facts)
    if weights.projection_clip is not None and not weights.has("R"):
        expected = "projection_clip needs a projection"
        fail(ArgumentError, WHERE, expected, "no such array", "cell_clip clips the cell state.")
    if facts["coupled"]:
        kept = {k: v for k, v in blocks.items() if k[1] != "forget"}
        weights = replace(weights, blocks=kept)
    _check_blocks(weights, found, width)
    return weights if column.keeps or kind != "gru" else turned_update(weights)


def _check_blocks(weights: Weights, found: list[Found], width: int) -> None:
    """Kernels of all gates alike."""
    for role, rows in (("W", weights.input_size), ("U", width)):
        for gate in weights.gates:
            if rows == 0 or weights.blocks[role, gate].shape != (rows, weights.hidden_size):
                name = next(own.name for own in found if own.entry.role in (role, "WU"))
                shape = f"({rows or 'D'}, {weights.hidden_size})"
                expected = f"{name} must give each gate a block of {shape}"
                advice = "Are these arrays of this cell, and of this layout?"
                size = weights.hidden_size * len(GATES[weights.kind])
                given = len(weights.blocks["U", gate])
                fitting = [cell for cell, gates in GATES.items() if len(gates) * given == size]
                if fitting and weights.kind not in fitting:
                    advice = f"They would fit cell={fitting[0]!r}."
                fail(ShapeError, WHERE, expected, weights.blocks[role, gate].shape, advice)


def _rows(
    kind: str, column: Column, found: list[Found], facts: dict[str, Any], form: str | None
) -> list[Row]:
    """What was done with the arrays of one cell."""
    roles = {own.entry.role for own in found}
    added = not facts["two_biases"]
    rows = []
    for own in found:
        entry = own.entry
        done = [entry.done()] if entry.done() else []
        clauses = [column.clauses["kernels" if entry.role in ("W", "U", "WU") else "biases"]]
        lossless = True
        if entry.role in ("W", "U", "WU"):
            clauses.insert(0, column.clauses["order"])
        order = [gate for gate in GATES[kind] if gate in entry.gates]
        if list(entry.gates) != order:
            done.append(f"gates reordered from {', '.join(entry.gates)}")
            clauses.insert(0, column.clauses["order"])
        if len(entry.gates) == 1 and len(GATES[kind]) > 1:
            done.append(f"block of the {entry.gates[0]} gate")
        if kind == "gru" and not column.keeps and "update" in entry.gates:
            done.append("update gate negated: here it is the share that is kept")
            clauses = ["§3.7"]
        if entry.role == "P":
            clauses = ["§3.3"]
        if entry.role == "R":
            clauses = ["§3.5"]
        if facts["coupled"] and "forget" in entry.gates:
            done.append("block of the forget gate left out")
            clauses, lossless = ["§3.4"], False
        both = entry.role == "b_both" or ({"b", "b_recurrent"} <= roles and entry.role[0] == "b")
        if both and added:
            inner = kind == "gru" and form == "after"
            if not (inner and entry.gates == ("candidate",)):
                others = [
                    other.name
                    for other in found
                    if other.name != own.name and other.entry.role[0] == "b"
                ]
                what = f"added to {others[0]}" if others else "both added"
                done.append(what + (" except for the candidate" if inner else ""))
                lossless = False
        rows.append(
            Row(own.name, ", ".join(done) or "copied", ", ".join(dict.fromkeys(clauses)), lossless)
        )
    if facts["forget_bias"] and kind == "lstm":
        said = f"{facts['forget_bias']:g} added at run time: kept as a part of the cell, ForgetBias"
        rows.append(Row("(forget bias)", said, "§2.6", True))
    return rows


def _assumed(
    layout: Layout,
    kind: str,
    column: Column,
    *,
    given: Mapping[str, Any] | None,
    forget: float | None,
    reset: str | None,
) -> tuple[str, ...]:
    """What the arrays do not say."""
    found = []
    if column.choosable and given is None:
        own = with_default(kind, column, None)
        listed = ", ".join(f"{gate} {value}" for gate, value in own.items())
        found.append(f"activations of {layout.name}, which the arrays do not record: {listed}")
    if column.forget_bias and forget is None:
        found.append(f"{column.forget_bias:g} is added to the forget gate at run time (§2.6)")
    if len(column.reset) > 1 and reset is None:
        usual = f"resets {column.reset[0]} the product where the bias does not say it"
        found.append(f"a GRU of {layout.name} {usual}")
    return tuple(found)
