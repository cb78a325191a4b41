"""A stage of a submission is tried: its functions are called, and their results are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from npstack.core.errors import CodeError, NpstackError, kind_of
from npstack.core.numerics import Array
from npstack.lessons.right_numbers import Drawn, arguments, draw
from npstack.lessons.stages import Case, Course, Stage
from npstack.verify.other_code.calls import Function, Wanted, array_of
from npstack.verify.other_code.child import Kept

Functions = Mapping[str, Callable[..., Any]]
Place = tuple[str, int]  # a file, with its folder, and a line
NOT_YET = "is not written yet"
MANY = 8  # arguments, whose shapes a message does not list
CLOSE = 1e-9  # of the largest number: far above rounding, far below a mistake


@dataclass(frozen=True)
class Outcome:
    """What came of one function in one case.

    Attributes
    ----------
    results : dict of array
        By name, as far as they can be compared.
    troubles : dict of str
        By name: why a result cannot.
    missing, trouble, waits : str
        Why there are none at all: it is not written yet; something else; or the function that it
        waits for.
    quoted : str
        The part of ``trouble`` that repeats a submission's own code or words.
    place : tuple of str and int, or None
        File and line at which it stopped.
    calls : tuple of (str, int)
        All files and lines on the way there.
    """

    results: dict[str, Array] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    trouble: str = ""
    waits: str = ""
    quoted: str = ""
    place: Place | None = None
    calls: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """A case, its inputs, and what came of each function."""

    case: Case
    drawn: Drawn
    outcomes: dict[str, Outcome]


def attempt(
    course: Course, stage: Stage, case: Case, functions: Functions, rng: np.random.Generator
) -> Attempt:
    """Call the functions of a stage on the inputs of a case."""
    drawn = draw(course, stage, case, rng)
    first, last = arguments(course, stage, drawn)
    wanted = _wanted(course, stage, case)
    forward, cache = _call(functions, stage.forward, first, wanted[stage.forward], True)
    outcomes = {stage.forward: forward}
    if stage.backward:
        if forward.missing or forward.trouble:
            outcomes[stage.backward] = Outcome(waits=stage.forward)
        else:
            given = {**last, "cache": cache}
            back, _ = _call(functions, stage.backward, given, wanted[stage.backward], False)
            outcomes[stage.backward] = back
    return Attempt(case, drawn, outcomes)


def is_close(found: Array, right: Array, share: float = CLOSE) -> bool:
    """Whether an array equals the right one, but for a small share of its largest number.

    Examples
    --------
    >>> is_close(np.array([1.0, 1e-12]), np.array([1.0, 0.0]))
    True
    >>> is_close(np.array([np.nan]), np.array([0.0]))
    False
    """
    with np.errstate(all="ignore"):
        return bool(np.abs(found - right).max() <= share * np.abs(right).max())


def _wanted(course: Course, stage: Stage, case: Case) -> dict[str, dict[str, Wanted]]:
    """The results of each function, with the shapes that they must have."""
    of_step, gates = stage.of_step, len(course.order)
    found: dict[str, dict[str, Wanted]] = {}
    for function, names in course.results(stage, len(case.H)).items():
        found[function] = {}
        for name in names:
            layer = int(name.split()[-1]) if " of layer " in name else 0
            B, T, *widths = case.sizes
            D, H = widths[layer], case.H[-1 if name == "hs" else layer]
            sizes = {"B": B, "T": T, "D": D, "H": H, f"{gates}H": gates * H}
            letters = {
                "hs": "B, T, H",
                "dx": "B, D" if of_step else "B, T, D",
                "dWx": f"D, {gates}H",
                "dWh": f"H, {gates}H",
                "db": f"{gates}H",
                "db_recurrent": "H",
            }.get(name.split()[0], "B, H")
            found[function][name] = Wanted(letters, tuple(sizes[s] for s in letters.split(", ")))
    return found


def _call(
    functions: Functions,
    name: str,
    given: Mapping[str, Any],
    wanted: Mapping[str, Wanted],
    has_cache: bool,
) -> tuple[Outcome, Any]:
    """Call a function with copies; what it returned by name, and its cache."""
    if name not in functions:
        return Outcome(missing=f"There is no function {name}"), None
    function = Function(functions[name], name)
    copies = {key: np.array(a) if isinstance(a, np.ndarray) else a for key, a in given.items()}
    try:
        with np.errstate(all="ignore"):
            found = function(**copies)
    except CodeError as error:
        stopped = Outcome(place=error.place, calls=error.calls)
        if error.raised == "NotImplementedError":
            return replace(stopped, missing=f"{name} {NOT_YET}"), None
        short = f"{name}: {error.expected}, got {error.got}."
        told = short if len(given) > MANY else str(error)
        return replace(stopped, trouble=told, quoted=error.got), None
    except NpstackError as error:
        return Outcome(trouble=str(error), quoted=str(error)), None
    names = [*wanted, "a cache"] if has_cache else list(wanted)
    if not isinstance(found, tuple | list) or len(found) != len(names):
        return Outcome(trouble=_wrong_count(name, found, names)), None
    results, troubles = {}, {}
    for own, value in zip(wanted, found, strict=False):
        if isinstance(value, Kept):  # it stays in the process of the submission
            troubles[own] = f"{name}: {own} must be an array, got a {value.kind}."
            continue
        try:
            results[own] = array_of(function, own, value, wanted[own], np.dtype(np.float64))
        except NpstackError as error:
            troubles[own] = str(error)
    return Outcome(results, troubles), found[-1] if has_cache else None


def _wrong_count(name: str, found: Any, names: Sequence[str]) -> str:
    """The sentence about a function that returned something else than its results."""
    several = isinstance(found, tuple | list)
    kind = f"a {found.kind}" if isinstance(found, Kept) else kind_of(found)
    got = f"{len(found)} values" if several else kind
    more = " Is its last line, the return, still there?" if found is None else ""
    return f"{name}: it must return {', '.join(names)}, got {got}.{more}"
