"""Conditioning, and the ladder of precisions: saturated right backwards and wrong ones."""

import itertools

import numpy as np
import pytest

from npstack import LSTM, Dense, LSTMState, StackedLSTM, check_gradients
from npstack.core.errors import ArgumentError, DtypeError, ShapeError
from npstack.verify import check_precision, conditioning, truth
from npstack.verify.laws.check import draw_mask
from tests.tools.strategies import LAYERS, Sizes, build, draw_input
from tests.verify.wrong_backwards import WRONG, Wrong, result, scaled

EPS = float(np.finfo(float).eps)
LONG = float(np.finfo(np.longdouble).eps)
WIDE = LONG < EPS
needs_longdouble = pytest.mark.skipif(not WIDE, reason="longdouble is float64 here")


def draw(seed=0, times=1.0, x_times=1.0, dtype=np.float64):
    """An LSTM, its weights and its input so many times larger than usual; and an input."""
    rng = np.random.default_rng(seed)
    layer = LSTM(2, 3, rng=rng, dtype=dtype)
    layer.params = {name: (times * value).astype(dtype) for name, value in layer.params.items()}
    return layer, (x_times * rng.standard_normal((2, 4, 2))).astype(dtype)


def saturated(seed=0, dtype=np.float64):
    """Digits of the slopes are lost, but not all of them."""
    return draw(seed, times=20, x_times=10, dtype=dtype)


# ---- conditioning ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conditioning_of_a_product_is_what_its_factors_do(dtype):
    """``x W + b``: the largest of the eight combinations, each number half an ulp up or down."""
    layer = Dense(1, 1, rng=np.random.default_rng(0), bias_init="uniform", dtype=dtype)
    x = np.array([[1.3]], dtype)
    numbers = [x[0, 0], layer.params["W"][0, 0], layer.params["b"][0]]

    def moved(signs):
        wide = zip(numbers, signs, strict=True)
        a, w, b = (np.longdouble(v) + s * np.longdouble(np.spacing(abs(v))) / 2 for v, s in wide)
        return a * w + b

    largest = max(abs(moved(s) - moved((0, 0, 0))) for s in itertools.product((-1, 1), repeat=3))
    found = conditioning(layer, x, draws=60)
    assert list(found) == ["outputs"]
    expected = float(largest / abs(moved((0, 0, 0))))
    assert found["outputs"] == pytest.approx(expected, rel=1e-12 if WIDE else 1.0)


def test_cotangents_move_too():
    """The gradient by the bias is the sum of the cotangents, which cancel here."""
    layer, d = Dense(1, 1, rng=np.random.default_rng(0)), np.array([[[1.0], [-1.0 + 1e-9]]])
    found = conditioning(layer, np.ones((1, 2, 1)), doutputs=d)
    assert found["db"] == pytest.approx(EPS * 0.75 / 1e-9, rel=0.1)


def test_more_draws_find_no_less():
    layer, x = saturated()
    d = np.ones((2, 4, 3))
    few, many = (conditioning(layer, x, doutputs=d, only=["dW.i"], draws=n) for n in (4, 24))
    assert all(few[label] <= many[label] for label in few)
    assert few != many


def test_a_saturated_layer_is_worse_conditioned():
    """By the larger input and weights; and blocks of zeros do not move."""
    d = np.ones((2, 4, 3))
    usual, large = (
        conditioning(*own, doutputs=d, lengths=[3, 3], only=["dW", "dx"], entries=2, draws=8)
        for own in (draw(), saturated())
    )
    assert max(usual.values()) < 64 * EPS
    assert large["dW.i"] > 8 * usual["dW.i"]
    assert usual["dx.t=3"] == large["dx.t=3"] == 0


# ---- the ladder, of layers -----------------------------------------------------------------------


@needs_longdouble
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
)
def test_saturated_right_backwards_are_explained(seed, dtype):
    report = check_precision(*saturated(seed, dtype), entries=2, draws=24 if seed else 4)
    assert report.passed, f"\n{report}"
    assert "rounding" in {row.verdict for row in report.rows}
    usual = check_precision(*draw(seed, dtype=dtype), entries=2, draws=4)
    assert {row.verdict for row in usual.rows} == {"ok"}


@needs_longdouble
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if k % 6 == 0 else pytest.mark.slow)
        for k, kind in enumerate(LAYERS)
    ],
)
def test_every_kind_of_layer_is_right(kind):
    rng = np.random.default_rng(4)
    layer = build(kind, rng, Sizes(2, 2, 3, 1))
    x, mask = draw_input(layer, rng, 3, 3), draw_mask(rng, 3, 3)
    report = check_precision(layer, x, mask=mask, noise_rng=rng, rng=rng, draws=4, entries=1)
    assert {row.verdict for row in report.rows} <= {"ok", "rounding"}, f"\n{report}"


def largest_off(name, by):
    """The largest entry of one gradient is off by a part of itself."""

    def change(grads, tape):
        index = np.unravel_index(np.abs(grads[name]).argmax(), grads[name].shape)
        grads[name][index] *= 1 + by

    return result(f"{name}: {by:.0e}", change)


# One fixed entry is nearly zero where everything is saturated: the largest is taken instead.
ONE_OFF = [largest_off(name, by) for name in ("W", "U", "b", "x") for by in (1e-2, 1e-9)]
SPOILT = [wrong for wrong in WRONG if "entry" not in wrong.name] + ONE_OFF


