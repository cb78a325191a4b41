"""Checks of arrays: parameters, inputs, states, draws."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Complex
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import FLOAT_DTYPES, check_dtype
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    ShapeError,
    describe,
    fail,
    kind_of,
)
from npstack.core.numerics import Array


def check_params(where: str, params: Mapping[str, Array], own: Mapping[str, Array]) -> None:
    """Check parameters: all names and shapes of the layer, of one dtype."""
    if not isinstance(params, Mapping):
        fail(
            DtypeError,
            where,
            "params must be a dictionary of named arrays",
            kind_of(params),
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
            expected, got = f"params[{name!r}] must be an array", kind_of(value)
            fail(DtypeError, where, expected, got, "Use np.array.")
        as_array(where, f"params[{name!r}]", value)
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
    """Check an array: return a plain array of numbers, or raise an error.

    Anything that NumPy converts to an array is accepted, also nested lists. A masked array is
    refused, because its mask would be lost and the values under it would be used.
    """
    if hasattr(value, "outputs"):
        got = kind_of(value)
        fail(DtypeError, where, f"{name} must be an array", got, "Pass tape.outputs.")
    array = np.asarray(value) if isinstance(value, np.ndarray) else _made(where, name, value)
    if _is_masked(value, array.ndim):
        fail(
            DtypeError,
            where,
            f"{name} must be an array without a mask of its own",
            "a masked array",
            "Fill it, and say where it is valid: values.filled(0), and the mask= that belongs to "
            "it, from ~np.ma.getmaskarray(values).",
        )
    if array.dtype == object:
        _check_objects(where, name, value, array)
    elif array.dtype.kind not in "biufc":  # texts, dates, records
        expected, advice = f"{name} must be an array of numbers", "Convert it to numbers first."
        fail(DtypeError, where, expected, describe(array), advice)
    return array


def _made(where: str, name: str, value: object) -> Array:
    """What NumPy makes of a value that is not an array yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy, for a masked number in a list
            return np.asarray(value)
    except Exception:
        _fail_no_array(where, name, value)


def _is_masked(value: object, depth: int) -> bool:
    """Whether it is a masked array, or a list of lists of this depth that contains one."""
    if isinstance(value, list | tuple) and depth:
        kinds = set(map(type, value))  # many plain numbers are of few types
        if not any(issubclass(kind, list | tuple) for kind in kinds):
            return any(issubclass(kind, np.ma.MaskedArray) for kind in kinds)
        return any(_is_masked(part, depth - 1) for part in value)
    return isinstance(value, np.ma.MaskedArray)


def _fail_no_array(where: str, name: str, value: object) -> NoReturn:
    """Raise the error for a value that NumPy cannot convert to an array."""
    if isinstance(value, list | tuple):
        advice = "Pad them to the longest and give lengths=."
        fail(ShapeError, where, f"{name} must be one array", "rows of different lengths", advice)
    expected, got = f"{name} must be an array of numbers", f"a value of type {type(value).__name__}"
    advice = "Convert it first: np.array(…); for a tensor, tensor.detach().cpu().numpy()."
    fail(DtypeError, where, expected, got, advice)


def _check_objects(where: str, name: str, value: object, array: Array) -> None:
    """Check that objects are numbers, mpmath's or Python's; not None, texts or lists."""
    odd = next((own for own in array.flat if not isinstance(own, Complex)), 0)
    if isinstance(odd, Complex):
        return
    if array.ndim == 0 and not isinstance(value, np.ndarray):
        got, advice = describe(value), "Use np.array, or nested lists of numbers."
    elif odd is None:
        got, advice = "None among them", "Put 0 there, and mark the step by mask=."
    else:
        got, advice = f"{describe(odd)} among them", "Convert all of them to numbers first."
    fail(DtypeError, where, f"{name} must be an array of numbers", got, advice)


