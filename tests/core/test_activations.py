"""Every activation: values and slopes to the last digits, kinks, dtypes, refusals."""

import itertools
import json

import mpmath
import numpy as np
import pytest

from npstack import Dense, build, check_gradients
from npstack.core.activations import ACTIVATIONS, Activation

pytestmark = pytest.mark.core

CASES = [
    *map(Activation, ACTIVATIONS),
    Activation("leaky_relu", -0.5),
    Activation("leaky_relu", 2.0),
    Activation("thresholded_relu", -0.75),
    Activation("thresholded_relu", 0.0),
    Activation("elu", -1.5),
    Activation("elu", 0.25),
    Activation("scaled_tanh", 1.7159, 2 / 3),
    Activation("scaled_tanh", -1.5, 0.5),
    Activation("scaled_tanh", 0.75, -2.0),
    Activation("affine", -0.7, 0.3),
    Activation("affine", 2.0, -1.0),
    Activation("hard_sigmoid_fifth", -0.3, 0.4),
    Activation("hard_sigmoid_fifth", 0.25, 0.5),
    Activation("hard_sigmoid_fifth", 1.5, -0.25),
]
EACH = pytest.mark.parametrize("case", CASES, ids=repr)

# Value and slope of each in mpmath, by other formulas where there are any.
TRUTH = {
    "linear": (lambda a: a, lambda a: 1),
    "sigmoid": (lambda a: 1 / (1 + mpmath.exp(-a)), lambda a: mpmath.sech(a / 2) ** 2 / 4),
    "tanh": (mpmath.tanh, lambda a: mpmath.sech(a) ** 2),
    "relu": (lambda a: max(a, 0), lambda a: int(a > 0)),
    "leaky_relu": (lambda a, p: a if a > 0 else p * a, lambda a, p: 1 if a > 0 else p),
    "thresholded_relu": (lambda a, p: a if a > p else 0, lambda a, p: int(a > p)),
    "elu": (
        lambda a, p: a if a > 0 else p * mpmath.expm1(a),
        lambda a, p: 1 if a > 0 else p * mpmath.exp(a),
    ),
    "softsign": (lambda a: a / (1 + abs(a)), lambda a: 1 / (1 + abs(a)) ** 2),
    "softplus": (lambda a: mpmath.log1p(mpmath.exp(a)), lambda a: 1 / (1 + mpmath.exp(-a))),
    "scaled_tanh": (
        lambda a, p, q: p * mpmath.tanh(q * a),
        lambda a, p, q: p * q * mpmath.sech(q * a) ** 2,
    ),
    "affine": (lambda a, p, q: p * a + q, lambda a, p, q: p),
    "hard_sigmoid_fifth": (
        lambda a, p, q: min(max(p * a + q, 0), 1),
        lambda a, p, q: p if 0 < p * a + q < 1 else 0,
    ),
    "hard_sigmoid_sixth": (
        lambda a: min(max(a / 6 + 0.5, 0), 1),
        lambda a: mpmath.mpf(1) / 6 if -3 < a < 3 else 0,
    ),
}
KINKS = {"leaky_relu": (0, 0), "elu": (0, 0), "relu": (0, 0), "hard_sigmoid_sixth": (-3, 3)}


def parameters(case, number=float):
    """The parameters that a case has, as another type of number."""
    return [number(value) for value in (case.alpha, case.beta) if value is not None]


def kinks(case):
    """Where the slope of a case jumps."""
    if case.name == "thresholded_relu":
        return [case.alpha]
    if case.name == "hard_sigmoid_fifth":
        return [-case.beta / case.alpha, (1 - case.beta) / case.alpha]
    return KINKS.get(case.name, ())


def points(case, dtype=float):
    """Both tails, the middle, tiny numbers, and both sides of every kink."""
    sizes = [1e-30, 1e-12, 1e-3, 0.3, 0.9, 1.7, 5.0, 17.0, 40.0, 85.0, 750.0, 1e4, 1e30]
    a = [0.0, *sizes, *(-size for size in sizes)]
    a += [kink + side for kink in kinks(case) for side in (-1e-3, 1e-3)]
    return np.array(a, dtype)


