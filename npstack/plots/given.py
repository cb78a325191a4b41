"""Checks of the arguments of pictures: numbers, names, rows and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npstack.analysis import check_one_time, recurrent_tapes
from npstack.analysis.directions import Reading, readings
from npstack.core.arguments import check_whole, is_whole
from npstack.core.arrays import as_array
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    TapeError,
    describe,
    fail,
)
from npstack.core.numerics import Array, real
from npstack.core.tape import Tape

LONGEST_NAME, LONGEST_TEXT = 36, 80  # characters; more would leave no space for the data
MOST_PANELS = 100  # one above the other
LATEST = 1e100  # of a time; matplotlib computes with the squares of positions


def numbers(where: str, name: str, value: object, *, gaps: bool = True) -> Array:
    """Real numbers as float64; with ``gaps``, NaN where a value is missing, None or masked."""
    array = as_array(where, name, _with_gaps(value))
    try:
        casting: Any = "unsafe" if array.dtype == object else "same_kind"
        with np.errstate(over="ignore"):
            found = array.astype(np.float64, casting=casting)
    except TypeError:
        advice = "Draw the real part, or the absolute value."
        fail(DtypeError, where, f"{name} must be real numbers", describe(array), advice)
    except OverflowError:  # a whole number of hundreds of digits
        found = np.full(array.shape, np.inf)
    _check_finite(where, name, found, np.isnan(found) if gaps else None)
    return found


def _with_gaps(value: object) -> object:
    """The same with NaN for None and for masked values of a masked array."""
    if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in "biuf":
        return np.where(np.ma.getmaskarray(value), np.nan, value.data)
    if isinstance(value, list | tuple):
        return [_with_gaps(own) for own in value]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.where(value == None, np.nan, value)  # noqa: E711  entry by entry
    return np.nan if value is None else value


def _check_finite(where: str, name: str, found: Array, gaps: Array | None) -> None:
    """Check for infinity and, where there may be no gaps, for NaN."""
    wrong = ~np.isfinite(found) & ~(np.zeros_like(found, bool) if gaps is None else gaps)
    if wrong.any():
        first = np.argwhere(wrong)[0].tolist()
        got = f"{found[tuple(first)]} at {first[0] if len(first) == 1 else first}"
        expected = f"{name} must be finite" + ("" if gaps is None else ", with NaN for a gap")
        advice = "Look for where it comes from: forward and backward name the first place."
        advice = advice if gaps is None else "Use np.nan there."
        fail(NonFiniteError, where, expected, got, advice)


def sizes(where: str, name: str, value: object, advice: str, *, gaps: bool = True) -> Array:
    """Real numbers of at least 0, such as norms; with ``gaps``, NaN where one is missing."""
    found = numbers(where, name, value, gaps=gaps)
    if (found < 0).any():
        expected = f"{name} must be at least 0"
        fail(ArgumentError, where, expected, found[found < 0].min(), advice)
    return found


def on_tape(where: str, name: str, values: Array, mask: Array | None = None) -> Array:
    """Numbers of a tape or of parameters as float64: the real part, zero where masked."""
    with np.errstate(over="ignore"):
        found = np.asarray(real(np.asarray(values)), dtype=np.float64)
    if mask is not None:
        found = np.where(mask.reshape(-1, *[1] * (found.ndim - 1)), found, 0.0)
    _check_finite(where, name, found, None)
    return found


def text(where: str, name: str, value: object, longest: int = LONGEST_TEXT) -> str:
    """A label of an axis or a title."""
    if not isinstance(value, str | Real):
        advice = f"Use {name}='…'."
        fail(DtypeError, where, f"{name} must be a text", describe(value), advice)
    return _plain(str(value), longest)


def check_characters(
    where: str, text: object, T: int, most: int, expected: str, advice: str, shorter: str
) -> None:
    """Check a text of T characters, of which so many are readable; ``expected`` says whose."""
    if not isinstance(text, str):
        join = 'Join a list of characters: "".join(characters).'
        fail(DtypeError, where, "text must be a str", describe(text), join)
    if len(text) != T:
        fail(ShapeError, where, f"text must {expected}", len(text), advice)
    if most < T:
        readable = f"text must have at most {most} characters to be readable"
        fail(ArgumentError, where, readable, T, shorter)


def _plain(words: str, longest: int) -> str:
    """A text on one line and not too long; a dollar sign does not begin a formula."""
    shown = "".join(c if c.isprintable() else " " for c in words)
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return shown.replace("$", r"\$")


def names(where: str, name: str, given: Any, count: int | None = None, what: str = "") -> list[str]:
    """A list of names as texts, of the given length."""
    kinds = (str, bytes, Mapping, AbstractSet)
    one = isinstance(given, np.ndarray) and given.ndim == 0
    if isinstance(given, kinds) or not isinstance(given, Iterable) or one:
        advice = 'Use ["…"] for one name.'
        fail(ArgumentError, where, f"{name} must be a list of names", describe(given), advice)
    listed = list(given)
    odd = [own for own in listed if not isinstance(own, str | Real)]
    if odd:
        expected = f"{name} must be texts or numbers"
        advice = "Use str(name) for each."
        fail(ArgumentError, where, expected, f"{describe(odd[0])} among them", advice)
    if count is not None and len(listed) != count:
        expected = f"{name} must name {count} {what}".rstrip()
        fail(ShapeError, where, expected, len(listed), "Give one name for each, in their order.")
    return [_plain(str(own), LONGEST_NAME) or " " for own in listed]


def by_name(where: str, name: str, given: object) -> list[tuple[str, Any]]:
    """The entries of a dictionary that is not empty, with their names as text."""
    if not isinstance(given, Mapping) or not given:
        expected = f"{name} must be a dictionary of at least one array by name"
        fail(ArgumentError, where, expected, describe(given), 'Use {"name": array}.')
    keys = names(where, f"the keys of {name}", list(given))
    return list(zip(keys, given.values(), strict=True))


def check_times(where: str, times: Sequence[float] | Array | None, steps: int) -> Array:
    """The position of each time step on the axis: 0 … T-1 by default."""
    if times is None:
        return np.arange(steps, dtype=float)
    advice = "Calendar time? Use years as decimal numbers."
    return rising(where, "times", times, advice, steps)


def rising(where: str, name: str, given: object, advice: str, steps: int | None = None) -> Array:
    """Positions along an axis, as many as there are steps."""
    try:
        checked = numbers(where, name, given, gaps=False)
    except DtypeError as error:
        fail(ArgumentError, where, f"{name} must be rising numbers", error.got, advice)
    if steps is not None and checked.shape != (steps,):
        expected = f"{name} must be (T={steps},), one per time step"
        fail(ShapeError, where, expected, checked.shape, "Leave them out for 0 … T-1.")
    if checked.ndim != 1 or not len(checked):
        expected = f"{name} must be a list of at least one number"
        fail(ShapeError, where, expected, checked.shape, "One for each column of the arrays.")
    if (np.abs(checked) > LATEST).any():
        largest = np.abs(checked).max()
        expected = f"{name} must lie within ±{LATEST:g}"
        fail(ArgumentError, where, expected, f"{largest:g}", "Use another unit.")
    if not (np.diff(checked) > 0).all():
        first = int(np.argmin(np.diff(checked) > 0))
        got = f"{checked[first]:g}, then {checked[first + 1]:g}"
        fail(ArgumentError, where, f"{name} must be rising numbers", got, advice)
    return checked


def check_row(where: str, row: object, batch: int) -> int:
    """The row of the batch to draw."""
    return check_whole(where, "row", row, "row=0 is the first.", most=batch - 1)


MOST_UNITS = 8  # of a layer, side by side with others; more cannot be followed by eye


def some_units(
    where: str, units: object, sizes: Sequence[int], slowest: Callable[[], Sequence[Array]]
) -> list[NDArray[np.int64]]:
    """Which units of each layer to draw, from the bottom of its panel up.

    All, or some that are evenly spread if there are more than `MOST_UNITS`; for a whole number, as
    many of the slowest; else the numbers that are given.
    """
    if units is None:
        ends = [(H - 1, min(H, MOST_UNITS)) for H in sizes]
        return [np.linspace(0, last, count).round().astype(np.int64) for last, count in ends]
    if is_whole(units):
        count = check_whole(where, "units", units, "units=6 draws the six slowest.", least=1)
        orders = zip(slowest(), sizes, strict=True)
        return [order[order < H][:count].astype(np.int64) for order, H in orders]
    listed = list(units) if isinstance(units, list | tuple | np.ndarray) else []
    found = [as_array(where, f"units[{k}]", own) for k, own in enumerate(listed)]
    right = len(found) == len(sizes) and all(
        own.dtype.kind in "iu"
        and own.ndim == 1
        and 1 <= len(own) == len(np.unique(own))
        and 0 <= own.min() <= own.max() < H
        for own, H in zip(found, sizes, strict=True)
    )
    if not right:
        expected = f"units must name units of each of the layers of {sizes}, each at most once"
        got = f"{[own.tolist() for own in found]}" if found else describe(units)
        got = got if len(got) <= 100 else got[:100] + "…"
        fail(ArgumentError, where, expected, got, "Use analysis.slowest_first(tape), or a number.")
    return [own.astype(np.int64) for own in found]


def check_panels(where: str, what: str, count: int, advice: str) -> None:
    """Check that the panels fit into a picture."""
    if count > MOST_PANELS:
        fail(ArgumentError, where, f"at most {MOST_PANELS} {what} fit in a picture", count, advice)


def layers_over_time(where: str, tape: object) -> tuple[Reading, ...]:
    """The recurrent layers of a tape, all on the time axis of its input, bottom first."""
    if not isinstance(tape, Tape):
        expected, advice = "tape must be a tape", "Pass what forward returned."
        fail(TapeError, where, expected, describe(tape), advice)
    if isinstance(tape.x, tuple):
        expected, got = "tape must be that of a model of one input", "that of an encoder–decoder"
        advice = "plots.handover draws it as a whole; tape.parts[0] is the encoder's tape."
        fail(TapeError, where, expected, got, advice)
    recurrent_tapes(where, tape)
    layers = readings(tape)
    check_one_time(where, layers)
    check_panels(where, "layers", len(layers), "plots.gates(tape.layers[k]) draws one of them.")
    return layers
