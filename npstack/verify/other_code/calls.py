"""Calls of a user's functions: with copies, in words if they fail, their results by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from npstack.core.arrays import as_array
from npstack.core.errors import CodeError, NpstackError, ShapeError, fail, kind_of
from npstack.core.numerics import Array
from npstack.verify.other_code.child import Kept, account, file_of, parameters_of

BEFORE = ("prev", "before", "last", "0")  # in the names of gradients of the state before
USUAL = {"W": "Wx", "U": "Wh"}  # what courses call them


IN_FLOAT32 = (
    "Make buffers with np.zeros_like(x), and cast nothing to float32. To check in float32, use "
    "dtype=np.float32 (on the command line --dtype float32)."
)


class Wanted(NamedTuple):
    """A result by name: its axes in letters, its shape, the names that people give it."""

    letters: str
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A user's function, with the name by which messages call it.

    Attributes
    ----------
    body : callable
    role : str
        ``forward`` or ``backward``.
    dtype : dtype
        That of its layer: results of this type are accepted even if it is given more digits.
    """

    body: Callable[..., Any]
    role: str
    dtype: Any = np.float64

    @property
    def name(self) -> str:
        """Its own name, or its role."""
        own = str(getattr(self.body, "__name__", ""))
        return own if own.isidentifier() else self.role

    def arguments(self) -> list[str] | None:
        """The names of its arguments; None if that cannot be told."""
        return parameters_of(self.body)

    def __call__(self, **given: Any) -> Any:
        """Call it by position."""
        try:
            return self.body(*given.values())
        except NpstackError:
            raise
        except (Exception, SystemExit) as error:
            return fail_raised(self.name, account(error, file_of(self.body)), given)


def fail_raised(name: str, told: Mapping[str, Any], given: Mapping[str, Any]) -> NoReturn:
    """Raise the error for an exception in a user's code, with the line where it was raised."""
    at = f"line {told['line']} of {os.path.basename(told['file'])}" if told["line"] else ""
    known = {
        "raised": told["raised"],
        "place": (told["file"], told["line"]) if told["line"] else None,
        "calls": tuple((file, line) for file, line in told["calls"]),
    }
    if told["raised"] == "NotImplementedError":
        advice = "Until it is, there is nothing to check."
        got = f"NotImplementedError at {at}" if at else "NotImplementedError"
        fail(CodeError, name, "it must be written", got, advice, **known)
    got = ": ".join(filter(None, (told["raised"], told["message"].rstrip("."))))
    if at:
        text = f": {told['text']}" if told["text"] else ""
        got += f" ({at}{text})"
    arrays = {name: value for name, value in given.items() if is_shaped(value)}
    shapes = ", ".join(f"{name} {value.shape}" for name, value in arrays.items())
    advice = f"It was given {shapes}." if shapes else "Correct it there."
    if any(np.iscomplexobj(value) for value in arrays.values()):
        advice = ""  # gradcheck tries complex numbers, and takes differences where they fail
    fail(CodeError, name, "it must run", got.replace("\n", " "), advice, **known)


def is_shaped(value: Any) -> bool:
    """Whether a message shows the shape of an argument."""
    return isinstance(value, np.ndarray)


def unchanged(function: Function, given: Mapping[str, Array], before: Mapping[str, Array]) -> None:
    """Check that a function has not written to its arguments."""
    for name, value in before.items():
        if not np.array_equal(given[name], value, equal_nan=True):
            advice = "The step before still needs it: h = h * f instead of h *= f."
            fail(CodeError, function.name, f"it must leave {name} unchanged", "another one", advice)


def spelt(name: str) -> str:
    """A name without what people add to it: ``dprev_h``, ``h_next``, ``dh0`` become ``h``.

    Examples
    --------
    >>> [spelt(name) for name in ("dprev_h", "h_next", "dWx", "dh0", "dhs", "db_recurrent", "d_b")]
    ['h', 'h', 'wx', 'h', 'h', 'brecurrent', 'b']
    """
    for word in (*BEFORE[:-1], "next"):
        name = name.replace(f"_{word}", "").replace(f"{word}_", "")
    name = name.replace("_", "").rstrip("0")
    name = name[1:] if name.startswith("d") and len(name) > 1 else name
    return name.rstrip("s").lower() if len(name) == 2 else name.lower()


EMPTY = "empty"  # what a CodeError is about: a backward that returns nothing
OF_CACHE = "The cache is what backward needs; it may be anything."
CACHES = ("cache", "cach", "caches", "tape", "memory")


def listed(found: Any) -> list[Any]:
    """The results of a function as a list."""
    return list(found) if isinstance(found, list | tuple) else [found]


def results_of(
    function: Function, found: Any, names: Sequence[str], aliases: Mapping[str, Sequence[str]]
) -> list[Any]:
    """The results of a forward in order, the cache last: a tuple as it is, a dictionary by name."""
    if not isinstance(found, Mapping):
        return listed(found)
    known = {spelt(str(key)): value for key, value in found.items()}
    results = []
    for name in names:
        keys = [key for key in (*aliases.get(name, CACHES),) if key in known]
        if not keys:
            expected = f"it must return a dictionary with {', '.join(names)}"
            got = ", ".join(map(str, found)) or "none"
            fail(CodeError, function.name, expected, got, OF_CACHE)
        results.append(known[keys[0]])
    return results


def fail_few(function: Function, expected: str, found: Any) -> NoReturn:
    """Raise the error for a forward that returns too few results."""
    advice = "Is it not written yet?" if found is None else OF_CACHE
    got = shapes_of(listed(found))
    fail(CodeError, function.name, f"it must return {expected}", got, advice)


