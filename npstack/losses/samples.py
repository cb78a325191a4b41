"""Samples for training: inputs and targets, row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arrays import as_array
from npstack.core.errors import DtypeError, ShapeError, describe, fail, kind_of
from npstack.core.masks import check_bool_mask, check_mask
from npstack.core.numerics import Array, real
from npstack.losses.functions import Loss

# loss(predictions, targets, mask), and weights=… where samples have weights
LossFunction = Callable[..., Loss]


class Samples(NamedTuple):
    """Inputs and targets, row by row.

    Attributes
    ----------
    x : array (B, T, D), integers (B, T) for an embedding, or a NamedTuple of arrays
        A model with two inputs takes a NamedTuple; a batch takes the same rows from every field (a
        field may be None).
    y : array (B, T, K) or (B, K); integers (B, T) or (B,) for losses of classes
        Targets, in the form that the loss needs.
    mask : bool array (B, T), optional
        True at valid steps, which the model reads.
    counts : bool array (B, T) or (B,), optional
        True where a prediction counts in the loss; by default at every valid step. A warm-up is
        read by the model and does not count in the loss.
    weights : float array (B, T) or (B,), optional
        Weight of a prediction: the loss is the weighted mean.
    resets : bool array (B,), optional
        True if a row is reset in stateful training, before its first valid step; by default every
        row continues.

    Examples
    --------
    >>> samples = Samples(np.zeros((4, 5, 1)), np.arange(4.0)[:, np.newaxis])
    >>> samples.rows([2, 0]).y
    array([[2.],
           [0.]])
    """

    x: Any
    y: Array
    mask: NDArray[np.bool_] | None = None
    counts: NDArray[np.bool_] | None = None
    weights: Array | None = None
    resets: NDArray[np.bool_] | None = None

    def rows(self, chosen: Any) -> Samples:
        """Some of the rows."""
        return Samples(*(select_rows(part, chosen) for part in self))

    def steps(self, first: int, stop: int) -> Samples:
        """Some time steps of every row."""
        parts = {k: v for k, v in self._asdict().items() if v is not None and k != "resets"}
        return self._replace(**{name: part[:, first:stop] for name, part in parts.items()})

    def beginnings(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """``resets`` (B, T) for ``forward``: True at the first valid step of the chosen rows (B,).

        Examples
        --------
        >>> mask = np.array([[False, True, True], [True, True, True]])
        >>> samples = Samples(np.zeros((2, 3, 1)), np.zeros((2, 3, 1)), mask)
        >>> samples.beginnings(np.array([True, False])).astype(int)
        array([[0, 1, 0],
               [0, 0, 0]])
        """
        valid = check_mask("Samples.beginnings", self.mask, None, self.x.shape[:2])
        first: NDArray[np.bool_] = valid & (np.cumsum(valid, axis=1) == 1) & rows[:, np.newaxis]
        return first


def check_loss_function(where: str, loss: object) -> None:
    """A function; what it returns is seen when it is called."""
    if not callable(loss) or isinstance(loss, type):
        advice = "Use loss=mean_squared_error."
        fail(DtypeError, where, "loss must be a function", describe(loss), advice)


def select_rows(part: Any, chosen: Any) -> Any:
    """Rows of an array, of every array of a NamedTuple, or of nothing."""
    if isinstance(part, tuple):
        return type(part)(*(select_rows(inner, chosen) for inner in part))
    return None if part is None else part[chosen]


def check_samples(where: str, name: str, samples: object) -> Samples:
    """Samples from Samples or a pair, with the same number of rows in every part."""
    given = samples if isinstance(samples, tuple) else ()
    if not 2 <= len(given) <= len(Samples._fields) or given[0] is None or given[1] is None:
        got, advice = kind_of(samples), "Pass Samples(x, y) or the pair (x, y)."
        fail(DtypeError, where, f"{name} must be Samples with x and y", got, advice)
    parts = dict(zip(Samples._fields, given, strict=False))
    checked = Samples(**{k: as_arrays(where, f"{name}.{k}", part) for k, part in parts.items()})
    sizes: dict[str, tuple[int, ...]] = {}
    for field, part in checked._asdict().items():
        inner = part._asdict() if hasattr(part, "_asdict") else {"": part}
        names = {f"{field}.{k}".rstrip("."): array for k, array in inner.items()}
        sizes |= {k: np.shape(array)[:1] for k, array in names.items() if array is not None}
    count = (*next(iter(sizes.values())), 0)[0]
    if set(sizes.values()) != {(count,)}:
        expected = f"{name} must have {count} rows in every part"
        got = ", ".join(f"{size[0] if size else 'none'} in {k}" for k, size in sizes.items())
        fail(ShapeError, where, expected, got, "A row is one sequence with its target.")
    for field in ("mask", "counts"):  # of which shape, the model and the loss decide
        value = getattr(checked, field)
        if value is not None:
            check_bool_mask(where, value, value.shape, f"{name}.{field}", "where it counts")
    if checked.resets is not None:
        check_bool_mask(where, checked.resets, (count,), f"{name}.resets", "where a row is reset")
    return checked


def as_arrays(where: str, name: str, part: Any) -> Any:
    """An array from what NumPy makes one of; a NamedTuple of them part by part."""
    if hasattr(part, "_fields"):
        inner = zip(part._fields, part, strict=True)
        return type(part)(*(as_arrays(where, f"{name}.{field}", value) for field, value in inner))
    return None if part is None else as_array(where, name, part)


def counted(keeps_time: bool, samples: Samples) -> NDArray[np.bool_] | None:
    """The predictions that count: as ``counts`` says, at valid steps only."""
    if samples.mask is None or not keeps_time:
        return samples.counts
    if samples.counts is None:
        return samples.mask
    if samples.counts.shape != samples.mask.shape:  # (B,) would be compared with the time steps
        expected = f"counts must have the shape of mask, {samples.mask.shape}, as there is "
        expected += "a prediction at every step"
        advice = "For whole rows, use np.repeat(counts[:, np.newaxis], T, axis=1)."
        fail(ShapeError, "Samples", expected, samples.counts.shape, advice)
    return samples.mask & samples.counts


def total_weight(samples: Samples, counts: NDArray[np.bool_] | None, predictions: int) -> float:
    """The total weight of what counts, of so many predictions: the divisor of the loss, without K.

    Examples
    --------
    >>> samples = Samples(np.zeros((2, 3, 1)), np.zeros((2, 3, 1)))
    >>> total_weight(samples, None, 6), total_weight(samples, np.eye(2, 3, dtype=bool), 6)
    (6.0, 2.0)
    """
    if samples.weights is None:
        return float(predictions if counts is None else counts.sum())
    weights = real(samples.weights)
    if counts is not None and counts.shape != weights.shape:
        expected = f"weights must have the shape of what counts, {counts.shape}"
        fail(ShapeError, "Samples", expected, weights.shape, "There is one for each prediction.")
    return float((weights if counts is None else weights[counts]).sum())


def with_finite_total(parts: Sequence[Samples]) -> list[Samples]:
    """The same samples, with smaller weights if their sum is not a float.

    A factor of all weights changes no mean.
    """
    given = {k: part.weights for k, part in enumerate(parts) if part.weights is not None}
    given = {k: weights for k, weights in given.items() if weights.dtype.kind == "f"}
    with np.errstate(all="ignore"):
        if not np.isinf(sum(float(weights.sum()) for weights in given.values())):
            return list(parts)
    less = -sum(weights.size for weights in given.values()).bit_length()
    return [
        part._replace(weights=np.ldexp(given[k], less)) if k in given else part
        for k, part in enumerate(parts)
    ]


def loss_of(
    loss: LossFunction, predictions: Array, samples: Samples, counts: NDArray[np.bool_] | None
) -> Loss:
    """Value and gradient of the loss at the predictions."""
    if samples.weights is None:
        return Loss(*loss(predictions, samples.y, counts))
    return Loss(*loss(predictions, samples.y, counts, weights=samples.weights))
