"""Layers side by side: one input, several branches, joined at the end.

::

              ┌─► branch 0 ─► y_0 ─┐
    x ────────┼─► branch 1 ─► y_1 ─┼─► join ─► y
              └─► …               ─┘

    concat  y = [y_0, y_1, …]           dy_k = its part of dy
    sum     y = y_0 + y_1 + …           dy_k = dy
    ave     y = (y_0 + y_1 + …) / n     dy_k = dy / n
    mul     y = y_0 * y_1 * …           dy_k = dy * all the others
    none    y (…, n, K), not joined: an extra axis for the branches
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from npstack.core import params as names
from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Tape
from npstack.layers.base import Layer
from npstack.layers.boundary import check_layer, tape_of
from npstack.layers.interface import Context, Interface, States


class Merge(NamedTuple):
    """How branches are joined: the outputs, and backward the gradient of each.

    Attributes
    ----------
    join : callable
        From a list of arrays ``(…, K)`` to one.
    part : callable
        From the gradient of the result, and the list, to the list of their gradients.
    """

    join: Callable[[list[Array]], Array]
    part: Callable[[Array, list[Array]], list[Array]]


def _split(dy: Array, ys: list[Array]) -> list[Array]:
    """The part of each branch in an array that was joined along the last axis."""
    return np.split(dy, np.cumsum([y.shape[-1] for y in ys])[:-1], axis=-1)


def _times_others(dy: Array, ys: list[Array]) -> list[Array]:
    """For each branch, ``dy`` times all others; multiplied, never divided."""
    return [reduce(np.multiply, [*ys[:k], *ys[k + 1 :]], dy) for k in range(len(ys))]


MERGES: dict[str, Merge] = {
    "concat": Merge(lambda ys: np.concatenate(ys, axis=-1), _split),
    "sum": Merge(lambda ys: reduce(np.add, ys), lambda dy, ys: [dy] * len(ys)),
    "ave": Merge(lambda ys: reduce(np.add, ys) / len(ys), lambda dy, ys: [dy / len(ys)] * len(ys)),
    "mul": Merge(lambda ys: reduce(np.multiply, ys), _times_others),
    "none": Merge(lambda ys: np.stack(ys, axis=-2), lambda dy, ys: list(np.moveaxis(dy, -2, 0))),
}


ALIKE = {  # what must be the same in all branches, and how an error says it
    "keeps_time": "a time axis that is kept",
    "takes_symbols": "symbols that are read",
    "makes_time": "a new time axis",
    "turned": "outputs in reverse order",
    "extra_axis": "an extra axis",
}


class Branches(Layer):
    """Layers by name that read one input and are joined; `Parallel` and `Bidirectional`."""

    tape_type = CompositeTape

    def __init__(self, children: Mapping[str, Layer], merge: str) -> None:
        where = type(self).__name__
        self.merge = check_option(where, "merge", merge, MERGES)
        interfaces = [layer.interface for layer in children.values()]
        super().__init__({}, _joined(where, interfaces, merge), children)

    def _forward(self, params: Params, x: Array, context: Context) -> CompositeTape:
        tapes = [
            tape_of(layer, layer.pass_on(own, x, context._replace(states=states, noise=noise)))
            for layer, own, states, noise in self.handed(params, context)
        ]
        leading = {tape.outputs.shape[:-1] for tape in tapes}
        if len(leading) > 1:
            where, expected = f"{type(self).__name__}.forward", "all branches must be as long"
            advice = "Give every RepeatVector in them the same steps."
            fail(ShapeError, where, expected, sorted(tape.outputs.shape for tape in tapes), advice)
        outputs = MERGES[self.merge].join([tape.outputs for tape in tapes])
        tape: CompositeTape = self.composed(params, x, context, outputs, tapes)
        return tape

    def _backward(
        self, tape: CompositeTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        douts = MERGES[self.merge].part(doutputs, [part.outputs for part in tape.parts])
        grads: dict[str, Array] = {}
        dinitial, dxs = [], []
        branches = zip(self.children.items(), tape.parts, douts, self.shares(dfinal), strict=True)
        for (name, layer), part, dout, own in branches:
            dparams, dx, dstates = layer.pass_back(part, np.ascontiguousarray(dout), own)
            grads |= names.with_prefix(name, dparams)
            dinitial.append(dstates)
            dxs.append(dx)
        dx = None if self.interface.takes_symbols else np.sum(dxs, axis=0)  # type: ignore[arg-type]
        return grads, dx, self.gather(dinitial)

    def gather(self, shares: list[States]) -> States:
        """The states of all branches, from those of each: the inverse of `shares`."""
        return tuple(state for own in shares for state in own)

    def _after(self, context: Context, tape: Tape) -> Context:
        first = next(iter(self.children.values()))
        return first._after(context, tape.parts[0])

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        shapes_ = [
            layer._outputs_shape(part)
            for layer, part in zip(self.children.values(), tape.parts, strict=True)
        ]
        *leading, K = shapes_[0]
        if self.merge == "none":
            return (*leading, len(shapes_), K)
        return (*leading, sum(s[-1] for s in shapes_) if self.merge == "concat" else K)


def _joined(where: str, branches: list[Interface], merge: str) -> Interface:
    """The interface of joined branches, which must treat the time axis in the same way."""
    first = branches[0]
    for name, meaning in ALIKE.items():
        having = [k for k, branch in enumerate(branches) if getattr(branch, name)]
        if having and len(having) < len(branches):
            got = f"{meaning} in branch {', '.join(map(str, having))} only"
            expected = "all branches must do the same with the time axis"
            fail(ShapeError, where, expected, got, "Build all with the same return_sequences.")
    input_size = _shared(where, "take", [n.input_size for n in branches])
    sizes = [input_size if n.output_size is None else n.output_size for n in branches]
    if merge == "concat" and len(sizes) > 1:
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            expected, got = "one branch must have a size", "layers that take any"
            fail(ShapeError, where, expected, got, "How wide they are together is not known.")
        output_size: int | None = sum(known)
    else:
        output_size = _shared(where, "output", sizes)
    return replace(
        first,
        input_size=input_size,
        output_size=output_size,
        needs_time=any(n.needs_time for n in branches),
        takes_vector=any(n.takes_vector for n in branches),
        extra_axis=first.extra_axis or merge == "none",
        causal=all(n.causal for n in branches),
    )


def _shared(where: str, verb: str, sizes: list[int | None]) -> int | None:
    found = sorted({size for size in sizes if size is not None})
    if len(found) > 1:
        advice = "merge='concat' joins branches of different widths."
        fail(ShapeError, where, f"all branches must {verb} the same number", found, advice)
    return found[0] if found else None


class Parallel(Branches):
    """Several layers that read the same input, joined.

    Parameters
    ----------
    *layers : Layer
        At least one; parameters are named by position, ``0.W``, ``1.W`` …
    merge : {"concat", "sum", "mul", "ave", "none"}
        How the outputs are joined. ``none`` keeps them apart on an extra axis, ``(…, n, K)``.

    Examples
    --------
    >>> from npstack import LSTM, Dense
    >>> rng = np.random.default_rng(0)
    >>> layer = Parallel(LSTM(3, 8, rng=rng), Dense(3, 4, rng=rng))
    >>> layer.forward(np.ones((2, 5, 3))).outputs.shape
    (2, 5, 12)
    """

    def __init__(self, *layers: Layer, merge: str = "concat") -> None:
        where = type(self).__name__
        if not layers:
            fail(ArgumentError, where, "give at least one layer", "none", f"{where}(LSTM(…)).")
        for k, layer in enumerate(layers):
            check_layer(where, f"argument {k}", layer)
        super().__init__({str(k): layer for k, layer in enumerate(layers)}, merge)
