"""The legend, and the only place where user arrays are checked and errors are worded.

======  =============================  ======  =====================
letter  meaning                        letter  meaning
======  =============================  ======  =====================
``B``   batch                          ``H``   hidden size
``T``   time steps                     ``L``   layers
``D``   input size                     ``K``   outputs, classes
======  =============================  ======  =====================

Every error says where, what was expected, what came, and what to do. Checks run once, at the public
boundary; the functions behind it assume.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from npstack.numerics import Array, is_finite

FLOAT_DTYPES = [np.dtype(code) for code in "fdgFDGO"]  # float32 … longdouble, complex, objects


class NpstackError(Exception):
    """Base of every error that the package raises on purpose."""


class ShapeError(NpstackError, ValueError):
    """An array has the wrong shape, or two layers do not fit together."""


class DtypeError(NpstackError, TypeError):
    """An array or argument has the wrong type; nothing is converted silently."""


class NonFiniteError(NpstackError, ValueError):
    """NaN or infinity at a valid position."""


class ArgumentError(NpstackError, ValueError):
    """An argument is unknown, out of range, or contradicts another."""


class TapeError(NpstackError, ValueError):
    """A tape does not belong to the layer that is asked to read it."""


class DataError(NpstackError, ValueError):
    """A file does not hold what it should."""


class LeakageError(DataError):
    """What is kept for validation or test has found its way into training."""


def fail(
    kind: type[NpstackError], where: str, expected: str, got: object, advice: str = ""
) -> NoReturn:
    """Raise ``kind`` in the one wording that all errors share."""
    raise kind(f"{where}: {expected}, got {got}.{' ' if advice else ''}{advice}")


def describe(value: object) -> str:
    """Shape and dtype of an array, else the value with its type.

    Examples
    --------
    >>> describe(np.zeros((2, 3)))
    'float64 of shape (2, 3)'
    """
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"{value!r} ({type(value).__name__})"


def batch_first(values: Array, x: Array) -> Array:
    """View a mask ``(B, T)`` so that it selects along the first axes of ``x``."""
    return values.reshape(values.shape + (1,) * (x.ndim - values.ndim))


def zero_where_masked(x: Array, mask: NDArray[np.bool_] | None) -> Array:
    """Copy ``x`` with zeros at masked steps: selected, never multiplied, so NaN cannot leak."""
    return x.copy() if mask is None else np.where(batch_first(mask, x), x, np.zeros_like(x))


# ---- arguments of constructors -----------------------------------------------------------------


def check_size(
    where: str, name: str, value: object, advice: str = "Use an int, for example 8."
) -> int:
    """A whole number of at least 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        expected = f"{name} must be a whole number of at least 1"
        fail(ArgumentError, where, expected, describe(value), advice)
    return int(value)


def _as_float(value: object) -> float:
    """A real number as a float; NaN if it is none, infinity if it has hundreds of digits."""
    try:
        return float(value) if isinstance(value, Real) else np.nan
    except OverflowError:
        return np.inf


def check_number(where: str, name: str, value: object, advice: str) -> float:
    """A finite real number."""
    number = _as_float(value)
    if not np.isfinite(number) or isinstance(value, bool):
        fail(ArgumentError, where, f"{name} must be a finite number", describe(value), advice)
    return number


def check_positive(where: str, name: str, value: object, advice: str) -> float:
    """A finite number above zero."""
    number = check_number(where, name, value, advice)
    if number <= 0:
        fail(ArgumentError, where, f"{name} must be above 0", describe(value), advice)
    return number


def check_fraction(where: str, name: str, value: object, advice: str) -> float:
    """A number with 0 ≤ value < 1."""
    number = _as_float(value)
    if not 0 <= number < 1:
        expected = f"{name} must be a number with 0 <= {name} < 1"
        fail(ArgumentError, where, expected, describe(value), advice)
    return number


def check_option(where: str, name: str, value: str, options: Iterable[str]) -> str:
    """One of a list of words; a near miss gets a suggestion."""
    options = list(options)
    if value not in options:
        near = difflib.get_close_matches(str(value), options, n=1)
        fail(
            ArgumentError,
            where,
            f"{name} must be one of {', '.join(map(repr, options))}",
            repr(value),
            f"Did you mean {near[0]!r}?" if near else "Pick one of these.",
        )
    return value


