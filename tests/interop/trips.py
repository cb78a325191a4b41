"""From a framework into npstack and back: one configuration, and what must hold for it.

A `Trip` is a layer of a framework with drawn options and parameters, its arrays, and what it
computed. `judged` brings it in, takes it back by each convention for two biases, and compares:

- kept apart: every array has the same bits again, and the framework computes the same bits with it;
- ``input`` or ``halves``: every kernel has the same bits; the biases are what the convention says;
- the outputs and final states of the framework, before and after, are explained by rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.interop import read, write
from npstack.interop.comparison import AgreementRow, agreement, results
from npstack.interop.recording import Recorded
from npstack.layers import Layer, Reversed

Arrays = Mapping[str, np.ndarray]
CONVENTIONS = ("input", "halves")


class Pair(NamedTuple):
    """Two biases of one cell.

    Attributes
    ----------
    b, b_recurrent : array (n,)
    merged : array (n,) of bool
        Where only their sum counts: everywhere, except for the candidate of a GRU that resets after
        the product.
    """

    b: np.ndarray
    b_recurrent: np.ndarray
    merged: np.ndarray


@dataclass(frozen=True, eq=False)
class Trip:
    """A layer of a framework.

    Attributes
    ----------
    options : dict of str
        What was drawn, by name: the full run counts them.
    arrays : dict of array
        As the framework stores them, by the names of the layout.
    layout : str
    how : dict
        Arguments of `read`.
    recorded : Recorded
        What the framework computes.
    back : callable
        From arrays to what a new layer of the framework computes with them on the same input.
    pairs : callable or None
        From arrays to the two biases of each cell, empty if the arrays have none; None if the
        layout has one bias.
    kept : str
        The convention that keeps every bit.
    """

    options: dict[str, str]
    arrays: Arrays
    layout: str
    how: dict[str, Any]
    recorded: Recorded
    back: Callable[[Arrays], Recorded]
    pairs: Callable[[Arrays], list[Pair]] | None = None
    kept: str = "kept"


class Judged(NamedTuple):
    """What was found for a trip: faults in words, numbers of arrays, and rows of agreement."""

    options: dict[str, str]
    faults: list[str]
    arrays: int
    pairs: int
    rows: list[AgreementRow]


def bits(array: np.ndarray) -> tuple[Any, ...]:
    """Everything about an array; -0.0 is not 0.0."""
    return array.dtype, array.shape, array.tobytes()


def judged(trip: Trip, seed: int) -> Judged:
    """Bring a trip's layer in and take it back."""
    faults = []
    kept = read(trip.arrays, trip.layout, **trip.how, biases="kept")
    written, report = write(stored(trip, kept.layer), trip.layout, biases=trip.kept)
    faults += [f"kept: {fault}" for fault in changed(trip.arrays, written)]
    if not (kept.report.lossless and report.lossless):
        faults.append("kept: a report says that something was lost")
    first, again = (flat(own) for own in (trip.recorded, trip.back(written)))
    faults += [f"kept: the framework computes another {n}" for n in first if first[n] != again[n]]

    layer = read(trip.arrays, trip.layout, **trip.how)
    convention = CONVENTIONS[seed % 2]
    other, _ = write(stored(trip, layer.layer), trip.layout, biases=convention)
    pairs = [] if trip.pairs is None else trip.pairs(trip.arrays)
    faults += [f"{convention}: {fault}" for fault in kernels_changed(trip, other)]
    if trip.pairs is not None:
        faults += [
            f"{convention}: {fault}" for fault in wrong(pairs, trip.pairs(other), convention)
        ]
    rows = []
    for when, recorded in (("before", trip.recorded), ("after", trip.back(other))):
        found = agreement(layer.layer, recorded)
        rows += [row._replace(block=f"{when}.{row.block}") for row in found.rows]
    faults += [f"{row.block}: {row}" for row in rows if row.explained is False]
    return Judged(trip.options, faults, len(trip.arrays), len(pairs), rows)


def stored(trip: Trip, layer: Layer) -> Layer:
    """The layer that is stored: in Flax, what reads from the end is the loop around a cell."""
    return layer.layer if "flax" in trip.layout and isinstance(layer, Reversed) else layer


def flat(recorded: Recorded) -> dict[str, tuple[Any, ...]]:
    """The bits of outputs and final states."""
    return {n: bits(own) for n, own in results(recorded.outputs, recorded.final).items()}


def changed(before: Arrays, after: Arrays) -> Iterator[str]:
    """Arrays that are not the same again."""
    for name in sorted({*before} ^ {*after}):
        yield f"{name} is only {'before' if name in before else 'after'}"
    for name in {*before} & {*after}:
        if bits(before[name]) != bits(after[name]):
            yield f"{name} has other bits"


def kernels_changed(trip: Trip, after: Arrays) -> Iterator[str]:
    """The same for what is no bias; a layout with one bias keeps it. Others must be zeros."""
    here = {n: a for n, a in trip.arrays.items() if trip.pairs is None or not is_bias(n)}
    yield from changed(here, {name: own for name, own in after.items() if name in here})
    for name in {*after} - {*trip.arrays}:
        if not is_bias(name) or after[name].any():
            yield f"{name} is new, and not a bias of zeros"


def is_bias(name: str) -> bool:
    """Whether a name is that of a bias, in any of the layouts here."""
    return "bias" in name or name.rpartition("/")[2] == "B"


def wrong(before: list[Pair], after: list[Pair], convention: str) -> Iterator[str]:
    """Biases that are not what a convention says."""
    for k, own in enumerate(after):
        if not before:
            if own.b.any() or own.b_recurrent.any():
                yield f"the biases of cell {k} were none, and are not zero"
            continue
        old, at = before[k], before[k].merged
        total = old.b + old.b_recurrent
        first = total if convention == "input" else total / 2
        second = np.zeros_like(total) if convention == "input" else total / 2
        right = (own.b[at] == first[at]).all() and (own.b_recurrent[at] == second[at]).all()
        apart = bits(own.b[~at]) == bits(old.b[~at])
        apart &= bits(own.b_recurrent[~at]) == bits(old.b_recurrent[~at])
        if not (right and apart and own.b.dtype == old.b.dtype):
            yield f"the biases of cell {k} are not by the convention"
    if len(before) not in (0, len(after)):
        yield f"{len(before)} cells with biases became {len(after)}"


def figures(found: Iterable[Judged]) -> dict[str, Any]:
    """The figures of a run."""
    every = list(found)
    counts: dict[str, Counter[str]] = {}
    for own in every:
        for name, value in own.options.items():
            counts.setdefault(name, Counter())[value] += 1
    rows = [row for own in every for row in own.rows]
    resolved = [row for row in rows if row.explained is not None]
    worst = max((row for row in resolved if row.allowed), key=lambda row: row.theirs / row.allowed)
    return {
        "configurations": len(every),
        "options": {name: dict(sorted(own.items())) for name, own in counts.items()},
        "arrays": sum(own.arrays for own in every),
        "pairs_of_biases": sum(own.pairs for own in every),
        "blocks": len(rows),
        "blocks_not_resolved": len(rows) - len(resolved),
        "worst_block": {
            "block": worst.block,
            "error_eps": round(worst.theirs, 3),
            "allowed_eps": round(worst.allowed, 3),
        },
        "median_error_eps": round(float(np.median([row.theirs for row in resolved])), 3),
        "faults": [{"seed": k, "faults": own.faults} for k, own in enumerate(every) if own.faults],
    }
