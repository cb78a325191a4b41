"""The oracle's activations: value and slope against extended precision, in both tails."""

import math
from typing import Any

import mpmath
import pytest

from npstack.verify import oracle
from npstack.verify.oracle.activations import activation, clip

mp = mpmath.mp.clone()
mp.dps = 800  # tanh(800) differs from 1 in the 695th digit


def held(y: Any) -> Any:
    return min(max(y, mp.mpf(0)), mp.mpf(1))


# The definitions, as a book prints them; mpmath differentiates them.
DEFINED = {
    "linear": lambda a: a,
    "sigmoid": lambda a: 1 / (1 + mp.exp(-a)),
    "tanh": lambda a: (mp.exp(a) - mp.exp(-a)) / (mp.exp(a) + mp.exp(-a)),
    "relu": lambda a: max(a, mp.mpf(0)),
    "leaky_relu": lambda a, alpha=0.01: a if a > 0 else alpha * a,
    "thresholded_relu": lambda a, alpha=1: a if a > alpha else mp.mpf(0),
    "elu": lambda a, alpha=1: a if a > 0 else alpha * (mp.exp(a) - 1),
    "softsign": lambda a: a / (1 + abs(a)),
    "softplus": lambda a: mp.log(1 + mp.exp(a)),
    "scaled_tanh": lambda a, alpha=1, beta=1: alpha * mp.tanh(beta * a),
    "affine": lambda a, alpha=1, beta=0: alpha * a + beta,
    "hard_sigmoid_fifth": lambda a, alpha=0.2, beta=0.5: held(alpha * a + beta),
    "hard_sigmoid_sixth": lambda a: held(a / 6 + mp.mpf(1) / 2),
}
CONSTANTS = {
    "leaky_relu": (0.25,),
    "thresholded_relu": (0.5,),
    "elu": (1.75,),
    "scaled_tanh": (1.5, 0.625),
    "affine": (-0.75, 0.25),
    "hard_sigmoid_fifth": (0.375, 0.125),
}
GIVEN = [*DEFINED, *((name, *constants) for name, constants in CONSTANTS.items())]


def test_all_activations_are_tried() -> None:
    assert DEFINED.keys() == oracle.ACTIVATIONS.keys()


@pytest.mark.parametrize("given", GIVEN, ids=str)
@pytest.mark.parametrize("a", [-800.0, -40.0, -2.7, -0.3, 0.3, 1.9, 2.7, 40.0, 800.0])
def test_value_and_slope_keep_their_digits_in_both_tails(given: Any, a: float) -> None:
    name, *constants = (given,) if isinstance(given, str) else given
    defined = DEFINED[name]
    value, slope = defined(mp.mpf(a), *constants), mp.diff(lambda z: defined(z, *constants), a)
    result = activation(given)(oracle.Dual(a, [1.0]))
    assert result.value == activation(given)(a)
    for got, right in ((result.value, value), (result.slopes[0], slope)):
        assert math.isclose(got, float(right), rel_tol=2e-15, abs_tol=1e-300)


def test_at_a_corner_the_slope_is_that_of_the_flat_side() -> None:
    def slope(given: Any, a: float) -> float:
        return activation(given)(oracle.Dual(a, [1.0])).slopes[0]

    assert slope("relu", 0.0) == slope("thresholded_relu", 1.0) == 0
    assert slope("hard_sigmoid_fifth", 2.5) == slope("hard_sigmoid_fifth", -2.5) == 0
    assert slope("hard_sigmoid_sixth", 3.0) == slope("hard_sigmoid_sixth", -3.0) == 0
    assert (slope("leaky_relu", 0.0), slope(("elu", 1.75), 0.0)) == (0.01, 1.75)


def test_clip_lets_through_what_is_within_and_nothing_else() -> None:
    got = [clip(oracle.Dual(a, [1.0]), 2.0) for a in (-2.5, -2.0, -1.5, 1.5, 2.0, 2.5)]
    assert [dual.value for dual in got] == [-2.0, -2.0, -1.5, 1.5, 2.0, 2.0]
    assert [dual.slopes for dual in got] == [[0.0], [0.0], [1.0], [1.0], [0.0], [0.0]]
    assert clip(1e9, None) == 1e9


def test_the_bare_hard_sigmoid_is_refused() -> None:
    with pytest.raises(KeyError, match="hard_sigmoid"):
        activation("hard_sigmoid")