@needs_longdouble
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(wrong, id=wrong.name, marks=() if k % 3 == 0 else pytest.mark.slow)
        for k, wrong in enumerate(SPOILT)
    ],
)
def test_saturated_wrong_backwards_are_not(wrong: Wrong):
    layer, x = saturated(dtype=wrong.dtype)
    wrong.spoil(layer)
    d = wrong.scale * np.random.default_rng(1).standard_normal((2, 4, 3))
    only = ["dinitial.0.c"] if "initial c" in wrong.name else ["dW", "dU", "db", "dx"]
    report = check_precision(
        layer, x, doutputs=d, dfinal=LSTMState(d[:, 0], d[:, 1]), draws=2, only=only
    )
    assert not report.passed, f"\n{report}"
    assert {row.verdict for row in report.failures} == {"WRONG"}


@needs_longdouble
def test_digits_decide_what_longdouble_cannot():
    layer, x = draw(0, times=100, x_times=5)
    options = {"draws": 2, "entries": 1, "only": ["db", "dU.i"]}
    assert [row.label for row in check_precision(layer, x, **options).undecidable] == ["db.g"]
    report = check_precision(layer, x, digits=300, **options)
    assert report.passed
    assert not report.undecidable
    result("all off", scaled("b", ..., 1 + 1e-9)).spoil(layer)
    report = check_precision(layer, x, digits=300, **options)
    assert {row.label for row in report.failures} >= {"db.i", "db.f", "db.o"}


def test_it_confirms_the_gradient_check_at_the_same_point():
    """The same initial states and cotangents: the same numbers, entry by entry."""
    layer, x = draw()
    right, seen = layer._backward, []

    def backward(tape, doutputs, dfinal):
        seen.append((doutputs, *dfinal[0], *tape.initial))
        return right(tape, doutputs, dfinal)

    layer._backward = backward
    check_gradients(layer, x, rng=np.random.default_rng(5), entries=1)
    there = seen.pop(0)
    seen.clear()
    check_precision(layer, x, rng=np.random.default_rng(5), entries=1, draws=1, digits=20)
    for here in (seen[0], seen[-1]):  # in its own numbers, and in wider ones
        for a, b in zip(there, here, strict=True):
            assert np.array_equal(a, b.astype(float))


@needs_longdouble
def test_another_program_is_held_against_truth():
    layer, x = draw()
    d = np.ones((2, 4, 3))
    given = {"doutputs": d, "draws": 4, "only": ["dW"]}
    exact = truth(layer, x, doutputs=d)
    right = {"dW": exact.arrays["dW"].astype(float), "outputs": exact.outputs.astype(float)}
    report = check_precision(layer, x, results=right, **given)
    assert [row.label for row in report.rows] == ["outputs", "dW.i", "dW.f", "dW.g", "dW.o"]
    assert report.passed
    off = {**right, "dW": right["dW"].copy()}
    off["dW"][:, 3:6] *= 1 + 1e-11
    report = check_precision(layer, x, results=off, **given)
    assert [(row.label, row.verdict) for row in report.failures] == [("dW.f", "unexplained")]
    wider = {"dW": exact.arrays["dW"] * (1 + np.longdouble(1e-11))}
    report = check_precision(layer, x, results=off, wider_results=wider, **given)
    assert "WRONG" in {row.verdict for row in report.failures}


@needs_longdouble
def test_a_backward_without_wider_numbers_or_without_a_gradient():
    layer, x = saturated()
    right = layer._backward

    def backward(tape, doutputs, dfinal):
        assert tape.x.dtype == np.float64, "float64 only"
        return right(tape, doutputs, dfinal)

    layer._backward = backward
    report = check_precision(layer, x, draws=2, only=["dU"])
    assert "AssertionError: float64 only" in report.notes[0]
    assert "no ladder" in str(report)
    assert {row.verdict for row in report.failures} <= {"unexplained"}


def test_where_longdouble_is_float64(monkeypatch):
    monkeypatch.setattr(np, "longdouble", np.float64)
    monkeypatch.setattr(np, "clongdouble", np.complex128)
    layer, x = draw()
    with pytest.raises(ArgumentError, match=r"more digits than float64, .* Use digits=50"):
        check_precision(layer, x)
    report = check_precision(layer, x, digits=50, draws=2, entries=1, only=["dU.f"])
    assert report.passed
    assert check_precision(*draw(dtype=np.float32), draws=2, entries=1).passed


@pytest.mark.parametrize(
    ("results", "kind", "words"),
    [
        ([1.0], DtypeError, "results must be a dictionary"),
        ({"dw": np.ones((2, 12))}, ArgumentError, "a name in results must be one of .* 'dW'"),
        ({"dW": np.ones((12, 2))}, ShapeError, r"results\['dW'\] must have shape \(2, 12\)"),
        ({"dW": np.ones((2, 12), int)}, DtypeError, r"results\['dW'\] must be floating point"),
    ],
)
def test_results_of_another_program_are_checked(results, kind, words):
    with pytest.raises(kind, match=f"check_precision: {words}"):
        check_precision(*draw(), results=results, digits=20, draws=1, entries=1)


def test_the_report_of_a_stack_names_its_blocks():
    stack = StackedLSTM(2, [2, 2], rng=np.random.default_rng(0))
    report = check_precision(stack, np.ones((1, 2, 2)), digits=20, draws=1, entries=1)
    labels = {row.label for row in report.rows}
    assert {"outputs", "final.1.c", "dlayers.0.W.f", "dlayers.1.U.o", "dx.t=1"} <= labels
    assert "dinitial.0.h" in labels
    assert str(report).endswith(
        f"{len(labels)} of {len(labels)} blocks passed (eps 2.2e-16, wider numbers 1.0e-20)"
    )
