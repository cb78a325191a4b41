"""How far a recorded layer is from the truth, and whether rounding explains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import DtypeError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.trees import mapped, named
from npstack.interop.imported import columns
from npstack.interop.recording import Recorded, eps_of
from npstack.layers import Layer
from npstack.verify import check_rounding, conditioning, truth
from npstack.verify.precision.ladder import LIMIT

DRAWS = 24
COARSE = LIMIT / 8  # with this eps or more, 8 eps alone, which any program may be off, are too much


class AgreementRow(NamedTuple):
    """One block of numbers: the outputs, or a final state.

    Attributes
    ----------
    block : str
        ``outputs``, ``final.0.h`` …
    difference : float
        max|theirs - npstack's|.
    theirs, own : float
        The errors against the truth, max|error| / max|truth|, in eps.
    allowed : float
        The error that rounding may make, in eps.
    explained : bool or None
        Whether rounding explains theirs; None if it is within rounding, but rounding may change
        more than a thousandth of the numbers, and could hide a mistake.
    """

    block: str
    difference: float
    theirs: float
    own: float
    allowed: float
    explained: bool | None


@dataclass(frozen=True)
class Agreement:
    """Whether a layer computes what was recorded; ``print(agreement)`` shows a table.

    It is true in an ``if`` where `explained` is.

    Attributes
    ----------
    rows : tuple of AgreementRow
    eps : float
        Of the coarser of two types: of the recorded numbers, and of the layer.
    """

    rows: tuple[AgreementRow, ...]
    eps: float

    @property
    def explained(self) -> bool:
        """Whether rounding explains every difference; False, too, where it cannot be said."""
        return all(row.explained for row in self.rows)

    def __bool__(self) -> bool:
        return self.explained

    def __str__(self) -> str:
        head = ("block", "max|difference|", "error of theirs", "of npstack", "allowed", "")
        words = {True: "rounding", False: "NOT rounding", None: "cannot be resolved"}
        table: list[tuple[str, ...]] = [head]
        for row in self.rows:
            errors = (f"{value:.1f} eps" for value in (row.theirs, row.own, row.allowed))
            table.append((row.block, f"{row.difference:.1e}", *errors, words[row.explained]))
        lines = columns(table)
        lines.append("Errors are distances from npstack's layer, computed with wider numbers.")
        passing = [row.allowed * self.eps for row in self.rows if row.explained is None]
        if passing:
            lines.append(_unresolved(max(passing), self.eps))
        return "\n".join(lines)


def _unresolved(passing: float, eps: float) -> str:
    """Why nothing can be said, and what to do; ``passing`` is the relative error that is allowed.

    Examples
    --------
    >>> print(_unresolved(0.0625, 2.0**-7))
    Cannot be resolved: bfloat16 is so coarse that an error of 6.2% of the largest number passes for
    rounding. Compare in float32.
    >>> print(_unresolved(0.002, 2.0**-23))
    Cannot be resolved: the last digits of the input and the weights matter so much that an error of
    0.2% of the largest number passes for rounding. Compare in float64, or over fewer steps.
    """
    if eps >= COARSE:
        names = {eps_of(name): name for name in ("bfloat16", "float16")}
        what = f"{names.get(eps, f'a type with eps {eps:.1g}')} is so coarse"
        advice = "Compare in float32."
    else:
        what = "the last digits of the input and the weights matter so much"
        wider = "in float64, or " if eps > eps_of("float64") else ""
        advice = f"Compare {wider}over fewer steps."
    size = f"{100 * passing:.2g}% of the largest number" if passing < 1 else "any size"
    return f"Cannot be resolved: {what} that an error of {size} passes for rounding. {advice}"


def agreement(
    layer: Layer,
    recorded: Recorded,
    *,
    draws: int = DRAWS,
    progress: Callable[[int, int], None] | None = None,
) -> Agreement:
    """Hold a layer against what another program computed on the same input.

    Parameters
    ----------
    layer : Layer
    recorded : Recorded
    draws : int
        For `npstack.verify.conditioning`: each takes a forward pass with wider numbers.
    progress : callable, optional
        ``progress(done, total)``.

    Returns
    -------
    Agreement

    Raises
    ------
    ShapeError
        The layer does not give outputs of the recorded shape.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(3, 4, rng=np.random.default_rng(0))
    >>> tape = layer.forward(np.ones((1, 5, 3)))
    >>> print(agreement(layer, Recorded(tape.x, tape.outputs, final=tape.final)).explained)
    True
    """
    x, states = inputs_for(layer, recorded)
    how: dict[str, Any] = {"lengths": recorded.lengths}
    tape = layer.forward(x, states, **how)
    exact = truth(layer, x, states, **how).arrays
    moves = conditioning(layer, x, states, draws=draws, progress=progress, **how)
    theirs = results(recorded.outputs, recorded.final)
    own = results(np.asarray(tape.outputs), tape.final)
    eps = max(recorded.eps or eps_of(recorded.dtype.name), eps_of(x.dtype.name))
    rows = []
    for name, found in theirs.items():
        if name not in exact or np.shape(found) != np.shape(exact[name]):
            expected = f"{name} must be {np.shape(exact.get(name, np.empty(0)))}, as of this layer"
            advice = "Was it recorded at this layer, and was the layer read as it is?"
            fail(ShapeError, "agreement", expected, np.shape(found), advice)
        how_far = float(moves.get(name, 0.0))
        judged = check_rounding(found, exact[name], conditioning=how_far, eps=eps, own=own[name])
        mine = check_rounding(own[name], exact[name], conditioning=how_far, eps=eps)
        difference = float(np.abs(np.asarray(found, float) - np.asarray(own[name], float)).max())
        errors = judged.error / eps, mine.error / eps, judged.allowed / eps
        rows.append(AgreementRow(name, difference, *errors, judged.explained))
    return Agreement(tuple(rows), eps)


def inputs_for(layer: Layer, recorded: Recorded) -> tuple[Array, Any]:
    """The recorded input and initial states in the dtype of a layer; no number may change."""
    dtype = next(iter(layer.params.values())).dtype

    def exact(array: Array, name: str) -> Array:
        cast = array.astype(dtype)
        if not np.array_equal(cast, array, equal_nan=True):
            expected = f"{name} must be numbers that the layer has, of {dtype}"
            advice = f"Read the layer with dtype={array.dtype.name!r}."
            fail(DtypeError, "agreement", expected, array.dtype, advice)
        return cast

    return exact(recorded.x, "x"), mapped(lambda a: exact(a, "initial"), recorded.initial)


def results(outputs: Array, final: Any) -> dict[str, Array]:
    """Outputs and final states by the names of `npstack.verify.truth`."""
    states = final if isinstance(final, tuple) and not hasattr(final, "_fields") else (final,)
    found = {"outputs": outputs}
    if final is not None:
        for k, state in enumerate(states):
            found |= named(f"final.{k}", state)
    return found
