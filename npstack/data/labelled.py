"""Labelled sequences of different lengths: what loaders of data for classification hand back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from npstack.data.ragged import pad
from npstack.numerics import Array
from npstack.samples import Samples
from npstack.shapes import DataError, fail


class Labelled(NamedTuple):
    """Sequences with a class each.

    Attributes
    ----------
    samples : Samples
        ``x (B, T, D)``, padded on the right; ``y (B,)``, the number of the class, or ``(B, T)``
        where every step has a class; ``mask (B, T)``.
    classes : tuple of str
        Class k is called ``classes[k]``.
    features : tuple of str
        The names of the D columns.
    """

    samples: Samples
    classes: tuple[str, ...]
    features: tuple[str, ...]


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


def class_order(names: set[str]) -> tuple[str, ...]:
    """Names of classes in order: as numbers if they all are, else by the alphabet.

    Examples
    --------
    >>> class_order({"10", "9"}), class_order({"b", "a", "1"})
    (('9', '10'), ('1', 'a', 'b'))
    """
    whole = all(name.isascii() and name.isdigit() and len(name) < 19 for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if whole else (0, name)))


def label_numbers(
    where: str, names: Sequence[str], places: Sequence[str], classes: Sequence[str] | None
) -> tuple[Array, tuple[str, ...]]:
    """Numbers for names; ``places`` says where each name stands, for the error."""
    known = class_order(set(names)) if classes is None else tuple(classes)
    numbers = {name: k for k, name in enumerate(known)}
    for name, place in zip(names, places, strict=True):
        if name not in numbers:
            some = ", ".join(map(repr, known[:10])) + (", …" if len(known) > 10 else "")
            advice = "A model tells no class that it was not trained on."
            fail(DataError, f"{where}, {place}", f"label must be one of {some}", repr(name), advice)
    return np.array([numbers[name] for name in names], np.int64), known


def labelled(
    sequences: Sequence[Array], y: Array, classes: tuple[str, ...], features: tuple[str, ...]
) -> Labelled:
    """Pad sequences, and targets that have one number per step, into samples."""
    x, mask = pad(sequences)
    return Labelled(Samples(x, y, mask), classes, features)