def check_generator(where: str, rng: object) -> np.random.Generator:
    """A NumPy random generator: randomness is an argument, never a global."""
    if not isinstance(rng, np.random.Generator):
        fail(
            DtypeError,
            where,
            "rng must be a numpy.random.Generator",
            describe(rng),
            "Use rng=np.random.default_rng(0).",
        )
    return rng


def check_dtype(where: str, dtype: DTypeLike) -> np.dtype[Any]:
    """A dtype that the package computes in."""
    try:
        checked: np.dtype[Any] = np.dtype(dtype)
        got = str(checked)
    except TypeError:
        checked, got = np.dtype(bool), repr(dtype)  # no dtype at all: refused like bool
    if checked not in FLOAT_DTYPES:
        expected = "dtype must be float32, float64, longdouble, a complex type or object (mpmath)"
        fail(DtypeError, where, expected, got, "Use dtype=np.float64.")
    return checked


# ---- arguments of forward ----------------------------------------------------------------------


def check_params(where: str, params: Mapping[str, Array], own: Mapping[str, Array]) -> None:
    """A complete dictionary with the layer's own names and shapes, of one dtype."""
    if not isinstance(params, Mapping):
        fail(
            DtypeError,
            where,
            "params must be a dictionary of named arrays",
            f"a {type(params).__name__}",
            "Change a copy: params = dict(layer.params).",
        )
    if params.keys() != own.keys():
        missing, extra = sorted(own.keys() - params.keys()), sorted(params.keys() - own.keys())
        fail(
            ArgumentError,
            where,
            f"params must have exactly the names {sorted(own)}",
            f"missing {missing}, unknown {extra}",
            "Change a copy: params = dict(layer.params).",
        )
    for name, value in params.items():
        if not isinstance(value, np.ndarray):
            expected, got = f"params[{name!r}] must be an array", f"a {type(value).__name__}"
            fail(DtypeError, where, expected, got, "Use np.array.")
        if value.shape != own[name].shape:
            fail(
                ShapeError,
                where,
                f"params[{name!r}] must have shape {own[name].shape}",
                value.shape,
                "An LSTM has W (D, 4H), U (H, 4H), b (4H,); a Dense has W (D, K), b (K,).",
            )
    dtypes = sorted({str(value.dtype) for value in params.values()})
    if len(dtypes) > 1:
        fail(
            DtypeError,
            where,
            "all parameters must have one dtype",
            " and ".join(dtypes),
            "Cast them together with astype.",
        )
    if params:
        check_dtype(where, next(iter(params.values())).dtype)


def as_array(where: str, name: str, value: object) -> Array:
    """An array, from whatever NumPy makes one of: nested lists, unless they are ragged."""
    if hasattr(value, "outputs"):
        got = f"a {type(value).__name__}"
        fail(DtypeError, where, f"{name} must be an array", got, "Pass tape.outputs.")
    try:
        return np.asarray(value)
    except ValueError:
        fail(
            ShapeError,
            where,
            f"{name} must be one array",
            "rows of different lengths",
            "Pad them to the longest and give lengths=.",
        )


def check_float(
    where: str, name: str, value: object, dtype: np.dtype[Any] | None, partner: str
) -> Array:
    """An array of the floating dtype that its partner has (any of ours where there is none)."""
    array = as_array(where, name, value)
    if dtype is None and array.dtype in FLOAT_DTYPES:
        return array
    if array.dtype != dtype:
        wanted = "floating point" if dtype is None else f"{dtype} like {partner}"
        advice = f"Use {name}.astype({'np.float64' if dtype is None else f'np.{dtype}'})."
        if array.dtype.kind in "iub" and name == "x":
            advice += " If the integers are symbols, an Embedding turns them into vectors."
        fail(DtypeError, where, f"{name} must be {wanted}", describe(array), advice)
    return array


