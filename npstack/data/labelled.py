"""Labelled sequences of different lengths, for classification and tagging: loaders and layouts.

A **CSV file** has one line per time step (the long format). Lines of one sequence stand together:

::

    sequence,step,temperature,pressure,label
    a,0,20.5,1013,calm
    a,1,20.1,1009,calm
    b,0,18.0,990,storm

``sequence`` names the sequence. ``step`` may be left out; where it is given, it must rise within a
sequence (gaps are not filled). ``label`` is the same in every line of a sequence, or one per step.
All other columns are features.

An **NPZ file**, as ``np.savez`` writes it, holds ``x (N, T, D)``; ``y (N,)`` or ``(N, T)``,
integers or texts; if the sequences differ in length, ``lengths (N,)``; and, if you like, the names
``features (D,)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_option
from npstack.core.errors import DataError, describe, fail
from npstack.core.masks import check_finite
from npstack.core.numerics import Array
from npstack.data.lines import number
from npstack.data.loaders import load_npz
from npstack.data.ragged import pad
from npstack.data.table import Advice, find_column, records, refuse
from npstack.files.strict_json import brief
from npstack.losses.samples import Samples


class Labelled(NamedTuple):
    """Sequences with a class each, or one at every step.

    Attributes
    ----------
    samples : Samples
        ``x (B, T, D)`` float64, padded on the right; ``y``, the number of the class, ``(B,)`` or at
        every step ``(B, T)`` (0 in the padding), int64, and -1 where there are no labels;
        ``mask (B, T)``, True at the steps of a sequence.
    classes : tuple of str
        Class k is called ``classes[k]``.
    features : tuple of str
        The names of the D columns.
    ids : tuple of str
        The names of the B sequences.
    """

    samples: Samples
    classes: tuple[str, ...]
    features: tuple[str, ...]
    ids: tuple[str, ...]


class Classification(NamedTuple):
    """A data set with the division into training and test that others use, too.

    Attributes
    ----------
    train, test : Samples
        ``x (B, T, D)`` float64; ``y (B,)`` int64, the number of the class; ``mask (B, T)``, True
        at the steps of a sequence, or None where all have the same length.
    classes : tuple of str
        Class k is called ``classes[k]``.
    features : tuple of str
        The names of the D columns.
    """

    train: Samples
    test: Samples
    classes: tuple[str, ...]
    features: tuple[str, ...]


def load_labelled_csv(
    path: str | Path,
    *,
    labels: str = "sequence",
    classes: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    called: Mapping[str, str] | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    comment: str = "#",
) -> Labelled:
    """Read sequences in the long format: one line per step, see the head of this module.

    Parameters
    ----------
    path : str or Path
    labels : {"sequence", "step", "none"}
        Whether ``label`` belongs to the sequence or to each step. "none" reads files with or
        without the column, for prediction.
    classes : sequence of str, optional
        Names of the classes in order: those of the training data, so that numbers mean the same.
        By default those that occur, in order of number if all are whole numbers, or of alphabet.
    features : sequence of str, optional
        Names of columns; by default all but ``sequence``, ``step`` and ``label``.
    called : dict, optional
        What these three are called in the file, where it is something else:
        ``{"label": "weather"}``.
    delimiter, decimal, comment
        As for `load_csv`.

    Returns
    -------
    Labelled

    Raises
    ------
    DataError
        All that `load_csv` raises; a column is missing, a label changes within a sequence or is
        unknown, a step does not rise, a sequence comes back after it has ended.
    """
    where = f"load_labelled_csv({str(path)!r})"
    check_option(where, "labels", labels, ["sequence", "step", "none"])
    check_option(where, "decimal", decimal, [".", ","])
    head, rows = records(path, where, delimiter, decimal, comment, header=True)
    special = {name: name for name in ("sequence", "step", "label")} | dict(called or {})
    names = head.names
    given = [name for name in names if name not in special.values()]
    chosen = given if features is None else list(features)
    columns = [find_column(where, name, names) for name in chosen]
    if not columns:
        advice = "Add columns of numbers, one per feature."
        fail(DataError, where, "the table must have features", ", ".join(names), advice)
    place = {key: names.index(name) for key, name in special.items() if name in names}
    for needed in ["sequence"] + (["label"] if labels != "none" else []):
        find_column(where, special[needed], names)
    steps: dict[str, list[list[float]]] = {}
    tags: dict[str, list[tuple[str, str]]] = {}
    current, before = "", -math.inf
    for n, fields in rows:
        at = f"{where}, line {n}"
        key = fields[place["sequence"]]
        if key not in steps:
            steps[key], tags[key], before = [], [], -math.inf
        elif key != current:
            expected = "lines of one sequence must stand together"
            fail(DataError, at, expected, f"{brief(key)} again", "Sort the file by sequence.")
        current = key
        if "step" in place:
            before = _next_step(at, fields[place["step"]], before, decimal)
        steps[key].append([_value(at, names, fields, j, decimal) for j in columns])
        if labels != "none":
            tag = fields[place["label"]]
            if not tag or (labels == "sequence" and tags[key] and tag != tags[key][0][0]):
                expected = "every line must have the label of its sequence"
                advice = "One for each step? Use labels='step'."
                fail(DataError, f"{at}, column {place['label'] + 1}", expected, brief(tag), advice)
            tags[key].append((tag, f"line {n}"))
    if not steps:
        fail(DataError, where, "lines must follow the header", "none", "Is the file complete?")
    found = [tag for key in steps for tag in (tags[key][:1] if labels == "sequence" else tags[key])]
    numbers, known = label_numbers(where, found, classes)
    arrays = [np.array(rows) for rows in steps.values()]
    if labels == "step":
        y = pad(np.split(numbers, np.cumsum([len(rows) for rows in arrays])[:-1])).x
    else:
        y = numbers if labels == "sequence" else np.full(len(arrays), -1, np.int64)
    return labelled(arrays, y, known, tuple(chosen), tuple(steps))


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
        All that `load_npz` raises; an array has the wrong shape or type, or contradicts another.
    NonFiniteError
        NaN or infinity at a step of a sequence.
    """
    where = f"load_labelled_npz({str(path)!r})"
    arrays = load_npz(path, most_bytes)
    known = {"x", "y", "lengths", "features"}
    if "x" not in arrays or not arrays.keys() <= known:
        expected = f"the arrays must be x, and of {', '.join(sorted(known - {'x'}))} what there is"
        got, advice = ", ".join(map(brief, arrays)), "Rename them: np.savez(path, x=…, y=…)."
        fail(DataError, where, expected, got, advice)
    x = _check(where, "x", arrays["x"], "iuf", 3, None).astype(np.float64)
    B, T, D = x.shape
    if 0 in x.shape:
        fail(DataError, where, "x must be (N, T, D), none of them 0", x.shape, "Is it complete?")
    lengths = _check(where, "lengths", arrays.get("lengths", np.full(B, T)), "iu", 1, (B,))
    if lengths.min() < 1 or lengths.max() > T:
        row = int(np.argmax((lengths < 1) | (lengths > T)))
        expected, got = f"lengths must lie between 1 and T={T}", f"{lengths[row]} in row {row}"
        fail(DataError, where, expected, got, "Leave empty sequences out.")
    mask = np.arange(T) < lengths[:, np.newaxis]
    check_finite(where, "x", x, mask)
    names = _check(where, "features", arrays.get("features", _numbered("feature", D)), "U", 1, (D,))
    y, found = np.full(B, -1, np.int64), tuple(classes or ())
    if "y" in arrays:
        given = arrays["y"]
        y = _check(where, "y", given, "iuU", 2 if given.ndim == 2 else 1, (B, T)[: given.ndim])
        told = mask if y.ndim == 2 else np.ones(B, bool)
        places = (f"y{list(map(int, index))}" for index in np.argwhere(told))
        tags = zip(map(str, y[told].tolist()), places, strict=True)
        numbers, found = label_numbers(where, list(tags), classes)
        y = np.zeros(y.shape, np.int64)
        y[told] = numbers
    x = np.where(mask[..., np.newaxis], x, 0.0)
    ids = tuple(map(str, range(B)))
    return Labelled(Samples(x, y, mask), found, tuple(names.tolist()), ids)