def check_float(
    where: str, name: str, value: object, dtype: np.dtype[Any] | None, partner: str
) -> Array:
    """Check an array of the same floating dtype as its partner (any supported one without it)."""
    array = as_array(where, name, value)
    if dtype is None and array.dtype in FLOAT_DTYPES:
        return array
    if array.dtype != dtype:
        wanted = "floating point" if dtype is None else f"{dtype} like {partner}"
        advice = f"Use {name}.astype({'np.float64' if dtype is None else f'np.{dtype}'})."
        if not isinstance(value, np.ndarray):
            advice = f"Use np.array({name}, dtype=np.{dtype or 'float64'})."
        if array.dtype.kind in "iub" and name == "x":
            advice += " If the integers are symbols, an Embedding turns them into vectors."
        fail(DtypeError, where, f"{name} must be {wanted}", describe(array), advice)
    return array


def check_input(
    where: str, x: object, size: int | None, dtype: np.dtype[Any] | None, time: bool | None
) -> Array:
    """Check the input: ``(B, T, D)`` if a layer needs time, else ``(B, D)`` or ``(B, T, D)``."""
    x = check_float(where, "x", x, dtype, "the parameters")
    last = "D" if size is None else f"D={size}"
    shape = f"(B, T, {last})" if time else f"(B, {last}) or (B, T, {last})"
    advice = ""
    if x.ndim == 2 and time:
        advice = (
            "It has no time axis. For one step per sample, use x[:, np.newaxis, :]; "
            "for a single sample, use x[np.newaxis]."
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
    if advice:
        fail(ShapeError, where, f"x must be {shape}", x.shape, advice)
    return x


def check_symbols(where: str, x: object, size: int | None) -> Array:
    """Check the input of an embedding: integers ``(B, T)``, in range where they are valid."""
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
            "For a single sequence, use x[np.newaxis].",
        )
    return x


def check_symbol_range(
    where: str, x: Array, mask: NDArray[np.bool_] | None, size: int | None
) -> None:
    """Check that symbols at valid steps lie between 0 and ``size - 1``."""
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


def check_tuple(
    where: str,
    name: str,
    values: object,
    sizes: Any,
    leading: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Any:
    """Check a NamedTuple of arrays ``(*leading, size)`` of the parameters' dtype."""
    kind, fields = type(sizes), sizes._fields
    if not isinstance(values, kind):
        shapes = sorted({(*leading, size) for size in sizes})
        fail(
            DtypeError,
            where,
            f"{name} must be {kind.__name__}({', '.join(fields)}) of arrays "
            + " or ".join(map(str, shapes)),
            kind_of(values),
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
    """Check a tuple or list with one entry per recurrent layer, bottom first."""
    if not isinstance(values, tuple | list) or hasattr(values, "_fields") or len(values) != count:
        got = len(values) if type(values) in (tuple, list) else kind_of(values)  # type: ignore[arg-type]
        fail(
            ArgumentError,
            where,
            f"{name} must be a tuple of {count}, one per recurrent layer, bottom first",
            got,
            "The final states of a stack of the same sizes fit: states=tape.final.",
        )
    return tuple(values)


def check_noise(where: str, noise: object, shape: int | tuple[int, ...] | None) -> Any:
    """Check draws from an earlier tape: booleans of a shape, a tuple with one per part, or None."""
    if isinstance(shape, int):
        wanted = f"a tuple of {shape}, one per part"
        right = isinstance(noise, tuple) and len(noise) == shape
    elif shape is None:
        wanted, right = "None: this layer draws nothing", noise is None
    else:
        wanted = f"boolean of shape {shape}"
        right = isinstance(noise, np.ndarray) and noise.dtype == bool and noise.shape == shape
    if not right:
        got = describe(noise) if isinstance(noise, np.ndarray) else kind_of(noise)
        if isinstance(noise, tuple):
            got += f" of {len(noise)}"
        advice = "Pass the noise of a tape of the same model and x."
        fail(ArgumentError, where, f"noise must be {wanted}", got, advice)
    return noise.copy() if isinstance(noise, np.ndarray) else noise  # a tape has its own copy


def check_noise_tree(where: str, noise: object, shapes: Any) -> Any:
    """Check draws from an earlier tape, in the structure of `Cell.noise_shapes`."""
    if not isinstance(shapes, tuple):
        return check_noise(where, noise, None if shapes is None else tuple(shapes))
    parts = [
        check_noise_tree(where, part, own)
        for part, own in zip(check_noise(where, noise, len(shapes)), shapes, strict=True)
    ]
    return type(shapes)(*parts) if hasattr(shapes, "_fields") else tuple(parts)