def check_input(
    where: str, x: object, size: int | None, dtype: np.dtype[Any] | None, time: bool | None
) -> Array:
    """The input of a layer: ``(B, T, D)`` if it needs time, ``(B, D)`` or ``(B, T, D)`` if not."""
    x = check_float(where, "x", x, dtype, "the parameters")
    last = "D" if size is None else f"D={size}"
    shape = f"(B, T, {last})" if time else f"(B, {last}) or (B, T, {last})"
    advice = ""
    if x.ndim == 2 and time:
        advice = (
            "It has no time axis. One step per sample? Use x[:, np.newaxis, :]. "
            "One sample? Use x[np.newaxis]."
        )
        if size == 1 and x.shape[1] > 1:
            advice = "It has no feature axis. Use x[:, :, np.newaxis]."
        advice += " From an LSTM below? Build that one with return_sequences=True."
    elif x.ndim not in (2, 3):
        advice = "The axes are batch, time steps, features."
    elif size is not None and x.shape[-1] != size:
        swapped = x.ndim == 3 and x.shape[1] == size
        advice = "Are the last two axes swapped? Use x.swapaxes(1, 2)." if swapped else ""
        advice = advice or f"The last axis holds the features; this layer was built for {size}."
    elif 0 in x.shape:
        letters = "BTD" if x.ndim == 3 else "BD"
        empty = [letter for letter, n in zip(letters, x.shape, strict=True) if n == 0]
        advice = f"{' and '.join(empty)} must be at least 1: there is nothing to compute."
    else:
        return x
    fail(ShapeError, where, f"x must be {shape}", x.shape, advice)


def check_symbols(where: str, x: object, size: int | None) -> Array:
    """The input of an embedding: integers ``(B, T)``, checked for range where they are valid."""
    x = as_array(where, "x", x)
    if x.dtype.kind not in "iu":
        fail(
            DtypeError,
            where,
            "x must be integers (B, T)",
            describe(x),
            f"An Embedding of {size} symbols looks rows up by number. Use x.astype(int).",
        )
    if x.ndim != 2 or 0 in x.shape:
        fail(
            ShapeError,
            where,
            "x must be (B, T) with B and T at least 1",
            x.shape,
            "One sequence? Use x[np.newaxis].",
        )
    return x


def check_symbol_range(
    where: str, x: Array, mask: NDArray[np.bool_] | None, size: int | None
) -> None:
    """Symbols at valid steps lie between 0 and ``size - 1``."""
    assert mask is not None
    assert size is not None
    wrong = mask & ((x < 0) | (x >= size))
    if wrong.any():
        b, t = np.argwhere(wrong)[0]
        fail(
            ArgumentError,
            where,
            f"x must hold numbers from 0 to {size - 1}",
            f"{x[b, t]} at row {b}, time step {t}",
            "Is num_symbols of the Embedding large enough?",
        )


