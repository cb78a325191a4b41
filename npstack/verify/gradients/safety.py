"""Whether a function may be called with complex numbers: an analytic function may.

Code that stores into a float buffer drops the imaginary part with a warning; `math.exp` raises.
Others mislead without a word: absolute value, real part, conjugate. They are found by a property of
analytic functions. The slope along a direction can be measured by a step ``R`` on the real axis,
``(f(x + R) - f(x - R)) / 2R``, or by one on the imaginary axis, ``Im f(x + iR) / R``. For an
analytic function both agree with the complex step up to an error that falls with ``R``, and in
their mean even its second order cancels. Where the function is not analytic, a gap stays, whatever
``R`` is. It is looked for in each output alone, so that a small term is not hidden by large ones.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from npstack.core.errors import CodeError
from npstack.core.numerics import Array
from npstack.verify.gradients.derivatives import (
    STEP,
    Inputs,
    Scalar,
    along,
    cast,
    outputs_or_none,
    relative,
)

RADII = 10.0 ** -np.arange(1, 6.5, 0.5)
ALIKE = 0.2  # how much gaps at different radii may differ
ABOVE_NOISE = 4  # times the rounding of the outputs
LEAST = 5  # radii in a row
UNDERFLOWS = 1e-280  # a slope so small, times the step


def trouble(s: Scalar, exact: Inputs, ways: Inputs) -> str:
    """The reason why complex numbers cannot be used; empty if they can."""
    reason = _trouble_along(s, exact, ways)
    alone = ((name, _trouble_along(s, exact, {name: ways[name]})) for name in ways if reason)
    return next((f"for {name!r} {why}" for name, why in alone if why), reason)


def _trouble_along(s: Scalar, exact: Inputs, ways: Inputs) -> str:
    # Steps of the same size for all entries may leave the domain, or leap over a pole: what they
    # find has to be found in proportion to each entry, too.
    start, reason = cast(exact, np.complex128), ""
    for way in (ways, relative(ways, exact)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                values = s.outputs(along(start, way, 1j * STEP))
        except Exception as error:  # any error of the user's code is the finding
            told = f"{type(error).__name__}: {error}"
            if isinstance(error, CodeError) and error.raised:  # in a function of `foreign`
                told = error.got
            return f"complex numbers raise {told.rstrip('.')}"
        slopes = _flat([np.imag(y) / STEP for y in values])
        if not all(np.isfinite(y).all() for y in values):
            return "complex numbers give NaN"
        gaps = _measured(s, exact, start, way, slopes)
        if len(gaps) < LEAST:
            continue
        gap = _lasting(gaps)
        if gap is None:
            return ""
        j = int(np.argmax(np.abs(gap)))
        reason = f"the complex step gives {slopes[j]:.6g}, differences {slopes[j] + gap[j]:.6g}"
    return reason


class _Gap(NamedTuple):
    """At one radius, in each output: the gap in the mean of both slopes and in the real one."""

    radius: float
    mean: Array
    real: Array
    noise: Array
    bend: Array  # between the slopes left and right
    moves: Array  # of the output, from the left to the right


def _measured(s: Scalar, exact: Inputs, start: Inputs, way: Inputs, slopes: Array) -> list[_Gap]:
    """The gaps at all radii that stay within the domain, the largest radius first."""
    here, gaps = outputs_or_none(s, exact), []
    for R in RADII if here is not None else ():
        up, down, aside = (
            outputs_or_none(s, along(inputs, way, by))
            for inputs, by in ((exact, R), (exact, -R), (start, 1j * R))
        )
        if here is None or up is None or down is None or aside is None:
            continue
        y, right, left, turned = map(_flat, (here, up, down, aside))
        real, imaginary = (right - left) / (2 * R), np.imag(turned) / R
        noise = np.finfo(float).eps * np.maximum(np.abs(right), np.abs(left)) / R
        bend = (right - 2 * y + left) / R
        gaps.append(
            _Gap(R, (real + imaginary) / 2 - slopes, real - slopes, noise, bend, right - left)
        )
    return gaps


def _lasting(gaps: list[_Gap]) -> Array | None:
    """The gaps that stay the same at some radii, and at all smaller ones above the noise."""
    for k in range(len(gaps) - LEAST + 1):
        middle, last = gaps[k + LEAST // 2], gaps[k + LEAST - 1]
        size = np.abs(middle.mean)
        kink = middle.bend * last.radius - last.bend * middle.radius  # a curve's bend falls with R
        kink = np.abs(kink) / (middle.radius - last.radius)
        # At a kink, any slope between both sides is accepted.
        stays = (size > ABOVE_NOISE * middle.noise) & (size > kink)
        # Where nothing changes, a gate may be so saturated that rounding swallows the step.
        stays &= (size > UNDERFLOWS) & (middle.moves != 0) & (last.moves != 0)
        for other in gaps[k:]:
            alike = np.abs(other.mean - middle.mean) <= ALIKE * size
            stays &= alike | (size <= ABOVE_NOISE * other.noise)
        if stays.any():
            return np.where(stays, middle.real, 0)
    return None


def _flat(arrays: list[Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays])
