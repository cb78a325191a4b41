"""Numbers measured on the tape of a forward pass: gates, saturation, slow units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from npstack.core.arguments import check_number
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, TapeError, describe, fail, kind_of
from npstack.core.numerics import Array, real
from npstack.core.tape import RecurrentTape, Tape

THRESHOLDS = "0.9 and 0.1 are usual."
PADDING = "Pass a tape of a sequence that has such steps."


class Saturation(NamedTuple):
    """How often each gate of one layer is nearly open or nearly closed.

    Attributes
    ----------
    open, closed : dict of arrays (H,)
        By the name of the gate: the fraction of valid steps, one number per unit. The candidate is
        not among them: it is a value between -1 and 1, not a gate.
    """

    open: dict[str, Array]
    closed: dict[str, Array]


def recurrent_tapes(where: str, tape: object) -> tuple[RecurrentTape, ...]:
    """The tapes of the recurrent layers, bottom first; an error if there are none."""
    layers = tape.layers if isinstance(tape, Tape) else ()
    if not layers:
        fail(
            TapeError,
            where,
            "tape must come from forward of a model with at least one recurrent layer",
            f"{kind_of(tape)} without any",
            "Pass what LSTM.forward, StackedLSTM.forward or Sequential.forward returned.",
        )
    return layers


def saturation(
    tape: Tape, open_above: float = 0.9, closed_below: float = 0.1
) -> tuple[Saturation, ...]:
    """Fraction of time that each gate is nearly open or nearly closed, unit by unit.

    Counted over the valid steps of all rows. A unit with a forget gate that is always open
    remembers; if it is always closed, the cell keeps nothing, and the past has an effect only
    through h (Karpathy, Johnson & Fei-Fei 2015, *Visualizing and understanding recurrent networks*,
    4.3).

    Parameters
    ----------
    tape : Tape
        From `forward` of a model with recurrent layers.
    open_above, closed_below : float
        Thresholds for "nearly": 0 ≤ closed_below ≤ open_above ≤ 1.

    Returns
    -------
    tuple of Saturation
        One per entry of ``tape.layers``, bottom first.

    Raises
    ------
    TapeError
        No recurrent layer on the tape.
    ArgumentError
        Thresholds out of order, or no valid step at all.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 2, rng=np.random.default_rng(0), forget_bias=5.0)
    >>> (found,) = saturation(layer.forward(np.zeros((1, 10, 1))))
    >>> found.open["forget"], found.closed["forget"]
    (array([1., 1.]), array([0., 0.]))
    """
    where = "analysis.saturation"
    open_above, closed_below = (
        check_number(where, name, value, THRESHOLDS)
        for name, value in (("open_above", open_above), ("closed_below", closed_below))
    )
    if not 0 <= closed_below <= open_above <= 1:
        expected = "thresholds must satisfy 0 <= closed_below <= open_above <= 1"
        fail(ArgumentError, where, expected, f"{closed_below=}, {open_above=}", THRESHOLDS)
    return tuple(
        _saturation(where, layer, open_above, closed_below)
        for layer in recurrent_tapes(where, tape)
    )


def _saturation(
    where: str, tape: RecurrentTape, open_above: float, closed_below: float
) -> Saturation:
    valid = _mask(tape)
    if not valid.any():
        expected = "at least one valid step must be on the tape"
        fail(ArgumentError, where, expected, "padding alone", PADDING)
    gates = {
        name: real(values[valid])
        for name, values in tape.gates._asdict().items()
        if name != "candidate"
    }
    return Saturation(
        open={name: (values > open_above).mean(axis=0) for name, values in gates.items()},
        closed={name: (values < closed_below).mean(axis=0) for name, values in gates.items()},
    )


def gate_quantiles(
    tape: Tape, quantiles: Sequence[float] = (0.1, 0.5, 0.9)
) -> tuple[dict[str, Array], ...]:
    """How far each gate is open: quantiles over all units and valid steps.

    Parameters
    ----------
    tape : Tape
        From `forward` of a model with recurrent layers.
    quantiles : sequence of float
        Q fractions from 0 to 1; 0.5 is the median.

    Returns
    -------
    tuple of dicts of arrays (Q,)
        One per recurrent layer, bottom first; by the name of the gate, without the candidate.

    Raises
    ------
    TapeError
        No recurrent layer on the tape.
    ArgumentError
        A quantile outside of 0 to 1, or no valid step at all.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 2, rng=np.random.default_rng(0))
    >>> (found,) = gate_quantiles(layer.forward(np.zeros((1, 1, 1))))
    >>> found["forget"].round(3)  # the forget bias is 1
    array([0.731, 0.731, 0.731])
    """
    where = "analysis.gate_quantiles"
    layers = recurrent_tapes(where, tape)
    fractions = as_array(where, "quantiles", quantiles)
    inside = fractions.ndim == 1 and fractions.dtype.kind in "iuf"
    if not inside or not ((fractions >= 0) & (fractions <= 1)).all():
        expected = "quantiles must be a list of numbers from 0 to 1"
        fail(ArgumentError, where, expected, describe(quantiles), "[0.5] is the median.")
    fractions = fractions.astype(float)
    if not all(_mask(layer).any() for layer in layers):
        expected = "at least one valid step must be on the tape"
        fail(ArgumentError, where, expected, "padding alone", PADDING)
    return tuple(
        {
            name: np.quantile(real(values[_mask(layer)]), fractions)
            for name, values in layer.gates._asdict().items()
            if name != "candidate"
        }
        for layer in layers
    )


def _mask(tape: Tape) -> Array:
    """The mask of a tape with a time axis, which always has one."""
    assert tape.mask is not None
    return tape.mask


def slowest_first(tape: Tape) -> tuple[Array, ...]:
    """The units of each layer, from the slowest to the fastest.

    In a picture with this order, units that keep their values are separate from units that react
    to the input. The measure is the mean square of ``h(t) - h(t-1)``, over all pairs of valid
    neighbouring steps, divided by the variance of ``h`` over valid steps (von Neumann's ratio):
    near 0 for slow units, and 2 for independent random values. Units that never change come first.

    Parameters
    ----------
    tape : Tape
        From `forward` of a model with recurrent layers.

    Returns
    -------
    tuple of int arrays (H,)
        One per recurrent layer, bottom first: numbers of units.

    Raises
    ------
    TapeError
        No recurrent layer on the tape.
    ArgumentError
        No two neighbouring valid steps.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 3, rng=np.random.default_rng(0))
    >>> (order,) = slowest_first(layer.forward(np.array([[[0.0], [1.0], [-1.0]]])))
    >>> sorted(order.tolist())
    [0, 1, 2]
    """
    where = "analysis.slowest_first"
    found = []
    for layer in recurrent_tapes(where, tape):
        mask = _mask(layer)
        pairs = mask[:, 1:] & mask[:, :-1]
        if not pairs.any():
            expected = "two neighbouring valid steps must be on the tape"
            fail(ArgumentError, where, expected, "none", PADDING)
        h = _of_size_one(real(layer.states.h), mask)
        changes = np.square(h[:, 1:] - h[:, :-1])[pairs].mean(axis=0)
        spread = h[mask].var(axis=0)
        moving = spread > 0
        ratio = np.where(moving, changes / np.where(moving, spread, 1), 0)
        found.append(np.argsort(ratio, kind="stable"))
    return tuple(found)


def _of_size_one(h: Array, mask: Array) -> Array:
    """Each unit times a power of two, so that no square overflows or becomes 0: exact ratios."""
    if h.dtype.kind == "O":
        return h
    exponent = np.frexp(np.abs(h[mask]).max(axis=0))[1]
    with np.errstate(over="ignore"):  # of masked steps
        return np.asarray(np.ldexp(h, -exponent))
