"""Odd values for each kind of argument, and what must come of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

SAME, REFUSED = "the same result", "refused in words"
NEAR = "the same numbers, in the precision of what was given"
Odd = tuple[str, Any, str]  # what it is, the value, the outcome


class Subclass(np.ndarray):
    """A harmless subclass of an array."""


class Thing:
    """Something that is no number, no array, no layer."""


def texts_for(value: Any) -> Iterator[Odd]:
    yield "its text", str(value), REFUSED
    yield "its text in bytes", str(value).encode(), REFUSED
    yield "a list of it", [value], REFUSED
    yield "None", None, REFUSED
    yield "an object", Thing(), REFUSED
    yield "a class", Thing, REFUSED


def size(value: int) -> Iterator[Odd]:
    """A whole number of at least 1."""
    for kind in (np.int8, np.uint8, np.int16, np.int64, np.uint64):
        if value <= np.iinfo(kind).max:
            yield kind.__name__, kind(value), SAME
    yield from texts_for(value)
    yield "a float", float(value), REFUSED
    yield "a fraction", Fraction(value), REFUSED
    yield "an array of no axes", np.array(value), REFUSED
    yield "True", True, REFUSED
    yield "NumPy's True", np.True_, REFUSED
    yield "zero", 0, REFUSED
    yield "negative", -value, REFUSED
    yield "NaN", float("nan"), REFUSED
    yield "infinity", float("inf"), REFUSED
    yield "complex", complex(value), REFUSED


def index(value: int) -> Iterator[Odd]:
    """A whole number of at least 0."""
    return (odd for odd in size(value) if odd[0] != "zero")


def flag(value: bool) -> Iterator[Odd]:
    """True or False."""
    yield "NumPy's", np.bool_(value), SAME
    yield from texts_for(value)
    yield "no", "no", REFUSED
    yield "0 or 1", int(value), REFUSED
    yield "a float", float(value), REFUSED
    yield "an array of no axes", np.array(value), REFUSED


def number(value: float) -> Iterator[Odd]:
    """A finite number; the value is one that float32 holds exactly."""
    yield "float32", np.float32(value), SAME
    yield "float64", np.float64(value), SAME
    yield "a fraction", Fraction(value), SAME
    yield from texts_for(value)
    yield "a decimal", Decimal(value), REFUSED
    yield "True", True, REFUSED
    yield "False", False, REFUSED
    yield "NumPy's True", np.True_, REFUSED
    yield "NaN", float("nan"), REFUSED
    yield "infinity", float("inf"), REFUSED
    yield "complex", complex(value), REFUSED
    yield "an array of no axes", np.array(value), REFUSED
    yield "hundreds of digits", 10**400, REFUSED


def word(value: str) -> Iterator[Odd]:
    """One of a list of words."""
    yield "NumPy's", np.str_(value), SAME
    for name, other, _ in texts_for(value):
        if name != "its text":
            yield name, other, REFUSED
    yield "in another case", f"{value}X".swapcase(), REFUSED
    yield "a blank behind", f"{value} ", REFUSED
    yield "empty", "", REFUSED
    yield "a number", 3, REFUSED
    yield "True", True, REFUSED


def text(value: str) -> Iterator[Odd]:
    """A text."""
    yield "NumPy's", np.str_(value), SAME
    yield "bytes", value.encode(), REFUSED
    yield "a list of its characters", list(value), REFUSED
    yield "None", None, REFUSED
    yield "a number", 3, REFUSED
    yield "True", True, REFUSED
    yield "an object", Thing(), REFUSED
    yield "a class", Thing, REFUSED
    yield "an array of texts", np.array([value]), REFUSED


def label(value: str) -> Iterator[Odd]:
    """What a picture says of an axis; a number is one, too."""
    return (odd for odd in text(value) if odd[0] not in ("a number", "True"))


def path(value: str) -> Iterator[Odd]:
    """The name of a file."""
    yield "NumPy's", np.str_(value), SAME
    yield "a Path", Path(value), SAME
    yield "bytes", value.encode(), REFUSED
    yield "empty", "", REFUSED
    yield "with a zero character", f"{value}\0", REFUSED
    yield "a list of it", [value], REFUSED
    yield "None", None, REFUSED
    yield "a number", 0, REFUSED
    yield "True", True, REFUSED
    yield "an object", Thing(), REFUSED
    yield "a class", Path, REFUSED
    yield "an array of it", np.array([value]), REFUSED


def rng(value: Any) -> Iterator[Odd]:
    """A generator."""
    yield "a seed", 0, REFUSED
    yield "None", None, REFUSED
    yield "the old kind", np.random.RandomState(0), REFUSED
    yield "the module", np.random, REFUSED
    yield "the class", np.random.Generator, REFUSED
    yield "the function", np.random.default_rng, REFUSED
    yield "Python's own", random.Random(0), REFUSED
    yield "bits", np.random.PCG64(0), REFUSED
    yield "a text", "0", REFUSED


def no_array(value: Any) -> Iterator[Odd]:
    """What is no array of numbers, whatever array was wanted."""
    nested = np.asarray(value).tolist()
    shape = np.shape(value)
    yield "None", None, REFUSED
    yield "a text", "1.0", REFUSED
    yield "bytes", b"1.0", REFUSED
    yield "an object", Thing(), REFUSED
    yield "a class", Thing, REFUSED
    yield "a function", np.zeros, REFUSED
    yield "a dictionary", {"x": 1.0}, REFUSED
    yield "a generator", (part for part in nested), REFUSED
    yield "texts", np.full(shape, "1.0"), REFUSED
    yield "dates", np.zeros(shape, "M8[s]"), REFUSED
    yield "records", np.zeros(shape, [("a", float)]), REFUSED
    yield "objects that are None", np.full(shape, None), REFUSED
    yield "None among numbers", [*nested[:-1], None], REFUSED
    yield "a text among numbers", [*nested[:-1], "a"], REFUSED
    yield "ragged", [*nested, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, [8.0]]], REFUSED
    yield "masked, nothing masked", np.ma.array(value), REFUSED
    yield "masked", np.ma.array(value, mask=np.ones(shape, bool)), REFUSED
    yield "a list of masked arrays", [np.ma.array(part) for part in value], REFUSED
    yield "a number", 1, REFUSED
    yield "an array of no axes", np.array(1, np.asarray(value).dtype), REFUSED


def same_array(value: Any) -> Iterator[Odd]:
    """Other arrangements of the same numbers."""
    wide = np.repeat(value, 2, axis=0)
    locked = value.copy()
    locked.flags.writeable = False
    yield "Fortran's order", np.asfortranarray(value), SAME
    yield "every second row of a larger one", wide[::2], SAME
    yield "write-protected", locked, SAME
    yield "a subclass", value.copy().view(Subclass), SAME
    if value.ndim == 2:
        yield "a matrix", value.copy().view(np.matrix), SAME


def values(value: Any) -> Iterator[Odd]:
    """An array of whatever numbers."""
    yield from same_array(value)
    yield "lists", value.tolist(), SAME
    yield from no_array(value)


def reals(value: Any) -> Iterator[Odd]:
    """An array of floats of any precision, all finite."""
    for odd in finite(value):
        if odd[0] not in ("complex", "Python's numbers as objects"):
            yield odd if odd[0] != "float32" else (*odd[:2], NEAR)


def floats(value: Any) -> Iterator[Odd]:
    """An array of float64, whose dtype nothing else decides."""
    yield from values(value)
    yield "integers", value.astype(int), REFUSED
    yield "booleans", value.astype(bool), REFUSED
    yield "half precision", value.astype(np.float16), REFUSED
    yield "the other byte order", value.astype(value.dtype.newbyteorder()), REFUSED


def typed(value: Any) -> Iterator[Odd]:
    """An array of float64, as the parameters or another argument have it."""
    yield from floats(value)
    yield "float32", value.astype(np.float32), REFUSED
    yield "complex", value.astype(complex), REFUSED
    yield "Python's numbers as objects", value.astype(object), REFUSED
    yield "an axis more", value[np.newaxis, np.newaxis], REFUSED
    yield "none of it", value[:0], REFUSED


def finite(value: Any) -> Iterator[Odd]:
    """As `typed`, and NaN and infinity are refused."""
    yield from typed(value)
    for name, number_ in (("NaN", np.nan), ("infinity", np.inf)):
        wrong = value.copy()
        wrong.flat[-1] = number_
        yield name, wrong, REFUSED


def integers(value: Any) -> Iterator[Odd]:
    """An array of integers."""
    yield from values(value)
    yield "small ones", value.astype(np.int8), SAME
    yield "unsigned", value.astype(np.uint32), SAME
    yield "floats", value.astype(float), REFUSED
    yield "booleans", value.astype(bool), REFUSED
    yield "complex", value.astype(complex), REFUSED
    yield "an axis more", value[np.newaxis, np.newaxis], REFUSED


def whole(value: Any) -> Iterator[Odd]:
    """An array of integers within bounds."""
    yield from integers(value)
    yield "negative", -1 - value, REFUSED
    yield "too large", value + 10**6, REFUSED


def bools(value: Any) -> Iterator[Odd]:
    """A mask."""
    yield from same_array(value)
    yield "lists", value.tolist(), SAME
    for name, other, outcome in no_array(value):
        if name != "None":
            yield name, other, outcome
    yield "integers", value.astype(int), REFUSED
    yield "floats", value.astype(float), REFUSED
    yield "an axis more", value[np.newaxis], REFUSED
    yield "none of it", value[:0], REFUSED
    yield "a row too many", np.concatenate([value, value[:1]]), REFUSED


def function(value: Any) -> Iterator[Odd]:
    """A function."""
    yield "its name", "mse", REFUSED
    yield "a number", 3, REFUSED
    yield "an object", Thing(), REFUSED
    yield "a list of it", [value], REFUSED


def layer(value: Any) -> Iterator[Odd]:
    """A layer."""
    yield "its class", type(value), REFUSED
    yield "a text", "LSTM", REFUSED
    yield "its parameters", dict(value.params), REFUSED
    yield "a list of it", [value], REFUSED
    yield "None", None, REFUSED
    yield "a number", 3, REFUSED
    yield "an object", Thing(), REFUSED
    yield "a function", np.tanh, REFUSED


def thing(value: Any) -> Iterator[Odd]:
    """An object of a class of ours: a tape, a cell, samples, windows, a vocabulary."""
    yield "its class", type(value), REFUSED
    yield "a text", "x", REFUSED
    yield "None", None, REFUSED
    yield "a number", 3, REFUSED
    yield "an array", np.ones((2, 3)), REFUSED
    yield "an object", Thing(), REFUSED
    yield "a list of it", [value], REFUSED


ALL = (
    size,
    index,
    flag,
    number,
    word,
    text,
    label,
    path,
    rng,
    values,
    reals,
    floats,
    typed,
    finite,
    integers,
    whole,
    bools,
    function,
    layer,
    thing,
)
KINDS: dict[str, Callable[[Any], Iterator[Odd]]] = {kind.__name__: kind for kind in ALL}