def truth(case, a, number=mpmath.mpf):
    """Value and slope at every point; numbers and parameters are those of their dtype."""
    function, slope = TRUTH[case.name]
    given = parameters(case, lambda value: number(float(a.dtype.type(value))))
    return [np.array([f(number(v), *given) for v in a.tolist()], object) for f in (function, slope)]


def exact(a):
    """As mpmath numbers without loss, longdouble too."""
    high = a.astype(float)
    return np.array(
        [mpmath.mpf(h) + float(low) for h, low in zip(high, a - high, strict=True)], object
    )


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_slopes_are_right_to_a_few_units_in_the_last_place(case, dtype):
    a = points(case, dtype)
    eps, tiny = (float(value) for value in (np.finfo(dtype).eps, np.finfo(dtype).tiny))
    y = case.function(a)
    slope = case.derivative(a, y)
    with mpmath.workdps(60):
        right_y, right_slope = truth(case, a)
        # A product with beta, or a sum, is rounded before the function is applied ...
        inner = abs(a * right_slope) if case.name in LINEAR_INSIDE else 0 * right_y
        # ... and how the slope takes that: d log(sech(z)^2) / dz is at most 2 in size.
        bent = 2 * abs(case.beta * a) if case.name == "scaled_tanh" else 0
        # From an output that is rounded to eps, 1 - y is off by eps.
        lost = 2 * eps if case.name in ("sigmoid", "tanh") else 0
        wrong = abs(exact(y) - right_y) - 4 * eps * (abs(right_y) + inner) - tiny
        assert (wrong <= 0).all(), a[wrong > 0]
        wrong = abs(exact(slope) - right_slope) - (4 + bent) * eps * abs(right_slope) - lost - tiny
        assert (wrong <= 0).all(), a[wrong > 0]


LINEAR_INSIDE = ("scaled_tanh", "affine", "hard_sigmoid_fifth", "hard_sigmoid_sixth")


@EACH
def test_mpmath_numbers_have_all_their_digits(case):
    with mpmath.workdps(40):
        sevenths = (-200, -11, -5, -1, -1e-20, 0, 1e-20, 1, 5, 11, 200)
        a = np.array([mpmath.mpf(v) / 7 for v in sevenths], object)
        y = case.function(a)
        function, slope = TRUTH[case.name]
        for value, got, got_slope in zip(a, y, case.derivative(a, y), strict=True):
            size = max(1, abs(got)) if case.name in LINEAR_INSIDE else abs(got)
            assert abs(got - function(value, *parameters(case))) <= 1e-38 * size
            assert abs(got_slope - slope(value, *parameters(case))) <= 1e-37


def test_a_sixth_has_the_digits_of_its_dtype():
    for dtype in (np.float32, np.float64, np.longdouble):
        y = np.array([0.0, 0.25, 1.0], dtype)
        sixth = np.array(1, dtype) / np.array(6, dtype)
        assert Activation("hard_sigmoid_sixth").derivative(None, y).tolist() == [0, sixth, 0]


@EACH
def test_the_complex_step_is_the_slope_at_kinks_too(case):
    a = np.concatenate([points(case), kinks(case)])
    y = case.function(a)
    step = case.function(a + 1e-30j)
    eps = np.finfo(float).eps
    # The side of a point next to a kink of hard_sigmoid_fifth depends on rounding, for both.
    np.testing.assert_allclose(case.derivative(a, y), step.imag / 1e-30, rtol=2e-12, atol=4 * eps)
    np.testing.assert_allclose(step.real, y, rtol=4 * eps, atol=eps)


