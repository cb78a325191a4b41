"""Every way in which arrays can be read, if nobody knows where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, DataError, NpstackError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.interop.imported import Imported
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import USUAL, Column, with_default
from npstack.interop.naming import column_of, values_of
from npstack.interop.reading import read

ELMAN = ("tanh", "relu")
SIGMOIDS = ("sigmoid", "hard_sigmoid_fifth", "hard_sigmoid_sixth")


class Reading(NamedTuple):
    """One way to read arrays.

    Attributes
    ----------
    layout : str
    options : dict
        Arguments of `read`: ``read(arrays, reading.layout, cell=…, **reading.options)``.
    assumes : tuple of str
        What the arrays do not say.
    imported : Imported
        The layer.
    """

    layout: str
    options: dict[str, Any]
    assumes: tuple[str, ...]
    imported: Imported

    @property
    def layer(self) -> Any:
        """The layer that these arrays make."""
        return self.imported.layer

    def __str__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.layout}({listed})"


def readings(
    arrays: Mapping[str, Any] | Sequence[Any],
    *,
    cell: str = "lstm",
    layouts: Iterable[str] | None = None,
) -> tuple[Reading, ...]:
    """Every reading that the shapes of some arrays admit.

    Names decide if they are those of some layout; else, or if a list is given, the arrays are taken
    in their order. Among the readings, only data can choose: run each on a recorded input, and
    compare what it computes with the outputs (`nearest`), or compare losses.

    Parameters
    ----------
    arrays : dict of array, or sequence of array
    cell : {"lstm", "gru", "rnn"}
    layouts : list of str, optional
        Those that come into question; all by default.

    Returns
    -------
    tuple of Reading
        Of every layout: how many layers, one or two directions, either form of a GRU, with and
        without a forget bias at run time, each of three sigmoids, tanh or relu in an Elman network,
        where the arrays do not decide and the layout has it.

    Raises
    ------
    DataError
        No layout admits these arrays.

    Examples
    --------
    >>> arrays = [np.ones((3, 8)), np.ones((2, 8)), np.ones(8)]
    >>> [str(reading) for reading in readings(arrays, layouts=["flax-nnx", "pytorch-cell"])][:2]
    ["flax-nnx(activations={'gates': 'sigmoid'})",
     "flax-nnx(activations={'gates': 'hard_sigmoid_fifth'})"]
    """
    cell = check_option("readings", "cell", cell, USUAL)
    names = [*LAYOUTS] if layouts is None else list(layouts)
    columns = {
        name: column_of("readings", name, cell)[1]
        for name in names
        if name not in LAYOUTS or LAYOUTS[name].column(cell)
    }
    in_order = values_of(arrays)
    found: list[Reading] = []
    for given in (arrays, in_order) if isinstance(arrays, Mapping) else (in_order,):
        counts = (None,) if given is arrays and isinstance(arrays, Mapping) else _counts(in_order)
        for name, column in columns.items():
            for options in _variants(cell, column, counts):
                made = _tried(given, name, cell, options)
                if made is not None:
                    found.append(Reading(name, options, made.report.assumed, made))
        if found:
            break
    if not found:
        listed = ", ".join(str(np.shape(value)) for value in in_order)
        advice = "Are they those of one part, in its order? Another cell: cell='gru', cell='rnn'."
        expected = f"some layout must admit these arrays as those of cell={cell!r}"
        fail(DataError, "readings", expected, f"shapes {listed}", advice)
    return tuple(found)


def _counts(arrays: Sequence[Any]) -> tuple[int | None, ...]:
    """How many layers a list of arrays can have."""
    count = len(arrays)
    return (None, *(k for k in range(2, count // 2 + 1) if count % k == 0))


def _variants(cell: str, column: Column, counts: Sequence[int | None]) -> Iterator[dict[str, Any]]:
    """Arguments of `read` that arrays do not decide."""
    place = {"lstm": "input", "gru": "update", "rnn": "hidden"}[cell]
    name = "hidden" if cell == "rnn" else "gates"
    usual = with_default(cell, column, None)[place]
    known = ELMAN if cell == "rnn" else SIGMOIDS
    chosen = [own for own in known if own == usual or not column.offers or own in column.offers]
    free = column.choosable and place not in column.fixed
    choices: dict[str, Sequence[Any]] = {
        "layers": counts,
        "activations": [{name: own} for own in chosen] if free else [None],
        "forget_bias": [column.forget_bias, 0.0] if column.forget_bias else [None],
        "reset": column.reset if len(column.reset) > 1 else [None],
        "bidirectional": [None, True] if len(column.directions) > 1 else [None],
    }
    for values in product(*choices.values()):
        told = zip(choices, values, strict=True)
        yield {name: value for name, value in told if value is not None}


def _tried(given: Any, layout: str, cell: str, options: dict[str, Any]) -> Imported | None:
    """The layer of one reading; None if the arrays do not admit it."""
    try:
        return read(given, layout, cell=cell, **options)
    except NpstackError:
        return None


def nearest(found: Sequence[Reading], x: Array, outputs: Array) -> list[tuple[float, Reading]]:
    """The readings by how well they compute recorded outputs, best first.

    Parameters
    ----------
    found : sequence of Reading
    x : array (B, T, D)
    outputs : array (B, T, H)

    Returns
    -------
    list of (float, Reading)
        The error is max|difference| / max|outputs|; infinite if the shapes differ. Readings with
        equal errors are the same function.

    Raises
    ------
    ShapeError
        No reading gives outputs of this shape.

    Examples
    --------
    >>> from npstack import LSTM
    >>> from npstack.interop.writing import write
    >>> layer = LSTM(3, 2, bias_init="uniform", rng=np.random.default_rng(0))
    >>> arrays, _ = write(layer, "dynet")
    >>> x = np.random.default_rng(1).standard_normal((2, 5, 3))
    >>> found = readings(list(arrays.values()))
    >>> error, best = nearest(found, x, layer.forward(x).outputs)[0]
    >>> print(len(found), best)
    3 dynet(forget_bias=1.0)
    """
    if not len(found):
        fail(ArgumentError, "nearest", "there must be readings", "none", "See readings.")
    x, outputs = np.asarray(x), np.asarray(outputs)
    largest = float(np.abs(outputs).max()) or 1.0
    errors = []
    for reading in found:
        error = float("inf")
        dtype = next(iter(reading.layer.params.values())).dtype
        try:
            own = np.asarray(reading.layer.forward(x.astype(dtype)).outputs)
        except NpstackError:
            own = np.empty(0)
        if own.shape == outputs.shape:
            error = float(np.abs(own - outputs).max()) / largest
        errors.append((error, reading))
    if min(error for error, _ in errors) == float("inf"):
        expected = "x must be (B, T, D) and outputs (B, T, H), of every step, as of one reading"
        advice = "Record the whole sequence, batch first: x[np.newaxis] if there is one row."
        fail(ShapeError, "nearest", expected, f"{x.shape} and {outputs.shape}", advice)
    return sorted(errors, key=lambda pair: pair[0])
