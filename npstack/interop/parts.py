"""Where the recurrent layers of a model are, whatever it is: a live object, a file, or arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npstack.core.activations import Activation
from npstack.core.numerics import Array
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import USUAL, Column, Entry, activation_of, with_default

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
WHOLE = "(the model)"  # a part that is the model, and has no name
BACKWARD = "backward_rnn"  # as Bidirectional of Flax calls it
MERGED = {"sum": ", summed", "mul": ", multiplied", "ave": ", averaged", "none": ", not joined"}
CLIPPED = {
    "clip": "sums",
    "cell_clip": "cell state",
    "projection_clip": "projected state",
}
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
        What the arrays do not say, as arguments of `read`: ``activations``, ``reset``, ``clip``,
        ``cell_clip``, ``projection_clip``, ``coupled``, ``forget_bias``, ``backwards``, ``merge``,
        ``return_sequences``. Missing entries have the layout's usual value. ``print(part)`` says
        what differs from a plain layer.
    refused : str
        Why it cannot be brought in, and what to do; empty if it can.
    assumed : tuple of str
        What the model does not say, and was taken to be so: a sentence each.
    remarks : tuple of str
        What else the model does, such as dropout between layers, which is not brought in: a
        sentence each.
    projected : int
        Width of the projected hidden state (§3.5), which the layer returns; 0 if there is none.
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
    remarks: tuple[str, ...] = ()
    projected: int = 0

    def __str__(self) -> str:
        count = f"{self.layers} x " if self.layers > 1 else ""
        sizes = f"{self.input_size or '?'} -> {self.hidden_size or '?'}"
        merge = MERGED.get(self.attributes.get("merge", ""), "")
        both = [f"two directions{merge}"] * self.bidirectional
        words = [f"{count}{self.kind} {sizes}", *both, self.layout, *_particular(self)]
        said = f"{self.name or WHOLE}: {', '.join(words)}"
        return f"{said}. Not to be brought in: {self.refused}" if self.refused else said


def _particular(part: RecurrentPart) -> Iterator[str]:
    """What a layer does otherwise than a plain one, in a few words each."""
    told = part.attributes
    column = LAYOUTS[part.layout].column(part.kind) if part.layout in LAYOUTS else None
    if column is not None:
        yield from _functions(with_default(part.kind, column, told.get("activations")), part.kind)
    forms = () if column is None else column.reset
    if told.get("reset", forms[0] if len(forms) == 1 else "") == "before":
        yield "resets before the product"
    forget = told.get("forget_bias", 0.0 if column is None else column.forget_bias)
    if told.get("coupled"):
        yield "forget gate = 1 - input gate"
    elif forget:
        yield f"{forget:g} added to the forget gate's sum"
    for name, what in CLIPPED.items():
        if told.get(name):
            yield f"{what} clipped at {told[name]:g}"
    if part.projected:
        yield f"projected to {part.projected}"
    if told.get("backwards"):
        yield "reads from the end"
    if not told.get("return_sequences", True):
        yield "returns the last step only"


def _functions(given: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The activations that differ from sigmoid gates and tanh elsewhere."""
    usual = {gate: activation_of(value) for gate, value in USUAL[kind].items()}
    others = {
        gate: own
        for gate, value in given.items()
        if value is not None and (own := activation_of(value)) != usual[gate]
    }
    gates = [gate for gate, own in usual.items() if own.name == "sigmoid"]
    if len(gates) > 1 and all(others.get(gate) == others.get(gates[0], gate) for gate in gates):
        others = {"gates": others[gates[0]], **{k: v for k, v in others.items() if k not in gates}}
    for gate, own in others.items():
        plain = type(own) is Activation and own == Activation(own.name)
        yield f"{gate} {own.name if plain else own}"


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
    return tuple(sorted(found.values(), key=lambda part: _first(part, arrays)))


def _recognised(arrays: Mapping[str, Array], layouts: tuple[str, ...]) -> list[RecurrentPart]:
    """The parts in these layouts; one for each name."""
    found: dict[str, tuple[int, RecurrentPart]] = {}
    for layout in layouts:
        for kind in BLOCKS.values():
            column = LAYOUTS[layout].column(kind)
            if column is None:
                continue
            for prefix, hits in _by_prefix(column, arrays).items():
                part = _part(prefix.rstrip(column.joints), kind, layout, hits)
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


def _first(part: RecurrentPart, arrays: Iterable[str]) -> int:
    """The place of the first array of a part."""
    own = re.compile(f"{_beginning(part)}.*", re.DOTALL)
    return next(k for k, key in enumerate(arrays) if own.fullmatch(key))


def _beginning(part: RecurrentPart) -> str:
    """What the names of its arrays begin with, as a regular expression."""
    column = LAYOUTS[part.layout].column(part.kind)
    assert column is not None
    return f"{re.escape(part.name)}[{re.escape(column.joints)}]" if part.name else ""


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
    width = rows["U"] if projected else 0
    return RecurrentPart(name, kind, rows["W"], H or 0, layers, two, layout, {}, projected=width)


def arrays_of_part(arrays: Mapping[str, Array], part: RecurrentPart) -> dict[str, Array]:
    """The arrays of one part, among those of a model."""
    column = LAYOUTS[part.layout].column(part.kind)
    assert column is not None
    pattern = re.compile(_beginning(part))
    return {
        name: value
        for name, value in arrays.items()
        if (hit := column.match(name, np.ndim(value))) is not None
        and (pattern.fullmatch(hit[0]) or hit[0] == part.name)
    }