@pytest.mark.parametrize(
    ("case", "a", "y", "slope"),
    [
        (Activation("relu"), [0.0], [0], [0]),
        (Activation("leaky_relu", 0.25), [0.0], [0], [0.25]),
        (Activation("leaky_relu", -0.5), [-2.0, 0.0, 2.0], [1, 0, 2], [-0.5, -0.5, 1]),
        (Activation("thresholded_relu", 0.5), [0.25, 0.5, 1.0], [0, 0, 1], [0, 0, 1]),
        (Activation("thresholded_relu", -1.0), [-1.0, -0.5], [0, -0.5], [0, 1]),
        (Activation("elu", 0.25), [0.0], [0], [0.25]),
        (Activation("elu", -3.0), [-800.0, 0.0], [3, 0], [0, -3]),
        (Activation("softsign"), [-1.0, 0.0, 3.0], [-0.5, 0, 0.75], [0.25, 1, 0.0625]),
        (Activation("hard_sigmoid_sixth"), [-3.0, 3.0], [0, 1], [0, 0]),
        (Activation("hard_sigmoid_fifth", 0.25), [-2.0, 1.0, 2.0], [0, 0.75, 1], [0, 0.25, 0]),
        (Activation("hard_sigmoid_fifth", -0.25), [-2.0, 0.0, 2.0], [1, 0.5, 0], [0, -0.25, 0]),
        (Activation("affine", 2.0, -1.0), [0.0, 3.0], [-1, 5], [2, 2]),
        (Activation("scaled_tanh", -2.0, 3.0), [0.0, 800.0], [0, -2], [-6, 0]),
    ],
    ids=str,
)
def test_values_and_slopes_at_kinks_are_those_of_the_table(case, a, y, slope):
    a = np.array(a)
    assert case.function(a).tolist() == y
    assert case.derivative(a, case.function(a)).tolist() == slope


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, complex, object])
def test_dtype_and_shape_are_kept_and_arguments_left_alone(case, dtype):
    a = np.array([[-2.0, 0.0], [0.25, 3.0]]).astype(dtype)
    before = a.copy()
    a.flags.writeable = False
    y = case.function(a)
    slope = case.derivative(a, y)
    assert y.dtype == slope.dtype == a.dtype
    assert y.shape == slope.shape == a.shape
    assert not np.shares_memory(y, a)
    assert (a == before).all()
    scalar = np.array(0.5)
    assert type(case.function(scalar)) is type(case.derivative(scalar, scalar)) is np.ndarray


@EACH
@pytest.mark.parametrize("dtype", [np.float32, complex, object])
def test_nan_stays_nan(case, dtype):
    with np.errstate(invalid="ignore"):
        assert np.isnan(case.function(np.array([np.nan, 1]).astype(dtype)).astype(complex)[0])
    assert mpmath.isnan(case.function(np.array([mpmath.nan], object))[0])


def test_a_large_number_of_the_other_branch_overflows_not():
    a = np.array([np.finfo(float).max])
    assert Activation("leaky_relu", 3.0).function(a) == a
    assert Activation("elu", 3.0).function(a) == a


def test_the_slope_that_needs_no_pre_activation():
    known = {name for name in ACTIVATIONS if Activation(name).slope_from_output}
    assert known == {
        *("linear", "sigmoid", "tanh", "relu", "affine"),
        *("hard_sigmoid_fifth", "hard_sigmoid_sixth"),
    }
    for case in CASES:
        a = points(case)
        y = case.function(a)
        if case.slope_from_output:
            assert np.array_equal(case.derivative(None, y), case.derivative(a, y))


# ---- the value -----------------------------------------------------------------------------------


def test_an_activation_is_a_value():
    elu = Activation("elu", 1)
    assert elu == Activation("elu") == Activation("elu", alpha=np.float32(1))
    assert len({elu, Activation("elu"), Activation("elu", 0.5), Activation("softplus")}) == 3
    assert type(elu.alpha) is float
    assert elu.beta is None
    with pytest.raises(AttributeError):
        elu.alpha = 2.0
    assert repr(elu) == "Activation('elu', alpha=1.0)"
    assert repr(Activation("tanh")) == "Activation('tanh')"
    assert repr(Activation("affine", beta=2)) == "Activation('affine', alpha=1.0, beta=2.0)"


