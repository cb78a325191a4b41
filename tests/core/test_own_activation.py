"""An activation of the user's own: what is accepted, and what its check finds."""

import math
import re

import numpy as np
import pytest

from npstack import (
    GRU,
    RNN,
    ArgumentError,
    Clipped,
    CodeError,
    Dense,
    DtypeError,
    LSTMVariantCell,
    OwnActivation,
    Recurrent,
    build,
    check_gradients,
    check_laws,
    load_model,
    save_model,
)
from npstack.cells import Activations
from npstack.core.activations import ACTIVATIONS, Activation, check_activation
from npstack.core.numerics import absolute, clip, exp, real, tanh
from npstack.core.own_activation import GRID

pytestmark = pytest.mark.core


def rational_tanh(a):
    """As embedded ports have it."""
    return clip(a * (27 + a * a) / (27 + 9 * a * a), 1.0)


def rational_slope(a):
    inside = ((9 - a * a) / (9 + 3 * a * a)) ** 2
    return np.where(real(absolute(a)) < 3, inside, np.zeros_like(a))


RATIONAL = OwnActivation("rational_tanh", rational_tanh, rational_slope, range=(-1, 1))
RIGHT = {
    "rational tanh": (rational_tanh, rational_slope),
    "plain NumPy": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "np.clip": (
        lambda a: np.clip(a * (27 + a * a) / (27 + 9 * a * a), -1, 1),
        rational_slope,
    ),
    "swish": (
        lambda a: a / (1 + np.exp(-a)),
        lambda a: (1 + np.exp(-a) * (1 + a)) / (1 + np.exp(-a)) ** 2,
    ),
    "small": (lambda a: 1e-9 * np.tanh(a), lambda a: 1e-9 / np.cosh(a) ** 2),
    "large": (lambda a: 1e6 * a**3, lambda a: 3e6 * a * a),
    "constant": (lambda a: 0 * a, lambda a: 0 * a),
    "steps": (lambda a: np.where(a.real > 0.5, np.ones_like(a), 0 * a), lambda a: 0 * a),
    # At zero, the complex step takes one branch and the slope the other, or the mean.
    "np.maximum": (
        lambda a: np.maximum(a, 0),
        lambda a: np.where(a.real > 0, np.ones_like(a), 0 * a),
    ),
    "kink, other side": (
        lambda a: np.where(a.real > 0, a, 0.1 * a),
        lambda a: np.where(a.real >= 0, np.ones_like(a), np.full_like(a, 0.1)),
    ),
    "kink, mean": (lambda a: np.where(a.real > 0, a, -a), lambda a: np.sign(a.real) + 0 * a),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_are_accepted(name):
    function, slope = RIGHT[name]
    own = OwnActivation(name, function, slope)
    assert np.array_equal(own.function(GRID), function(GRID))
    assert np.array_equal(own.derivative(GRID, own.function(GRID)), slope(GRID))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_of_the_table_passes_as_ones_own(name):
    table = Activation(name)
    own = OwnActivation(
        f"own {name}", table.function, lambda a: table.derivative(a, table.function(a))
    )
    assert own.range == (-math.inf, math.inf)
    assert np.array_equal(own.function(GRID), table.function(GRID))


def scaled(size):
    """The rational tanh with a slope that is wrong by a factor."""
    return lambda: OwnActivation("it", rational_tanh, lambda a: size * rational_slope(a))


def only_scalars(a):
    return math.tanh(a)


def branching(a):
    return a if a > 0 else 0 * a


def in_place(a):
    a *= 2
    return a


WRONG = {
    "a slope of another function": (
        lambda: OwnActivation("it", rational_tanh, lambda a: 1 - rational_tanh(a) ** 2),
        "derivative must be the slope of it at a = -1.18003, 0.333296429, got 0.281729583. A "
        "complex step and a difference of two values agree",
    ),
    "one in a million": (
        scaled(1 + 1e-6),
        "derivative must be the slope of it at a = 0, 1, got 1.000001",
    ),
    "a sign": (scaled(-1), "derivative must be the slope of it at a = 0, 1, got -1."),
    "the slope of one side only": (
        lambda: OwnActivation("it", lambda a: np.where(a.real > 0, a, 0.1 * a), np.ones_like),
        "derivative must be the slope of it at a = -",
    ),
    "the slope of a small function": (
        lambda: OwnActivation("it", lambda a: 1e-9 * np.tanh(a), lambda a: 1.001e-9 + 0 * a),
        "derivative must be the slope of it at a = ",
    ),
    "a kink is no licence": (
        lambda: OwnActivation(
            "it",
            lambda a: np.maximum(a, 0),
            lambda a: np.where(
                a.real > 0, np.ones_like(a), np.where(a.real < 0, 0 * a, np.full_like(a, 2))
            ),
        ),
        "derivative must be the slope of it at a = 0, 1, got 2",
    ),
    "the imaginary part is lost in silence": (
        lambda: OwnActivation(
            "it", lambda a: np.tanh(a.real) + 0 * a, lambda a: 1 - np.tanh(a) ** 2
        ),
        "the complex step of it at a = 0 must be its slope 1, got 0. abs, np.abs,",
    ),
    "the absolute value of a complex number": (
        lambda: OwnActivation("it", lambda a: a / (1 + abs(a)), lambda a: 1 / (1 + abs(a)) ** 2),
        "the complex step of it at a = ",
    ),
    "the imaginary part is lost by a dtype": (
        lambda: OwnActivation("it", abs, np.sign),
        "function must return complex128 for complex128, got float64. abs, np.abs,",
    ),
    "no complex numbers": (
        lambda: OwnActivation("it", np.cbrt, lambda a: 1 / (3 * np.cbrt(a) ** 2 + 1e-9)),
        "function must compute complex numbers, got TypeError: ufunc 'cbrt' not supported",
    ),
    "another value for complex numbers": (
        lambda: OwnActivation(
            "it", lambda a: a if a.dtype.kind != "c" else a + 1, lambda a: np.ones_like(a)
        ),
        "function of a = 0 + 1e-30j must be about 0, got 1+1e-30j.",
    ),
    "numbers one by one": (
        lambda: OwnActivation("it", only_scalars, np.ones_like),
        "function must compute arrays of float32, got TypeError: only ",
    ),
    "a branch": (
        lambda: OwnActivation("it", branching, np.ones_like),
        "function must compute arrays of float32, got ValueError: The truth value",
    ),
    "a slope that does not run": (
        lambda: OwnActivation("it", np.tanh, lambda a, y: 1 - y * y),
        "derivative must compute arrays of float32, got TypeError: ",
    ),
    "a sum": (
        lambda: OwnActivation("it", np.sum, np.ones_like),
        "function must return an array of the shape of a, (6, 17), got float32 of shape ().",
    ),
    "a slope of another shape": (
        lambda: OwnActivation("it", np.tanh, lambda a: 1.0),
        "derivative must return an array of the shape of a, (6, 17), got 1.0 (float).",
    ),
    "nothing": (
        lambda: OwnActivation("it", lambda a: None, np.ones_like),
        "function must return an array of the shape of a, (6, 17), got None (NoneType).",
    ),
    "another dtype": (
        lambda: OwnActivation("it", lambda a: a * np.ones(1), np.ones_like),
        "function must return float32 for float32, got float64. Make constants with",
    ),
    "a slope of whole numbers": (
        lambda: OwnActivation("it", lambda a: np.maximum(a, 0), lambda a: np.where(a > 0, 1, 0)),
        "derivative must return float32 for float32, got int64. Make constants with",
    ),
    "its argument is changed": (
        lambda: OwnActivation("it", in_place, lambda a: np.full_like(a, 2)),
        "function must not change a, got another a.",
    ),
    "not finite": (
        lambda: OwnActivation("it", lambda a: np.tanh(a) / a, np.ones_like),
        "function must be finite at a = 0, got nan.",
    ),
    "a slope that is not finite": (
        lambda: OwnActivation("it", np.tanh, lambda a: 1 / a),
        "derivative must be finite at a = 0, got inf.",
    ),
    "a function of all numbers": (
        lambda: OwnActivation("it", lambda a: a - a.mean(), lambda a: 0 * a),
        "function must be ",
    ),
    "beyond its range": (
        lambda: OwnActivation("it", np.tanh, lambda a: 1 - np.tanh(a) ** 2, range=(0, 1)),
        "function must be in its range (0.0, 1.0) at a = -8.0137, got -1.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_functions_are_refused(what):
    make, message = WRONG[what]
    with pytest.raises(CodeError, match=f"^OwnActivation: {re.escape(message)}"):
        make()


def test_the_error_of_the_users_code_is_kept():
    with pytest.raises(CodeError) as caught:
        OwnActivation("it", only_scalars, np.ones_like)
    assert caught.value.raised == "TypeError"
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((3, np.tanh, np.ones_like), DtypeError, "name must be a word, got 3"),
        ((" ", np.tanh, np.ones_like), DtypeError, "name must be a word, got ' '"),
        (
            ("tanh", np.tanh, np.ones_like),
            ArgumentError,
            "name must not be that of another activation, got 'tanh'. Call it 'own_tanh'",
        ),
        (("it", "tanh", np.ones_like), DtypeError, "function must be a function, got 'tanh'"),
        (("it", np.tanh, None), DtypeError, "derivative must be a function, got None"),
    ],
)
def test_what_is_no_function_is_refused(arguments, error, words):
    with pytest.raises(error, match=f"^OwnActivation: {words}"):
        OwnActivation(*arguments)


@pytest.mark.parametrize("ends", [3, (1, -1), (0,), ("a", "b"), (0, math.nan), None])
def test_a_range_is_two_numbers(ends):
    with pytest.raises(ArgumentError, match="range must be two numbers, the smallest output and"):
        OwnActivation("it", np.tanh, lambda a: 1 - np.tanh(a) ** 2, range=ends)


# ---- in a layer ----------------------------------------------------------------------------------


def layers(own, rng):
    """Wherever an activation can stand."""
    options = {"bias_init": "uniform", "rng": rng}
    return (
        Dense(3, 4, activation=own, **options),
        RNN(3, 4, activation=own, **options),
        GRU(3, 4, candidate=own, **options),
        GRU(3, 4, gate=own, reset="before", **options),
        Recurrent(LSTMVariantCell(3, 4, Activations(candidate=own, cell=own), **options)),
        GRU(3, 4, candidate=Clipped(own, 0.7), **options),
    )


def test_laws_and_gradients_of_layers_with_it():
    rng = np.random.default_rng(3)
    for layer in layers(RATIONAL, rng):
        layer.params = {n: 2 * v for n, v in layer.params.items()}  # beyond 3, too
        x = rng.standard_normal((2, 4, 3))
        assert check_gradients(layer, x, lengths=[4, 2], rng=rng).passed
    assert check_laws(layer, rng=rng, steps=3).passed


def test_a_tanh_of_ones_own_gives_the_numbers_of_tanh():
    own = OwnActivation("own tanh", tanh, lambda a: 1 / ((exp(a) + exp(-a)) / 2) ** 2)
    x = np.random.default_rng(1).standard_normal((2, 5, 3))
    ours, theirs = (
        GRU(3, 4, candidate=which, rng=np.random.default_rng(0)) for which in (own, "tanh")
    )
    tapes = [layer.forward(x) for layer in (ours, theirs)]
    assert np.array_equal(tapes[0].outputs, tapes[1].outputs)
    grads = [m.backward(t, t.outputs).x for m, t in zip((ours, theirs), tapes, strict=True)]
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-13, atol=1e-15)