def label_numbers(
    where: str, tags: Sequence[tuple[str, str]], classes: Sequence[str] | None
) -> tuple[Array, tuple[str, ...]]:
    """Numbers for labels; each comes with the place where it stands, for the error."""
    known = class_order({name for name, _ in tags}) if classes is None else tuple(classes)
    numbers = {name: k for k, name in enumerate(known)}
    for name, place in tags:
        if name not in numbers:
            some = ", ".join(map(brief, known[:10])) + (", …" if len(known) > 10 else "")
            advice = "A model tells no class that it was not trained on."
            fail(
                DataError, f"{where}, {place}", f"label must be one of {some}", brief(name), advice
            )
    return np.array([numbers[name] for name, _ in tags], np.int64), known


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in order: as numbers if they all are, else by the alphabet.

    Examples
    --------
    >>> class_order({"10", "9"}), class_order({"b", "a", "1"})
    (('9', '10'), ('1', 'a', 'b'))
    """
    names = set(names)
    whole = all(name.isascii() and name.isdigit() and len(name) < 19 for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if whole else (0, name)))


def labelled(
    sequences: Sequence[Array],
    y: Array,
    classes: tuple[str, ...],
    features: tuple[str, ...],
    ids: tuple[str, ...],
) -> Labelled:
    """Sequences (T_i, D) in one array."""
    x, mask = pad(sequences)
    return Labelled(Samples(x, y, mask), classes, features, ids)


def _value(at: str, names: Sequence[str], fields: list[str], j: int, decimal: str) -> float:
    value = number(fields[j], decimal)
    if not math.isfinite(value):
        mend = Advice("Correct it, or leave the column out: features=[…].")
        mask = Advice("Fill it in, or leave out the step, or the column.")
        place = f"{at}, column {j + 1} ({brief(names[j])})"
        refuse(
            place,
            fields[j],
            decimal,
            Advice(f"Correct it, or {mend}"),
            Advice(f"Fill it in, or {mask}"),
        )
    return value


def _next_step(at: str, field: str, before: float, decimal: str) -> float:
    step = number(field, decimal)
    if not before < step < math.inf:
        expected = "step must be a number that rises within a sequence"
        got = f"{brief(field)}{f' after {before:g}' if before > -math.inf else ''}"
        fail(DataError, at, expected, got, "Sort the file by sequence and step.")
    return step


def _numbered(name: str, count: int) -> Array:
    return np.array([f"{name} {d}" for d in range(count)])


def _check(
    where: str, name: str, value: Array, kinds: str, ndim: int, shape: tuple[int, ...] | None
) -> Any:
    """An array of a kind of numbers (or texts) and a shape."""
    words = {"iuf": "numbers", "iu": "integers", "U": "texts", "iuU": "integers or texts"}
    if value.dtype.kind not in kinds or value.ndim != ndim or (shape or value.shape) != value.shape:
        letters = "(N, T, D)" if shape is None else str(shape)
        got = describe(value)
        advice = "N sequences of T steps and D features; shorter ones are padded on the right."
        fail(DataError, where, f"{name} must be {words[kinds]} {letters}", got, advice)
    return value