def check_mask(
    where: str, mask: object, lengths: object, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """A boolean ``(B, T)`` from a mask, from lengths, or all True from neither."""
    B, T = shape
    if mask is not None and lengths is not None:
        fail(
            ArgumentError, where, "give mask or lengths", "both", "lengths=n means t < n is valid."
        )
    if lengths is not None:
        lengths = np.asarray(lengths)
        if lengths.dtype.kind not in "iu":
            expected = "lengths must be integers (B,)"
            fail(DtypeError, where, expected, describe(lengths), "Use lengths.astype(int).")
        if lengths.shape != (B,):
            expected = f"lengths must be (B={B},), one per row of x"
            fail(ShapeError, where, expected, lengths.shape, f"x has B={B} rows of T={T} steps.")
        if (lengths < 0).any() or (lengths > T).any():
            row = int(np.argmax((lengths < 0) | (lengths > T)))
            fail(
                ArgumentError,
                where,
                f"lengths must lie between 0 and T={T}",
                f"{lengths[row]} at row {row}",
                "x must be padded to the longest sequence.",
            )
        return np.arange(T) < lengths[:, np.newaxis]
    if mask is None:
        return np.ones((B, T), dtype=bool)
    return check_bool_mask(where, mask, shape).copy()  # a tape outlives what the caller does next


def check_bool_mask(
    where: str,
    mask: object,
    shape: tuple[int, ...],
    name: str = "mask",
    meaning: str = "at valid steps",
) -> NDArray[np.bool_]:
    """A boolean mask of a given shape; 0/1 numbers are not taken for one."""
    mask = np.asarray(mask)
    if mask.dtype != bool:
        fail(
            DtypeError,
            where,
            f"{name} must be boolean, True {meaning}",
            describe(mask),
            f"0/1 numbers? Use {name}.astype(bool).",
        )
    if mask.shape != shape:
        letters = "B, T"[: 3 * len(shape) - 2]
        advice = "It has one entry per row" + (" and time step." if len(shape) == 2 else ".")
        fail(ShapeError, where, f"{name} must be ({letters}) = {shape}", mask.shape, advice)
    return mask


def check_resets(where: str, resets: object, mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """A boolean ``(B, T)``, True at valid steps only; None where nothing begins anew."""
    if resets is None:
        return None
    return check_bool_mask(where, resets, mask.shape, "resets", "where something new begins") & mask


def check_no_mask(where: str, mask: object, lengths: object, resets: object) -> None:
    """An input without time axis takes no mask, lengths or resets."""
    if mask is not None or lengths is not None or resets is not None:
        fail(
            ArgumentError,
            where,
            "mask, lengths and resets need an input with a time axis (B, T, D)",
            "one for x of shape (B, D)",
            "Leave them out.",
        )


def check_finite(where: str, name: str, values: Array, mask: NDArray[np.bool_] | None) -> None:
    """No NaN or infinity at a valid position; the error names the first time step."""
    wrong = ~is_finite(values)
    if mask is not None:
        wrong &= batch_first(mask, values)
    if wrong.any():
        positions = np.argwhere(wrong)
        if mask is None or mask.ndim < 2:
            place = f"index {tuple(map(int, positions[0]))}"
        else:
            row, step, *_ = positions[np.argmin(positions[:, 1])]
            place = f"time step {step} (row {row})"
        advice = (
            "Padding? Mark it by mask= or lengths=. Missing values? Fill them or mask the step."
        )
        fail(
            NonFiniteError,
            where,
            f"{name} must be finite at valid positions",
            f"NaN or infinity first at {place}",
            advice,
        )


def check_tuple(
    where: str,
    name: str,
    values: object,
    sizes: Any,
    leading: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Any:
    """A NamedTuple of arrays ``(*leading, size)`` of the parameters' dtype."""
    kind, fields = type(sizes), sizes._fields
    if not isinstance(values, kind):
        shapes = sorted({(*leading, size) for size in sizes})
        fail(
            DtypeError,
            where,
            f"{name} must be {kind.__name__}({', '.join(fields)}) of arrays "
            + " or ".join(map(str, shapes)),
            f"a {type(values).__name__}",
            f"Use npstack.{kind.__name__}({', '.join(f'{f}=…' for f in fields)}).",
        )
    arrays = []
    for field, size, value in zip(fields, sizes, values, strict=True):
        array = check_float(where, f"{name}.{field}", value, dtype, "the parameters")
        shape = (*leading, size)
        if array.shape != shape:
            letters = "(B, H)" if len(shape) == 2 else "(B, T, H)"
            expected, advice = f"{name}.{field} must have shape {shape}", f"The axes are {letters}."
            fail(ShapeError, where, expected, array.shape, advice)
        arrays.append(array)
    return kind(*arrays)


def check_count(where: str, name: str, values: object, count: int) -> tuple[Any, ...]:
    """A tuple or list with one entry per recurrent layer, bottom first."""
    if not isinstance(values, tuple | list) or hasattr(values, "_fields") or len(values) != count:
        got = len(values) if type(values) in (tuple, list) else f"a {type(values).__name__}"  # type: ignore[arg-type]
        fail(
            ArgumentError,
            where,
            f"{name} must be a tuple of {count}, one per recurrent layer, bottom first",
            got,
            "The final states of a stack of the same sizes fit: states=tape.final.",
        )
    return tuple(values)


def check_noise(where: str, noise: object, shape: int | tuple[int, ...] | None) -> Any:
    """Draws from an earlier tape: booleans of a shape, a tuple of one per part, or None."""
    if shape is None and noise is None:
        return None
    if isinstance(shape, int) and isinstance(noise, tuple) and len(noise) == shape:
        return noise
    if isinstance(noise, np.ndarray) and noise.dtype == bool and noise.shape == shape:
        return noise
    wanted = {int: f"a tuple of {shape}, one per part", tuple: f"boolean of shape {shape}"}
    expected = f"noise must be {wanted.get(type(shape), 'None: this layer draws nothing')}"
    got = describe(noise) if isinstance(noise, np.ndarray) else f"a {type(noise).__name__}"
    if isinstance(noise, tuple):
        got += f" of {len(noise)}"
    fail(ArgumentError, where, expected, got, "Pass the noise of a tape of the same model and x.")


def check_noise_tree(where: str, noise: object, like: Any) -> Any:
    """Draws from an earlier tape, in a tree of the same form as ``like``."""
    if not isinstance(like, tuple):
        return check_noise(where, noise, None if like is None else like.shape)
    parts = [
        check_noise_tree(where, part, own)
        for part, own in zip(check_noise(where, noise, len(like)), like, strict=True)
    ]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