def array_of(
    function: Function, name: str, value: object, wanted: Wanted, dtype: np.dtype[Any]
) -> Array:
    """A result as an array of the wanted shape and the working dtype."""
    try:
        array = as_array(function.name, name, value)
    except NpstackError as error:
        advice = "Is it not written yet?" if value is None else "Return np.array(…)."
        got = f"a {value.kind}" if isinstance(value, Kept) else error.got
        fail(CodeError, function.name, f"{name} must be an array", got, advice)
    if array.shape == (1, *wanted.shape):  # a bias summed with keepdims=True
        array = array[0]
    if array.shape != wanted.shape:
        fail_shape(function, name, wanted, array.shape)
    wanted_eps = max(np.finfo(dtype).eps, np.finfo(function.dtype).eps)
    loses = array.dtype.kind in "fc" and np.finfo(array.dtype).eps > wanted_eps
    if loses or (array.dtype.kind == "c" and dtype.kind != "c"):
        expected = f"{name} must be {dtype}, as its arguments are"
        advice = IN_FLOAT32
        if array.dtype.kind == "c" and dtype.kind != "c":
            advice = "Return a real array."
        fail(CodeError, function.name, expected, array.dtype, advice)
    return array.astype(dtype)


def fail_shape(function: Function, name: str, wanted: Wanted, got: tuple[int, ...]) -> NoReturn:
    """Raise the error for a result of another shape."""
    advice = "Correct its shape."
    if got == wanted.shape[::-1] != wanted.shape:
        advice = "Is it transposed?"
    elif name.startswith("d") and got[1:] == wanted.shape:
        advice = "Sum it over the batch."
    elif got == wanted.shape[1:]:
        advice = "Its first axis is missing."
    letters = f"({wanted.letters}) = " if wanted.letters else ""
    fail(ShapeError, function.name, f"{name} must be {letters}{wanted.shape}", got, advice)


def picked(
    function: Function, found: Any, wanted: Mapping[str, Wanted], places: Sequence[str | None]
) -> Iterator[tuple[str, str, Any]]:
    """Each gradient as it is returned, with npstack's name and its own; None is left out.

    ``places`` are the names of the results of a tuple, as `placed` has found them.
    """
    if isinstance(found, Mapping):
        keys = keys_of(found, wanted)
        pairs = [(name, key, found[key]) for name, key in keys.items()]
    else:
        results = listed(found)
        if len(results) != len(places):
            expected, advice = f"it must return {len(places)} results", "As in the call before."
            fail(CodeError, function.name, expected, len(results), advice)
        named = zip(places, results, strict=True)
        pairs = [(name, gradient_of(name), value) for name, value in named if name is not None]
    return (found for found in pairs if found[2] is not None)


def keys_of(found: Mapping[str, Any], wanted: Mapping[str, Wanted]) -> dict[str, str]:
    """The key of each gradient; ``dc`` is a value inside the step if there is a ``dc_prev``, too.

    Examples
    --------
    >>> wanted = {"h": Wanted("B, H", (2, 4), ("h",)), "c": Wanted("B, H", (2, 4), ("c",))}
    >>> keys_of({"dc": 1, "dh": 2, "dc_prev": 3}, wanted)
    {'h': 'dh', 'c': 'dc_prev'}
    """
    keys: dict[str, str] = {}
    for name, own in wanted.items():
        fitting = [key for key in map(str, found) if spelt(key) in own.names]
        fitting.sort(key=lambda key: own.names.index(spelt(key)))  # dh before da
        marked = [key for key in fitting if any(word in key for word in BEFORE)]
        if fitting:
            keys[name] = (marked or fitting)[0]
    return keys


def placed(
    function: Function, results: Sequence[Any], wanted: Mapping[str, Wanted]
) -> list[str | None]:
    """The name of each result: the usual order if all are there, else the first of its shape.

    Examples
    --------
    >>> wanted = {"x": Wanted("B, D", (2, 3)), "h": Wanted("B, H", (2, 4)), "b": Wanted("H", (4,))}
    >>> placed(Function(print, "backward"), [np.ones((2, 4)), np.ones((2, 3))], wanted)
    ['h', 'x']
    """
    usual: list[str | None] = list(wanted)
    if len(results) == len(wanted):
        pairs = zip(results, wanted.values(), strict=True)
        fits = sum(value is None or fits_shape(value, own.shape) for value, own in pairs)
        if fits >= len(usual) - 1:  # one of a wrong shape is named by `array_of`
            return usual
    free, names = dict(wanted), list[str | None]()
    for value in results:
        name = next((n for n, own in free.items() if fits_shape(value, own.shape)), None)
        if name is None and value is not None:
            if len(results) == len(wanted):
                return usual
            expected = ", ".join(f"{gradient_of(n)} {own.shape}" for n, own in wanted.items())
            advice = "Return them in this order, or as a dictionary by name."
            got = shapes_of(results)
            fail(CodeError, function.name, f"it must return {expected}", got, advice)
        names.append(name)
        free.pop(name or "", None)
    return names


def gradient_of(name: str) -> str:
    """What courses call the gradient of a parameter, an input or a state."""
    return f"d{USUAL.get(name, name)}"


def shapes_of(results: Sequence[Any]) -> str:
    """What a function has returned, for a message."""
    told = [str(v.shape) if is_shaped(v) else kind_of(v) for v in results]
    return ", ".join(told) or "nothing"


def fits_shape(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a result has a shape; a bias may have kept an axis."""
    return is_shaped(value) and value.shape in (shape, (1, *shape))
