"""Which of the arrays that were given is which: by their names, or by their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_dtype, check_option
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    ShapeError,
    fail,
    in_words,
)
from npstack.core.numerics import Array
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import Column, Entry, Layout
from npstack.interop.opened import as_numpy
from npstack.interop.weights import GATES

WHERE = "read"


class Found(NamedTuple):
    """One array that was given, and what it is."""

    name: str
    array: Array
    entry: Entry


Places = dict[tuple[int, int], list[Found]]  # by layer and direction


def column_of(where: str, layout: str, cell: str) -> tuple[Layout, Column]:
    """A layout, and its column for a kind of cell."""
    chosen = LAYOUTS[check_option(where, "layout", layout, LAYOUTS)]
    column = chosen.column(check_option(where, "cell", cell, GATES))
    if column is None:
        expected = f"the layout {layout} must have a cell of this kind"
        with_it = [name for name, own in LAYOUTS.items() if own.column(cell)]
        fail(ArgumentError, where, expected, repr(cell), f"These have: {', '.join(with_it)}.")
    return chosen, column


def values_of(arrays: Mapping[str, Any] | Sequence[Any]) -> list[Any]:
    return list(arrays.values() if isinstance(arrays, Mapping) else arrays)


def checked_arrays(
    arrays: Mapping[str, Any] | Sequence[Any], dtype: DTypeLike | None
) -> list[tuple[str, Array]]:
    """Names and arrays of one floating-point dtype; without names, empty ones."""
    if not isinstance(arrays, Mapping | list | tuple):
        expected = "arrays must be a dictionary, or a list of arrays"
        fail(DtypeError, WHERE, expected, type(arrays).__name__, "For example a state_dict.")
    named = arrays.items() if isinstance(arrays, Mapping) else (("", own) for own in arrays)
    found = [(str(name), as_numbers(str(name), value)) for name, value in named]
    if not found:
        fail(DataError, WHERE, "there must be arrays", "none", "Name a part that has weights.")
    kinds = {value.dtype for _, value in found}
    wide = np.result_type(*kinds)
    if dtype is None and len(kinds) > 1:
        advice = f"Say which: dtype={wide.name!r}."
        listed = ", ".join(sorted(kind.name for kind in kinds))
        fail(DtypeError, WHERE, "all arrays must have one dtype", listed, advice)
    target = np.dtype(np.float32) if wide == np.float16 else wide
    target = target if dtype is None else check_dtype(WHERE, dtype)
    return [(name, np.array(value, target)) for name, value in found]


def as_numbers(name: str, value: Any) -> Array:
    """One array, of floating-point numbers in the byte order of the machine."""
    what = name or "every array"
    if isinstance(value, Mapping):
        advice = "Join the names by a slash: {'hi/kernel': …}; or give the arrays of one part."
        fail(DtypeError, WHERE, f"{what} must be an array", "a dictionary", advice)
    try:
        array = as_numpy(value)
    except Exception as error:  # what a framework raises for its own arrays
        advice = "Give NumPy arrays, or tensors that hold numbers."
        fail(DtypeError, WHERE, f"{what} must be an array", in_words(error), advice)
    if array.dtype.kind != "f":
        advice = "Bring in floating-point weights; quantised ones must be converted first."
        fail(DtypeError, WHERE, f"{what} must hold floating-point numbers", array.dtype, advice)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def places_of(
    layout: Layout,
    column: Column,
    arrays: list[tuple[str, Array]],
    layers: int | None,
    directions: int,
) -> Places:
    """The arrays by layer and direction."""
    if any(name for name, _ in arrays):
        places = _by_name(layout, column, arrays, layers, directions)
    else:
        own = [_ways(column, f"array {k}", a, directions) for k, (_, a) in enumerate(arrays)]
        places = _in_order(column, own, layers, directions)
    count = 1 + max(k for k, _ in places)
    if layers not in (None, count):
        expected = f"there must be layers={layers} layers"
        fail(DataError, WHERE, expected, f"{count} in the arrays", "Leave layers out.")
    for layer in range(count):
        for direction in range(directions):
            _complete(layout, column, places, layer, direction, directions)
    return places


def _by_name(
    layout: Layout,
    column: Column,
    arrays: list[tuple[str, Array]],
    layers: int | None,
    directions: int,
) -> Places:
    """Arrays whose names say what they are."""
    places: Places = {}
    unknown, prefixes = [], dict[str, None]()
    hits = []
    for name, value in arrays:
        hit = column.match(name, value.ndim)
        if hit is None or (hit[2] >= directions and not column.stacked):
            unknown.append(name)
        else:
            prefixes.setdefault(hit[0])
            hits.append((name, value, hit))
    if unknown:
        usual = ", ".join(name for name, _ in column.named(0, 0, directions))
        expected = f"the layout {layout.name} has arrays {usual}"
        advice = "Give the arrays of one recurrent part; two directions need bidirectional=True."
        if not hits:
            advice = "If these are the same under other names, give them in this order, in a list."
        fail(DataError, WHERE, expected, ", ".join(unknown[:6]), advice)
    one_part = not column.many and (layers is not None or _numbered(prefixes))
    if len(prefixes) > 1 and not one_part:
        expected = "the arrays must be of one recurrent part"
        listed = ", ".join(repr(prefix) for prefix in prefixes)
        first = next(iter(prefixes))
        advice = f"Choose those of one, whose names begin with {first!r}, for example."
        if not column.many:
            advice += f" For a stack of them in this order, layers={len(prefixes)}."
        fail(DataError, WHERE, expected, f"names that begin with {listed}", advice)
    sorted_ones = sorted(prefixes, key=_number) if _numbered(prefixes) else prefixes
    order = {prefix: k for k, prefix in enumerate(sorted_ones)}
    taken: dict[tuple[int, int, str], str] = {}
    for name, value, (prefix, number, direction, entry) in hits:
        layer = order[prefix] if number is None else number
        other = taken.setdefault((layer, direction, entry.name), name)
        if other != name:
            expected = f"{entry.name} must be there once"
            fail(DataError, WHERE, expected, f"{other} and {name}", "Leave one of them out.")
        if column.stacked:
            for k, half in enumerate(_ways(column, name, value, directions)):
                said = f"{name}[{k}]" if directions == 2 else name
                places.setdefault((layer, k), []).append(Found(said, half, entry))
        else:
            places.setdefault((layer, direction), []).append(Found(name, value, entry))
    return places


def _ways(column: Column, name: str, value: Array, directions: int) -> list[Array]:
    """An array in each direction: by its first axis, if that is how the layout stores them."""
    if not column.stacked:
        return [value] * directions
    if value.ndim == 0 or len(value) != directions:
        expected = f"{name} must have {directions} on its axis of directions"
        fail(ShapeError, WHERE, expected, value.shape, "bidirectional=True means two.")
    return list(value)


def _numbered(prefixes: Iterable[str]) -> bool:
    """Whether names differ in one number only: lstm, lstm_1, lstm_2."""
    return len({re.sub(r"_?\d+(?=[./:]|$)", "", prefix) for prefix in prefixes}) == 1


def _number(prefix: str) -> list[int]:
    """The numbers in a name, by which layers are in order: lstm_2 before lstm_10."""
    return [int(digits) for digits in re.findall(r"_?(\d+)(?=[./:]|$)", prefix)]


def _in_order(
    column: Column, arrays: list[list[Array]], layers: int | None, directions: int
) -> Places:
    """Arrays without names, in the order of the layout."""
    count = (layers or 1) * (1 if column.stacked else directions)
    if len(arrays) % count:
        expected = f"a list must hold as many arrays for each of {count} layers and directions"
        advice = "Give a dictionary with names, or layers=."
        fail(DataError, WHERE, expected, f"{len(arrays)} arrays", advice)
    each = len(arrays) // count
    places: Places = {}
    for k in range(count):
        layer, direction = (k, 0) if column.stacked else divmod(k, directions)
        own = arrays[k * each : (k + 1) * each]
        entries: list[Entry] = []
        for entry in column.entries:
            fits = len(entries) < each and own[len(entries)][0].ndim == entry.ndim
            if fits and entry.name not in {other.name for other in entries}:
                entries.append(entry)
        if len(entries) < each:
            listed = (name for name, _ in column.named(layer, direction, directions))
            expected = f"the arrays must be, in this order, {', '.join(dict.fromkeys(listed))}"
            got = f"shapes {', '.join(str(value[0].shape) for value in own)}"
            fail(DataError, WHERE, expected, got, "Give a dictionary with names, or layers=.")
        for entry, values in zip(entries, own, strict=True):
            for way in range(directions) if column.stacked else (direction,):
                names = {own: name for name, own in column.named(layer, way, directions)}
                name = names[entry]
                places.setdefault((layer, way), []).append(Found(name, values[way], entry))
    return places


def _complete(
    layout: Layout, column: Column, places: Places, layer: int, direction: int, directions: int
) -> None:
    """Every array that a layer cannot do without, and all of fitting shapes."""
    found = places.setdefault((layer, direction), [])
    there = {own.entry.name for own in found}
    groups = {own.entry.optional for own in found}
    groups |= {"bias"} if "second bias" in groups else set()
    missing = [
        name
        for name, entry in column.named(layer, direction, directions)
        if entry.name not in there and (not entry.optional or entry.optional in groups)
    ]
    if missing:
        where_it_is = f"layer {layer}" + (" backward" if direction else "")
        expected = f"{where_it_is} must have {', '.join(missing)}"
        fail(
            DataError,
            WHERE,
            expected,
            "no such array",
            f"print(LAYOUTS[{layout.name!r}]) lists all.",
        )
    sizes = [own.entry.units(own.array.shape) for own in found]
    for own, size in zip(found, sizes, strict=True):
        if size is None or size != sizes[0]:
            gates = len(own.entry.gates)
            blocks = f"{gates} blocks, one for each gate" if gates > 1 else "one block"
            expected = f"{own.name} must have {own.entry.ndim} axes and hold {blocks}"
            if size is not None:
                expected = f"{own.name} must have as many units as {found[0].name}, H={sizes[0]}"
            advice = "Are these arrays of this cell, and of this layout?"
            fail(ShapeError, WHERE, expected, own.array.shape, advice)