def test_float32_stays_float32():
    layer = RNN(3, 4, activation=RATIONAL, rng=np.random.default_rng(0), dtype=np.float32)
    tape = layer.forward(np.ones((2, 5, 3), np.float32))
    grads = layer.backward(tape, tape.outputs)
    assert {v.dtype for v in (tape.outputs, *grads.params.values())} == {np.dtype(np.float32)}


def test_its_range_is_that_of_the_layer():
    layer = RNN(3, 4, activation=RATIONAL, rng=np.random.default_rng(0))
    assert layer.cell.ranges == {"h": (-1.0, 1.0)}


def test_it_is_a_value():
    again = OwnActivation("rational_tanh", rational_tanh, rational_slope, range=(-1, 1))
    assert again == RATIONAL
    assert hash(again) == hash(RATIONAL)
    assert OwnActivation("rational_tanh", rational_tanh, rational_slope) != RATIONAL
    assert OwnActivation("it", rational_tanh, rational_slope, range=(-1, 1)) != RATIONAL
    assert repr(RATIONAL) == "OwnActivation('rational_tanh')"
    assert check_activation("Dense", "activation", RATIONAL) is RATIONAL
    assert RATIONAL.slope_from_output is False
    with pytest.raises(AttributeError):
        RATIONAL.name = "other"


