"""A layer made into arrays of another framework: `write`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.cells.base import Cell
from npstack.core.activations import Activation, check_activation
from npstack.core.arguments import check_dtype, check_option
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.interop.cell_weights import kind_of_cell
from npstack.interop.imported import Imported, Report, Row, rounded
from npstack.interop.layout import USUAL, Blocks, Column, Entry, with_default
from npstack.interop.limits import cell_refusals, layer_refusals
from npstack.interop.naming import column_of
from npstack.interop.pieces import Pieces, pieces_of
from npstack.interop.refusals import Refusal, refuse
from npstack.interop.weights import GATES, Weights, turned_update
from npstack.layers import Layer

WHERE = "write"
CONVENTIONS = ("input", "halves", "kept")
DTYPES = ("float16", "float32", "float64")
SECOND = "second bias"  # one that a layer may be without though it has the first
IN_INPUT = "all in the input's bias"


def write(
    layer: Layer | Imported,
    layout: str,
    *,
    biases: str = "input",
    dtype: DTypeLike | None = None,
    x: Array | None = None,
) -> tuple[dict[str, Array], Report]:
    """The arrays of another framework that compute the same as a layer.

    Parameters
    ----------
    layer : Layer or Imported
        A recurrent layer, in one or two directions, or a stack of them.
    layout : str
        A name in ``LAYOUTS``.
    biases : {"input", "halves", "kept"}
        Where a layout has two biases and the layer has one: all of it in the bias of the input;
        one half in each, whose sum is exact; or as they are: two of a layer that has two
        (`TwoBiases`), none of one without (`NoBias`), and one in the bias of the input.
    dtype : dtype, optional
        Of the arrays: float16, float32 or float64; by default that of the layer.
    x : array (B, T, D), optional
        An input on which the size of an error is measured, if something cannot be represented.

    Returns
    -------
    arrays : dict of array
        By the framework's names; of the k-th layer below ``k/`` if its names have no number.
    report : Report
        A row in brackets is something that the caller must tell the framework, such as an
        activation.

    Raises
    ------
    CannotRepresent
        The layer has something that the layout has no place for: with the reason, the clause, and
        the size of the error.
    ArgumentError
        An unknown layout or convention; or numbers that ``dtype`` has not.

    Examples
    --------
    >>> from npstack import GRU
    >>> layer = GRU(3, 2, rng=np.random.default_rng(0))
    >>> arrays, report = write(layer, "keras")
    >>> {name: value.shape for name, value in arrays.items()}
    {'kernel': (3, 6), 'recurrent_kernel': (2, 6), 'bias': (2, 6)}
    >>> print(report)
    array             what was done                                             clause      lossless
    kernel            order: update, reset, candidate                           §2.2, §2.3  yes
    recurrent_kernel  order: update, reset, candidate                           §2.2, §2.3  yes
    bias              order: update, reset, candidate, all in the input's bias  §2.2, §2.5  yes
    (reset)           tell the framework: after the product                     §3.7        yes
    """
    return arrays_for(WHERE, layer, layout, biases=biases, dtype=dtype, x=x)


def arrays_for(
    where: str,
    layer: Layer | Imported | Pieces,
    layout: str,
    *,
    biases: str,
    dtype: DTypeLike | None = None,
    x: Array | None = None,
) -> tuple[dict[str, Array], Report]:
    """What `write` returns, for a function of this name."""
    biases = check_option(where, "biases", biases, CONVENTIONS)
    pieces = pieces_of(where, layer)
    notes: list[Row] = []
    column_of(where, layout, "lstm")
    cells = [cell for ways in pieces.cells for cell in ways]
    kinds = [kind_of_cell(cell) for cell in cells]
    for kind, cell in zip(kinds, cells, strict=True):
        if kind is None or kind != kinds[0]:
            refuse(where, pieces.layer, _foreign(layout, kind, cell), x)
    chosen, column = column_of(where, layout, str(kinds[0]))
    for refusal in layer_refusals(chosen, column, pieces):
        refuse(where, pieces.layer, refusal, x)
    arrays: dict[str, Array] = {}
    filled = _filled(column, pieces.weights, biases)
    for k, ways in enumerate(pieces.weights):
        for n, own in enumerate(ways):
            for refusal in cell_refusals(chosen, column, pieces, k, n):
                refuse(where, pieces.layer, refusal, x)
            made_arrays, rows = _arrays(column, own, biases, filled[k])
            several = len(pieces.weights) > 1 and not column.many
            names = {entry: name for name, entry in column.named(k, n, len(ways))}
            for entry, value in made_arrays:
                said = names[entry]
                name = f"{k}/{said}" if several else said
                if column.stacked:
                    before = [*arrays[name]] if n else []
                    value = np.stack([*before, value])
                arrays[name] = value
                if not (column.stacked and n):
                    notes.append(rows[entry]._replace(parameter=name))
            extra = (row for key, row in rows.items() if isinstance(key, str))
            notes += [row for row in extra if row not in notes]
    notes += _of_layer(pieces)
    if dtype is not None:
        name = check_option(where, "dtype", check_dtype(where, dtype).name, DTYPES)
        arrays, notes = _as_dtype(where, arrays, notes, np.dtype(name))
    return arrays, Report(tuple(notes))


def _as_dtype(
    where: str, arrays: dict[str, Array], rows: list[Row], dtype: np.dtype[Any]
) -> tuple[dict[str, Array], list[Row]]:
    """Arrays of another type, and the rows that say so."""
    with np.errstate(over="ignore"):
        cast = {name: value.astype(dtype) for name, value in arrays.items()}
    for name, value in cast.items():
        if not np.array_equal(np.isfinite(value), np.isfinite(arrays[name])):
            expected = f"{name} must hold numbers that {dtype} has"
            got = f"{arrays[name].dtype}, up to {np.abs(arrays[name]).max():.1e}"
            fail(ArgumentError, where, expected, got, "Leave dtype out.")
    narrow = {name for name, value in arrays.items() if not np.can_cast(value.dtype, dtype)}
    return cast, [rounded(row, dtype) if row.parameter in narrow else row for row in rows]


def _foreign(layout: str, kind: str | None, cell: Cell) -> Refusal:
    """A cell that no framework has, or one of another kind than that of the first layer."""
    if kind is not None:
        reason, clause = f"all cells of a stack of {layout} are of one kind", "§9.1"
        advice = "Write each layer by itself."
    else:
        reason, clause = f"{layout} holds an LSTM, a GRU or an Elman network", "§3.6"
        advice = "Give the framework a cell of your own with these parameters."
    return Refusal(reason, repr(cell), clause, advice, lambda: None)


def _filled(column: Column, weights: list[list[Weights]], biases: str) -> list[set[str]]:
    """For each layer, words of optional arrays that some cell stores: then all of its cells do.

    If one object of the framework holds all layers, their cells count together.
    """
    every = [own for ways in weights for own in ways]
    layers = [every] * len(weights) if column.many else weights
    return [
        {
            entry.optional
            for own in cells
            for entry in column.entries
            if entry.optional and _stored(entry, own, biases)
        }
        for cells in layers
    ]


def _arrays(
    column: Column, weights: Weights, biases: str, filled: set[str]
) -> tuple[list[tuple[Entry, Array]], dict[Any, Row]]:
    """The arrays of one cell, and what was done."""
    rows: dict[Any, Row] = {}
    blocks, done, exact = _biases(column, weights, biases)
    if weights.coupled:
        blocks |= _forget_blocks(column, blocks)
        if "coupled" not in column.has:
            said = "f = 1 - i = sg(-a_i): the input gate's blocks, negated"
            rows["coupled"] = Row("(coupled gates)", said, "§3.4", True)
    difference = weights.forget_bias - column.forget_bias
    if weights.kind == "lstm" and difference and not (weights.coupled and "coupled" in column.has):
        old = blocks.get(("b", "forget"), np.zeros(weights.hidden_size, weights.dtype))
        blocks["b", "forget"] = old + np.asarray(difference, weights.dtype)
        said = f"{difference:+g} for the forget gate, so that it computes the same"
        rows["forget"] = Row("(forget bias)", said, "§2.6", False)
    other = replace(weights, blocks=blocks)
    if weights.kind == "gru" and not column.keeps:
        other = turned_update(other)
        said = "negated: there it is the share that is replaced"
        rows["update"] = Row("(update gate)", said, "§3.7", True)
    found: list[tuple[Entry, Array]] = []
    for entry in column.entries:
        if entry.reset and entry.reset != weights.reset:
            continue
        if not _stored(entry, other, biases) and entry.optional not in filled:
            continue
        whole = {**_zeros(entry, other), **other.blocks}
        found.append((entry, entry.join(whole)))
        rows[entry] = _row(column, weights.kind, entry, done, exact)
    for name, value in _attributes(column, weights).items():
        rows[name] = Row(f"({name})", f"tell the framework: {value}", _clause(name, weights), True)
    return found, rows


def _stored(entry: Entry, weights: Weights, biases: str) -> bool:
    """Whether an array is written: an optional one only if there is something in it."""
    if entry.role in ("P", "R"):
        return weights.has(entry.role)
    if not entry.optional or entry.role[0] != "b":
        return True
    if biases == "kept" and entry.optional == SECOND:
        return weights.has("b_recurrent")
    without = weights.two_biases and not weights.has("b") and not weights.has("b_recurrent")
    return not (without and biases == "kept")


def _zeros(entry: Entry, weights: Weights) -> Blocks:
    """Zeros for blocks that are missing."""
    H, dtype = weights.hidden_size, weights.dtype
    roles = ("b", "b_recurrent") if entry.role == "b_both" else (entry.role,)
    return {
        (role, gate): np.zeros(H, dtype) for role in roles if role != "R" for gate in entry.gates
    }


def _forget_blocks(column: Column, blocks: Blocks) -> Blocks:
    """Blocks of a forget gate that is not there: not read, or those of the input gate, negated."""
    sign = 0 if "coupled" in column.has else -1
    own = {role: block for (role, gate), block in blocks.items() if gate == "input"}
    return {(role, "forget"): sign * block for role, block in own.items()}


def _biases(column: Column, weights: Weights, how: str) -> tuple[Blocks, str, bool]:
    """Blocks with the biases as the layout has them; what was done, and whether it is exact."""
    blocks = dict(weights.blocks)
    gates = [
        gate
        for gate in weights.gates
        if not (weights.kind == "gru" and weights.reset == "after" and gate == "candidate")
    ]
    two = all(("b_recurrent", gate) in blocks for gate in gates)
    own = [entry for entry in column.entries if entry.reset in ("", weights.reset)]
    second = [entry for entry in own if entry.role in ("b_recurrent", "b_both")]
    fits = {gate for entry in second for gate in entry.gates}
    if how == "kept":
        none = weights.two_biases and not weights.has("b") and not weights.has("b_recurrent")
        alone = any(entry.optional == SECOND for entry in second)
        if none or set(gates) <= fits:
            return blocks, "" if two or none or alone else IN_INPUT, True
    inner = weights.kind == "gru" and weights.reset == "after" and "b_recurrent" in column.roles
    merged = {gate: weights.merged(gate) for gate in gates}
    for gate in gates:
        blocks.pop(("b_recurrent", gate), None)
        blocks["b", gate] = merged[gate]
        if how == "halves" and gate in fits:
            blocks["b", gate] = blocks["b_recurrent", gate] = merged[gate] / 2
    if weights.kind == "gru" and weights.reset == "after" and not inner:
        blocks.pop(("b_recurrent", "candidate"), None)
    if two:
        return blocks, "two biases added", False
    if set(gates) <= fits:
        return blocks, "half of the bias" if how == "halves" else IN_INPUT, True
    return blocks, "", True


def _row(column: Column, kind: str, entry: Entry, biases: str, exact: bool) -> Row:
    """What was done with an array."""
    done, clauses = [], []
    order = [gate for gate in GATES[kind] if gate in entry.gates]
    if entry.role in ("W", "U", "WU"):
        clauses += [column.clauses["order"], column.clauses["kernels"]]
    elif entry.role[0] == "b":
        clauses += [column.clauses["biases"]]
    else:
        clauses += ["§3.3" if entry.role == "P" else "§3.5"]
    if len(entry.gates) == 1 < len(GATES[kind]):
        done.append(f"block of the {entry.gates[0]} gate")
    if list(entry.gates) != order:
        done.append(f"order: {', '.join(entry.gates)}")
        clauses = list(dict.fromkeys([column.clauses["order"], *clauses]))
    if entry.turned:
        done.append("transposed")
    if entry.reshaped:
        done.append("blocks reshaped")
    if entry.role == "WU":
        done.append("W and U joined")
    if entry.role == "b_both" and not biases:
        done.append("two in one")
    if entry.role == "b_recurrent" and biases == IN_INPUT:
        done.append("zeros, except for the candidate" if kind == "gru" else "zeros")
    elif entry.role[0] == "b" and biases:
        done.append(biases)
    lossless = exact or entry.role[0] != "b"
    return Row(entry.name, ", ".join(done) or "copied", ", ".join(clauses), lossless)


def _attributes(column: Column, weights: Weights) -> dict[str, str]:
    """What is no array and must be told to the framework."""
    found: dict[str, str] = {}
    usual = _activations(with_default(weights.kind, column, None))
    own = _activations({**USUAL[weights.kind], **weights.activations})
    for gate, value in own.items():
        if value != usual[gate] and not (weights.coupled and gate == "forget"):
            found[f"activation of {gate}"] = str(value)
    for name in ("clip", "cell_clip", "projection_clip"):
        if getattr(weights, name) is not None:
            found[name] = f"{getattr(weights, name):g}"
    if weights.coupled and "coupled" in column.has:
        found["coupled"] = "f = 1 - i; the forget gate's blocks are zeros and not read"
    if len(column.reset) > 1:
        found["reset"] = f"{weights.reset} the product"
    return found


def _activations(given: Mapping[str, Any]) -> dict[str, Activation]:
    return {gate: check_activation(WHERE, gate, value) for gate, value in given.items()}


def _clause(name: str, weights: Weights) -> str:
    """Of something that is no array."""
    if name == "reset":
        return "§3.7" if weights.reset == "after" else "§3.8"
    others = {"clip": "§4.1", "cell_clip": "§4.2", "projection_clip": "§4.3", "coupled": "§3.4"}
    return others.get(name, "§5.4")


def _of_layer(pieces: Pieces) -> list[Row]:
    """What is a fact of the layer, not of its arrays."""
    rows = []
    if not pieces.how["return_sequences"]:
        rows.append(Row("(last step)", "the layer returns its last step", "§7.6", True))
    if pieces.how["backwards"]:
        rows.append(Row("(direction)", "reads from the end", "§8.1", True))
    return [*rows, *pieces.in_training]
