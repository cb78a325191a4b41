"""Labelled sequences of different lengths, for classification and tagging: loaders and layouts.

A **CSV file** has one line per time step (the long format). Lines of a sequence follow one another:

::

    sequence,step,temperature,pressure,label
    a,0,20.5,1013,calm
    a,1,20.1,1009,calm
    b,0,18.0,990,storm

``sequence`` names the sequence. ``step`` may be left out; if it is given, it must increase within a
sequence (gaps are not filled). ``label`` is the same in every line of a sequence, or one per step.
All other columns are features.

`labelled_arrays` reads the same from an NPZ file.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, DataError, describe, fail
from npstack.core.numerics import Array
from npstack.data.lines import number
from npstack.data.ragged import Padded, check_padding, pad
from npstack.data.records import MOST_BYTES, records
from npstack.data.table import Advice, check_names, find_column, find_columns, refuse
from npstack.files.paths import of_file
from npstack.files.strict_json import brief
from npstack.losses.samples import Samples


class Labelled(NamedTuple):
    """Sequences with one class each, or with one at every step.

    Attributes
    ----------
    samples : Samples
        ``x (B, T, D)`` float64, padded on the right; ``y``, the number of the class, ``(B,)`` or at
        every step ``(B, T)`` (0 in the padding), int64, and -1 if there are no labels;
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
    """A data set with its usual division into training and test.

    Attributes
    ----------
    train, test : Samples
        ``x (B, T, D)`` float64; ``y (B,)`` int64, the number of the class; ``mask (B, T)``, True
        at the steps of a sequence, or None if all have the same length.
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
    most_bytes: int = MOST_BYTES,
) -> Labelled:
    """Read sequences in the long format: one line per step, as `npstack.data.labelled` shows it.

    Parameters
    ----------
    path : str or Path
    labels : {"sequence", "step", "none"}
        Whether ``label`` belongs to the sequence or to each step. "none" reads files with or
        without the column, for prediction.
    classes : sequence of str, optional
        Names of the classes in order: those of the training data, so that the numbers agree. By
        default the labels in the file, in numerical order if all are whole numbers, else sorted.
    features : sequence of str, optional
        Names of columns; by default all but ``sequence``, ``step`` and ``label``.
    called : dict, optional
        The names of these three columns in the file, if they are different:
        ``{"label": "weather"}``.
    delimiter, decimal, comment
        As for `load_csv`.
    most_bytes : int
        A larger file is refused, and so are sequences that would need more once they are padded
        to the longest.

    Returns
    -------
    Labelled

    Raises
    ------
    DataError
        All that `load_csv` raises; a column is missing, a label changes within a sequence or is
        unknown, a step does not increase, a sequence occurs again after its end; ``most_bytes`` is
        too small.
    """
    where = of_file("load_labelled_csv", path)
    labels = check_option(where, "labels", labels, ["sequence", "step", "none"])
    decimal = check_option(where, "decimal", decimal, [".", ","])
    known = None if classes is None else tuple(check_names(where, "classes", classes, "calm"))
    special = _special(where, called)
    head, rows = records(path, where, delimiter, decimal, comment, True, most_bytes)
    names = head.names
    chosen = [name for name in names if name not in special.values()]
    if features is not None:
        chosen = check_names(where, "features", features, (*chosen, *names)[0])
    columns = find_columns(where, chosen, names)
    if not columns:
        advice = "Add columns of numbers, one per feature."
        fail(DataError, where, "the table must have features", ", ".join(map(brief, names)), advice)
    place = _places(where, special, names, labels)
    values, lines, codes = array("d"), array("q"), array("q")
    lengths: dict[str, int] = {}
    found: dict[str, int] = {}
    current, before, code = "", -math.inf, -1
    for n, fields in rows:
        at = f"{where}, line {n}"
        key = fields[place["sequence"]]
        if key != current or not key:
            _check_new(at, key, lengths)
            current, before, lengths[key] = key, -math.inf, 0
        if "step" in place:
            before = _next_step(at, fields[place["step"]], before, decimal)
        values.extend(_value(at, names, fields, j, decimal) for j in columns)
        if labels != "none":
            tag = fields[place["label"]]
            if labels == "sequence" and lengths[key]:
                if found.get(tag) != code:
                    _refuse_label(f"{at}, column {place['label'] + 1}", tag)
            else:
                if not tag:
                    _refuse_label(f"{at}, column {place['label'] + 1}", tag)
                code = found.setdefault(tag, len(found))
                codes.append(code)
                lines.append(n)
        lengths[key] += 1
    if not lengths:
        fail(DataError, where, "lines must follow the header", "none", "Is the file complete?")
    ends = np.cumsum(list(lengths.values()))[:-1]
    x, mask = padded(where, np.split(np.array(values).reshape(-1, len(columns)), ends), most_bytes)
    y, told = np.full(len(lengths), -1, np.int64), known or ()
    if labels != "none":
        y, told = label_numbers(where, tuple(found), codes, lambda k: f"line {lines[k]}", known)
    if labels == "step":
        y = pad(np.split(y, ends), most_bytes=most_bytes).x
    return Labelled(Samples(x, y, mask), told, tuple(chosen), tuple(lengths))


def label_numbers(
    where: str,
    names: Sequence[str],
    codes: Sequence[int] | NDArray[np.int64],
    place: Callable[[int], str],
    classes: tuple[str, ...] | None,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Numbers of classes for labels; label k is ``names[codes[k]]``, at a place in the file."""
    known = class_order(names) if classes is None else classes
    numbers = {name: k for k, name in enumerate(known)}
    each = np.array([numbers.get(name, -1) for name in names], np.int64)[np.asarray(codes)]
    if (each < 0).any():
        k = int(np.argmin(each))
        some = ", ".join(map(brief, known[:10])) + (", …" if len(known) > 10 else "")
        expected, got = f"label must be one of {some}", brief(names[codes[k]])
        advice = "Leave its sequence out: a model cannot predict a class that it has not learned."
        fail(DataError, f"{where}, {place(k)}", expected, got, advice)
    return each, known


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in order: numerical if all are numbers, else sorted.

    Examples
    --------
    >>> class_order({"10", "9"}), class_order({"b", "a", "1"})
    (('9', '10'), ('1', 'a', 'b'))
    """
    names = set(names)
    whole = all(name.isascii() and name.isdigit() and len(name) < 19 for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if whole else (0, name)))


def padded(where: str, sequences: Sequence[Array], most_bytes: int) -> Padded:
    """Sequences (T_i, D) in one array, if that is not too large."""
    check_padding(DataError, where, sequences, max(map(len, sequences)), most_bytes)
    return pad(sequences, most_bytes=most_bytes)


def _special(where: str, called: Mapping[str, str] | None) -> dict[str, str]:
    """The names of the three columns that are not features."""
    special = {name: name for name in ("sequence", "step", "label")}
    given = {} if called is None else called
    right = isinstance(given, Mapping) and set(given) <= set(special)
    right = right and all(isinstance(name, str) for name in given.values())
    if right:
        special |= given
    if not right or len(set(special.values())) < len(special):
        expected = "called must say what the columns sequence, step and label are called"
        advice = "Use called={'label': 'weather'}, for example."
        fail(ArgumentError, where, expected, describe(called), advice)
    return special


def _places(
    where: str, special: Mapping[str, str], names: Sequence[str], labels: str
) -> dict[str, int]:
    """The positions of the three columns; the step may be missing, if its name is not given."""
    places = {name: j for j, name in enumerate(names)}
    needed = {"sequence"} | ({"label"} - {labels} if labels != "none" else set())
    needed |= {"step"} if special["step"] != "step" else set()
    for key, name in special.items():
        if key in needed and name not in places:
            advice = f"Add it, or say what it is called in the file: called={{{key!r}: …}}."
            option = {"label": "target"}.get(key, key)
            typed = f"Add it, or say what it is called in the file: --{option} COLUMN."
            find_column(where, name, names, Advice(advice, typed))
    return {key: places[name] for key, name in special.items() if name in places}


def _check_new(at: str, key: str, lengths: Mapping[str, int]) -> None:
    """Check that a new sequence has a name, and has not ended before."""
    if not key:
        fail(DataError, at, "every line must name its sequence", "nothing", "Fill it in.")
    if key in lengths:
        expected = "lines of one sequence must be together"
        fail(DataError, at, expected, f"{brief(key)} again", "Sort the file by sequence.")


def _refuse_label(at: str, tag: str) -> None:
    expected = "every line must have the label of its sequence"
    advice = "Does each step have its own label? Use labels='step'. If not, correct it."
    typed = "Correct it: all lines of a sequence have one label."
    if not tag:
        advice = typed = "Fill it in."
    fail(DataError, at, expected, brief(tag), advice, typed=typed)


MEND = Advice(
    "Correct it, or leave the column out: features=[…].",
    "Correct it, or leave the column out: --inputs A,B,….",
)
MASK = Advice("Fill it in, or leave out the step, or the column.")


def _value(at: str, names: Sequence[str], fields: list[str], j: int, decimal: str) -> float:
    value = number(fields[j], decimal)
    if not math.isfinite(value):
        refuse(f"{at}, column {j + 1} ({brief(names[j])})", fields[j], decimal, MEND, MASK)
    return value


def _next_step(at: str, field: str, before: float, decimal: str) -> float:
    step = number(field, decimal)
    if not before < step < math.inf:
        expected = "step must be a number that rises within a sequence"
        got = f"{brief(field)}{f' after {before:g}' if before > -math.inf else ''}"
        advice = "Sort the file by sequence and step."
        if not math.isfinite(step):
            advice = "Number the steps 0, 1, 2, …, or take the column out."
        elif step == before:
            advice = "Is a line there twice? Take one out."
        fail(DataError, at, expected, got, advice)
    return step
