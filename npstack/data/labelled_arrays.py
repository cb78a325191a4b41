"""Labelled sequences of different lengths in the arrays of an NPZ file.

A file written by ``np.savez`` with ``x (N, T, D)``; ``y (N,)`` or ``(N, T)``, integers or
texts; if the sequences differ in length, ``lengths (N,)``; and, if you like, the names
``features (D,)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npstack.core.errors import DataError, NonFiniteError, describe, fail
from npstack.core.numerics import Array
from npstack.data.amounts import check_room
from npstack.data.labelled import Labelled, label_numbers
from npstack.data.loaders import load_npz
from npstack.data.table import check_names
from npstack.files.paths import of_file
from npstack.files.strict_json import brief
from npstack.losses.samples import Samples

OTHERS = ("features", "lengths", "y")
NAME_BYTES = 64  # of the name of a sequence or a feature, about


def load_labelled_npz(
    path: str | Path, *, classes: Sequence[str] | None = None, most_bytes: int = 2**30
) -> Labelled:
    """Read sequences from arrays ``x``, ``y``, ``lengths`` and ``features``.

    Parameters
    ----------
    path : str or Path
    classes, most_bytes
        As for `load_labelled_csv` and `load_npz`. Without ``y`` in the file there are no labels.

    Returns
    -------
    Labelled

    Raises
    ------
    DataError
        All that `load_npz` raises; an array has the wrong shape or type, or contradicts another;
        the arrays would need more than ``most_bytes`` as float64.
    NonFiniteError
        NaN or infinity at a step of a sequence.
    """
    where = of_file("load_labelled_npz", path)
    told = None if classes is None else tuple(check_names(where, "classes", classes, "calm"))
    arrays = load_npz(path, most_bytes)
    if "x" not in arrays or not arrays.keys() <= {"x", *OTHERS}:
        expected = f"the arrays must be x, and of {', '.join(OTHERS)} what there is"
        got = ", ".join(map(brief, list(arrays)[:10])) + (", …" if len(arrays) > 10 else "")
        advice = "Rename them, and leave out all others: np.savez(path, x=…, y=…)."
        fail(DataError, where, expected, got, advice)
    x = _check(where, "x", arrays["x"], "iuf", 3, None)
    B, T, D = x.shape
    if 0 in x.shape:
        fail(DataError, where, "x must be (N, T, D), none of them 0", x.shape, "Is it complete?")
    row_bytes = T * (D * 8 + 1) + NAME_BYTES * (1 + -(-D // B))  # float64, mask, and names
    advice = "Cut the longest sequences, or divide the file."
    check_room(DataError, where, "x as float64", (B, T), row_bytes, most_bytes, advice)
    x = x.astype(np.float64)
    lengths = _check(where, "lengths", arrays.get("lengths", np.full(B, T)), "iu", 1, (B,))
    if lengths.min() < 1 or lengths.max() > T:
        row = int(np.argmax((lengths < 1) | (lengths > T)))
        expected, got = f"lengths must lie between 1 and T={T}", f"{lengths[row]} in row {row}"
        advice = "Leave empty sequences out." if lengths[row] == 0 else "Correct it."
        fail(DataError, where, expected, got, advice)
    mask = np.arange(T) < lengths[:, np.newaxis]
    if not np.isfinite(x[mask]).all():
        b, t, d = np.argwhere(~np.isfinite(x) & mask[..., np.newaxis])[0].tolist()
        expected, got = "x must be finite at the steps of a sequence", f"{x[b, t, d]}"
        advice = "Is it padding? Give lengths, too. Is a value missing? Fill it in."
        fail(NonFiniteError, f"{where}, sequence {b}, time step {t}", expected, got, advice)
    names = _check(where, "features", arrays.get("features", _numbered("feature", D)), "U", 1, (D,))
    y, known = np.full(B, -1, np.int64), told or ()
    if "y" in arrays:
        given = arrays["y"]
        given = _check(where, "y", given, "iuU", 2 if given.ndim == 2 else 1, (B, T)[: given.ndim])
        valid = mask if given.ndim == 2 else np.ones(B, bool)
        each, codes = np.unique(given[valid], return_inverse=True)
        places = np.argwhere(valid)
        if "" in each.tolist():
            place = places[int(np.argmax(given[valid] == ""))].tolist()
            fail(DataError, f"{where}, y{place}", "every label must be a word", "''", "Fill it in.")
        y = np.zeros(given.shape, np.int64)
        y[valid], known = label_numbers(
            where,
            tuple(map(str, each.tolist())),
            codes.ravel(),
            lambda k: f"y{places[k].tolist()}",
            told,
        )
    x[~mask] = 0.0
    ids = tuple(map(str, range(B)))
    return Labelled(Samples(x, y, mask), known, tuple(names.tolist()), ids)


def _numbered(name: str, count: int) -> Array:
    return np.array([f"{name} {d}" for d in range(count)])


def _check(
    where: str, name: str, value: Array, kinds: str, ndim: int, shape: tuple[int, ...] | None
) -> Any:
    """Check an array: its kind of numbers (or texts) and its shape."""
    words = {"iuf": "numbers", "iu": "integers", "U": "texts", "iuU": "integers or texts"}
    if value.dtype.kind not in kinds or value.ndim != ndim or (shape or value.shape) != value.shape:
        letters = "(N, T, D)" if shape is None else str(shape)
        got = describe(value)
        advice = (
            "There are N sequences of T steps and D features; shorter ones are padded at the end."
        )
        fail(DataError, where, f"{name} must be {words[kinds]} {letters}", got, advice)
    return value