# ---- files ---------------------------------------------------------------------------------------


class RationalTanh(OwnActivation):
    """A class that makes its function: it can be written by its name."""

    def __init__(self):
        super().__init__("rational_tanh", rational_tanh, rational_slope, range=(-1, 1))


def test_a_function_cannot_be_written_into_a_file(tmp_path):
    for layer in layers(RATIONAL, np.random.default_rng(0)):
        words = r"function must be .*, got .* It cannot be written"
        with pytest.raises(ArgumentError, match=words):
            save_model(tmp_path / "model.npz", layer)
    assert not list(tmp_path.iterdir())


def test_a_class_that_makes_it_can(tmp_path):
    rng = np.random.default_rng(0)
    for layer in layers(RationalTanh(), rng):
        save_model(tmp_path / "model.npz", layer)
        again = load_model(tmp_path / "model.npz", known={"RationalTanh": RationalTanh})
        x = rng.standard_normal((2, 5, 3))
        assert np.array_equal(again.forward(x).outputs, layer.forward(x).outputs)
    assert repr(RationalTanh()) == "RationalTanh('rational_tanh')"
    assert RationalTanh() == RationalTanh() != RATIONAL


def test_a_file_cannot_name_a_function():
    config = {"type": "OwnActivation", "name": "it", "function": "os.system", "derivative": "x"}
    with pytest.raises(ArgumentError, match="type must be one of the layers, cells and parts"):
        build(config)
