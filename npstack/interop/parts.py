"""Where the recurrent layers of a model are, whatever it is: a live object, a file, or arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import ArgumentError, DataError, describe, fail
from npstack.core.numerics import Array
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import Column, Entry

BLOCKS = {4: "lstm", 3: "gru", 1: "rnn"}
BY_NAME = (
    "pytorch",
    "pytorch-cell",
    "equinox",
    "keras",
    "keras2-cudnn",
    "flax-linen",
    "flax-nnx",
    "mxnet",
    "lasagne",
    "dynet",
)
IN_FLAX = ("flax-linen", "flax-nnx")
BACKWARD = "backward_rnn"  # as Bidirectional of Flax calls it
FOREIGN = (
    ("MGUCell", "gru", ("if/kernel", "hf/kernel", "in/kernel", "hn/kernel")),
    ("ConvLSTMCell", "lstm", ("ih/kernel", "hh/kernel")),
)


class RecurrentPart(NamedTuple):
    """A recurrent layer, or a stack of them, in a model of another framework.

    Attributes
    ----------
    name : str
        Its path in the model; empty if it is the model.
    kind : str
        lstm, gru or rnn.
    input_size, hidden_size, layers : int
    bidirectional : bool
    layout : str
        A name in ``LAYOUTS``.
    attributes : dict
        Further arguments of `read`.
    refused : str
        Why it cannot be brought in, and what to do; empty if it can.
    assumed : tuple of str
        What the model does not say, and was taken to be so: a sentence each.
    """

    name: str
    kind: str
    input_size: int
    hidden_size: int
    layers: int
    bidirectional: bool
    layout: str
    attributes: dict[str, Any]
    refused: str = ""
    assumed: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = f"{self.layers} x " if self.layers > 1 else ""
        both = ", two directions" if self.bidirectional else ""
        sizes = f"{count}{self.kind} {self.input_size} -> {self.hidden_size}{both}"
        said = f"{self.name or '(the model)'}: {sizes}, {self.layout}"
        return f"{said}. Not to be brought in: {self.refused}" if self.refused else said


def parts_of_arrays(arrays: Mapping[str, Array]) -> tuple[RecurrentPart, ...]:
    """The recurrent layers in a dictionary of arrays, recognised by their names and shapes.

    Cells of Flax read from the end if they are below ``backward_rnn``; those that npstack does not
    have, and those stacked by ``vmap`` or ``scan``, are listed with the reason.

    Examples
    --------
    >>> arrays = {"rnn.weight_ih": np.ones((8, 3)), "rnn.weight_hh": np.ones((8, 2))}
    >>> print(*parts_of_arrays({**arrays, "head.weight": np.ones((1, 2))}))
    rnn: lstm 3 -> 2, pytorch-cell
    """
    found = {part.name: part for part in (*_stacked_in_flax(arrays), *_foreign_in_flax(arrays))}
    for part in _recognised(arrays, BY_NAME):
        back = part.layout in IN_FLAX and BACKWARD in re.split(r"[./:]", part.name)
        found[part.name] = part._replace(attributes={"backwards": True} if back else {})
    return tuple(found[name] for name in sorted(found, key=lambda name: _first(name, arrays)))


def _recognised(arrays: Mapping[str, Array], layouts: tuple[str, ...]) -> list[RecurrentPart]:
    """The parts in these layouts; one for each name."""
    found: dict[str, tuple[int, RecurrentPart]] = {}
    for layout in layouts:
        for kind in BLOCKS.values():
            column = LAYOUTS[layout].column(kind)
            if column is None:
                continue
            for prefix, hits in _by_prefix(column, arrays).items():
                part = _part(prefix.rstrip("./:"), kind, layout, hits)
                if part is not None:  # the layout that has a place for most of the arrays
                    other = found.get(part.name, (0, part))
                    found[part.name] = max(other, (len(hits), part), key=lambda own: own[0])
    return [part for _, part in found.values()]


def _stacked_in_flax(arrays: Mapping[str, Array]) -> Iterator[RecurrentPart]:
    """Cells of Flax whose arrays have one axis more."""
    why = (
        "Its arrays have one axis more: several cells, made by vmap or scan. Bring in each "
        "of them: jax.tree.map(lambda a: a[k], params)."
    )
    first = {name: value[0] for name, value in arrays.items() if np.ndim(value) and len(value)}
    for part in _recognised(first, IN_FLAX):
        yield part._replace(refused=why)


def _foreign_in_flax(arrays: Mapping[str, Array]) -> Iterator[RecurrentPart]:
    """Cells of Flax that npstack does not have."""
    for name, value in arrays.items():
        for said, kind, names in FOREIGN:
            path = name.removesuffix(names[0])
            if path == name or path[-1:] not in ("", "/") or np.ndim(value) < 2:
                continue
            there = {key.removeprefix(path) for key in arrays if key.startswith(path)}
            if {key for key in there if key.count("/") == 1 and key.endswith("kernel")} == {*names}:
                rows, columns = np.shape(value)[-2:]
                units = columns // 4 if kind == "lstm" else columns
                why = f"{said} is no cell of npstack."
                yield RecurrentPart(
                    path.rstrip("/"), kind, rows, units, 1, False, "flax-linen", {}, why
                )


def _first(name: str, arrays: Iterable[str]) -> int:
    """The place of the first array of a part."""
    own = re.compile(re.escape(name) + r"[./:].*" if name else ".*", re.DOTALL)
    return next(k for k, key in enumerate(arrays) if own.fullmatch(key))


class _Hit(NamedTuple):
    """An array whose name is one of a layout."""

    layer: int
    direction: int
    entry: Entry
    shape: tuple[int, ...]


def _by_prefix(column: Column, arrays: Mapping[str, Array]) -> dict[str, list[_Hit]]:
    """The arrays with names of a layout, by what the names begin with."""
    found: dict[str, list[_Hit]] = {}
    for name, value in arrays.items():
        hit = column.match(name, np.ndim(value))
        if hit is not None:
            prefix, layer, direction, entry = hit
            found.setdefault(prefix, []).append(_Hit(layer or 0, direction, entry, np.shape(value)))
    return found


def _part(name: str, kind: str, layout: str, hits: list[_Hit]) -> RecurrentPart | None:
    """The part of these arrays; None if they are not those of this kind of cell."""
    column = LAYOUTS[layout].column(kind)
    assert column is not None
    first = {hit.entry: hit for hit in reversed(hits) if hit.layer == 0 and hit.direction == 0}
    there = {entry.name for entry in first}
    if any(not entry.optional and entry.name not in there for entry in column.entries):
        return None
    sizes = {hit.entry.units(hit.shape) for hit in hits}
    if len(sizes) > 1 or None in sizes:
        return None
    rows = {e.role: hit.shape[1 if e.turned else 0] for e, hit in first.items()}
    (H,) = sizes
    projected = any(entry.role == "R" for entry in first)  # its h' has another width
    if rows["U"] != H and not projected:
        return None
    layers, two = 1 + max(hit.layer for hit in hits), any(hit.direction for hit in hits)
    return RecurrentPart(name, kind, rows["W"], H or 0, layers, two, layout, {})


def arrays_of_part(arrays: Mapping[str, Array], part: RecurrentPart) -> dict[str, Array]:
    """The arrays of one part, among those of a model; bfloat16 as float32, which holds it."""
    column = LAYOUTS[part.layout].column(part.kind)
    assert column is not None
    pattern = re.compile(re.escape(part.name) + r"[./:]" if part.name else "")
    return {
        name: value.astype(np.float32) if value.dtype.name == "bfloat16" else value
        for name, value in arrays.items()
        if (hit := column.match(name, np.ndim(value))) is not None
        and (pattern.fullmatch(hit[0]) or hit[0] == part.name)
    }


def the_part(where: str, parts: tuple[RecurrentPart, ...], name: str | None) -> RecurrentPart:
    """The part of this name, or the only one; one that can be brought in."""
    listed = ", ".join(repr(part.name) for part in parts)
    if not parts:
        expected = "there must be a recurrent layer"
        advice = "If its arrays have names of their own, give them to read, in a list."
        fail(DataError, where, expected, "none that is known", advice)
    if name is None and len(parts) > 1:
        fail(ArgumentError, where, "part must name one part", listed, f"part={parts[0].name!r}.")
    chosen = [part for part in parts if name in (None, part.name)]
    if not chosen:
        expected = f"part must be one of {listed}"
        fail(ArgumentError, where, expected, describe(name), f"part={parts[0].name!r}.")
    if chosen[0].refused:
        expected = f"{chosen[0].name or 'the model'} must be a layer that npstack can hold"
        fail(DataError, where, expected, chosen[0].kind, chosen[0].refused)
    return chosen[0]