@EACH
def test_config_and_repr_are_ways_there_and_back(case):
    assert build(json.loads(json.dumps(case.config()))) == case
    assert eval(repr(case), {"Activation": Activation}) == case


def test_defaults_are_those_of_the_table():
    found = {name: (Activation(name).alpha, Activation(name).beta) for name in ACTIVATIONS}
    none = (None, None)
    assert found == {
        **dict.fromkeys(("linear", "sigmoid", "tanh", "relu", "softsign", "softplus"), none),
        "leaky_relu": (0.01, None),
        "thresholded_relu": (1.0, None),
        "elu": (1.0, None),
        "scaled_tanh": (1.0, 1.0),
        "affine": (1.0, 0.0),
        "hard_sigmoid_fifth": (0.2, 0.5),
        "hard_sigmoid_sixth": none,
    }
    assert set(TRUTH) == set(ACTIVATIONS)


@pytest.mark.parametrize(
    ("case", "kink"),
    [
        (Activation("elu", 0.5), 0.0),
        (Activation("leaky_relu", 0.5), 0.0),
        (Activation("thresholded_relu", 0.5), 0.5),
        (Activation("relu"), 0.0),
        (Activation("hard_sigmoid_fifth"), 2.5),
        (Activation("hard_sigmoid_fifth"), -2.5),
    ],
    ids=str,
)
def test_the_slope_of_complex_numbers_branches_on_their_real_part(case, kink):
    there = np.array([kink])
    slope = case.derivative(there, case.function(there))
    for step in (1e-30j, -1e-30j):
        beside = case.derivative(there + step, case.function(there + step))
        assert np.allclose(beside.real, slope, rtol=0, atol=1e-15)


def test_whether_a_slope_comes_from_the_output_is_said_by_a_boolean():
    from_output = {name for name in ACTIVATIONS if Activation(name).slope_from_output is True}
    from_input = {name for name in ACTIVATIONS if Activation(name).slope_from_output is False}
    assert from_output | from_input == set(ACTIVATIONS)
    assert from_input == {"elu", "leaky_relu", "softplus", "softsign", "scaled_tanh"} | {
        "thresholded_relu"
    }


# ---- in a layer ----------------------------------------------------------------------------------


@EACH
def test_gradients_of_a_dense_layer_with_it(case):
    rng = np.random.default_rng(5)
    dense = Dense(3, 4, activation=case, bias_init="uniform", rng=rng)
    assert dense.activation is case
    assert check_gradients(dense, rng.standard_normal((2, 3, 3)), lengths=[3, 1]).passed


@EACH
def test_backward_of_a_dense_layer_has_the_bits_of_its_parts(case):
    rng = np.random.default_rng(6)
    dense = Dense(3, 1, activation=case, bias_init="uniform", rng=rng)
    x, d = rng.standard_normal((4, 5, 3)), rng.standard_normal((4, 5, 1))
    a = Dense(3, 1, rng=rng).forward(x, params=dense.params).outputs
    tape = dense.forward(x)
    assert np.array_equal(tape.outputs, case.function(a))
    da = d * case.derivative(a, tape.outputs)
    assert np.array_equal(dense.backward(tape, d).x, da @ dense.params["W"].T)


POWERS = 10.0 ** np.arange(-9, 155)
WIDE = np.concatenate([-POWERS, np.linspace(-4, 4, 80_001), POWERS])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_range_is_the_smallest_interval_that_holds_every_output(name):
    count = len(ACTIVATIONS[name].defaults)
    grid = [(), *itertools.product([-1.5, -0.3, 0.0, 0.4, 2.5], repeat=count)]
    for parameters in grid:
        activation = Activation(name, *parameters)
        low, high = activation.range
        outputs = activation.function(WIDE)
        assert low <= outputs.min() <= outputs.max() <= high, activation
        for end, reached in ((low, outputs.min()), (high, outputs.max())):
            close = abs(reached - end) < 1e-3 if np.isfinite(end) else abs(reached) > 1e150
            assert close, (activation, end, reached)
