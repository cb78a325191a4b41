"""The gradient check on functions that are not ours: routes, kinks, unsafe code, reports."""

import numpy as np
import pytest

from npstack import ArgumentError, DtypeError, gradcheck

rng = np.random.default_rng(5)
X = rng.standard_normal((3, 4))
W = rng.standard_normal((4, 2))


def affine(x, W):
    return np.tanh(x @ W)


def affine_backward(dy, x, W):
    da = dy * (1 - np.tanh(x @ W) ** 2)
    return {"x": da @ W.T, "W": x.T @ da}


@pytest.mark.core
@pytest.mark.parametrize("route", ["auto", "complex", "difference", "direction"])
def test_a_right_backward_passes_by_every_route(route):
    report = gradcheck(affine, affine_backward, {"x": X, "W": W}, route=route)
    assert report.passed
    assert report.route == ("complex" if route == "auto" else route)


def test_a_sequence_of_inputs_is_passed_by_position():
    def backward(dy, x, W):
        return tuple(affine_backward(dy, x, W).values())

    assert gradcheck(affine, backward, [X, W]).passed


def test_every_output_gets_a_cotangent_however_nested():
    def f(x):
        return {"a": x * x, "b": (np.sin(x), [x**3])}

    def backward(d, x):
        right = d["a"] * 2 * x + d["b"][0] * np.cos(x) + d["b"][1][0] * 3 * x**2
        return {"x": right}

    assert gradcheck(f, backward, {"x": X}).passed
    for missing in ("a", "sin", "cube"):
        factors = {"a": 1.0, "sin": 1.0, "cube": 1.0, missing: 0.0}

        def forgetful(d, x, k=factors):
            return {
                "x": k["a"] * d["a"] * 2 * x
                + k["sin"] * d["b"][0] * np.cos(x)
                + k["cube"] * d["b"][1][0] * 3 * x**2
            }

        assert not gradcheck(f, forgetful, {"x": X}).passed


def test_blocks_keep_a_wrong_small_part_from_hiding_under_a_large_one():
    sizes = np.array([1e12, 1.0])

    def backward(dy, x):
        return {"x": dy * sizes * np.array([1.0, 1 + 1e-10])}

    def f(x):
        return x * sizes

    x = np.ones(2)
    assert gradcheck(f, backward, {"x": x}).passed
    parts = {"x": {"large": np.s_[:1], "small": np.s_[1:]}}
    report = gradcheck(f, backward, {"x": x}, blocks=parts)
    assert [row.block for row in report.failures] == ["small"]
    assert report.worst.entry == (1,)
    assert report.worst.error == pytest.approx(1e-10, rel=1e-3)


def test_an_exactly_zero_gradient_must_be_exactly_zero():
    def f(x, y):
        return x * 2

    assert gradcheck(f, lambda d, x, y: (2 * d, 0 * d), [X, X]).passed
    report = gradcheck(f, lambda d, x, y: (2 * d, 1e-300 * d), [X, X])
    assert [row.parameter for row in report.failures] == ["1"]
    assert report.failures[0].error == np.inf


def float_buffer(x):
    y = np.zeros(x.shape)
    y[...] = x**2
    return y


UNSAFE = {
    "float buffer": (float_buffer, lambda x: 2 * x),
    "absolute value": (lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x)),
    "real part": (lambda x: np.real(x) ** 2, lambda x: 2 * x),
    "one part made real": (
        lambda x: np.concatenate([x[:1] ** 2, np.real(x[1:]) ** 2]),
        lambda x: 2 * x,
    ),
    "conjugate": (lambda x: x * np.conj(x), lambda x: 2 * x),
    "math library": (
        lambda x: np.array([[__import__("math").exp(v) for v in row] for row in x]),
        np.exp,
    ),
}


@pytest.mark.core
@pytest.mark.parametrize("name", UNSAFE)
def test_code_that_is_not_complex_safe_is_noticed_and_checked_by_differences(name):
    f, slope = UNSAFE[name]
    report = gradcheck(f, lambda d, x: {"x": d * slope(x)}, {"x": X})
    assert report.route == "difference"
    assert "not complex-safe" in str(report)
    assert report.passed
    wrong = gradcheck(f, lambda d, x: {"x": d * slope(x) * 1.001}, {"x": X})
    assert not wrong.passed
    with pytest.raises(ArgumentError, match="complex-safe"):
        gradcheck(f, lambda d, x: {"x": d * slope(x)}, {"x": X}, route="complex")


def test_single_precision_inside_is_resolved_as_far_as_it_goes():
    def f(x):
        return np.tanh(x.astype(np.float32))

    def slope(d, x, factor=1.0):
        return {"x": factor * d * (1 - np.tanh(x) ** 2)}

    assert gradcheck(f, slope, {"x": X}).passed
    assert not gradcheck(f, lambda d, x: slope(d, x, 1.2), {"x": X}).passed


@pytest.mark.parametrize("route", ["complex", "difference"])
def test_a_kink_is_undecidable_and_not_a_failure(route):
    def relu(x):
        return np.maximum(x, 0)

    def backward(d, x):
        return {"x": d * (x > 0)}

    report = gradcheck(relu, backward, {"x": np.array([1.0, 0.0, -2.0])}, route=route)
    assert [row.verdict for row in report.rows] == ["kink"]
    assert report.passed
    assert "kink: at a kink, where any slope between both sides is accepted" in str(report)

    def steep(d, x):  # no slope between those of the two sides: a mistake, kink or not
        return {"x": d * np.where(x == 0, 3.0, x > 0)}

    assert not gradcheck(relu, steep, {"x": np.array([1.0, 0.0, -2.0])}, route=route).passed
    assert not gradcheck(relu, steep, {"x": np.array([0.0, 0.0])}, route=route).passed


def test_a_mistake_where_the_function_bends_is_no_kink():
    def backward(d, x):
        return {"x": d * (3 * x**2 + 1e-6)}

    x = np.array([0.0, 1e-4])
    assert not gradcheck(lambda x: x**3, backward, {"x": x}, blocks={"x": {"0": 0}}).passed


def test_an_error_that_half_an_ulp_of_the_input_explains_is_rounding():
    def f(x):
        return np.sin(1e6 * x)

    def backward(d, x, factor=1.0):
        return {"x": factor * d * 1e6 * np.cos(1e6 * x * (1 + 2e-16))}

    x = {"x": np.array([1.234567])}
    report = gradcheck(f, backward, x, tolerance=1)
    assert [row.verdict for row in report.rows] == ["rounding"]
    assert not gradcheck(f, lambda d, x: backward(d, x, 1 + 1e-7), x).passed


def test_differences_show_their_error_against_the_step():
    curve = gradcheck(affine, affine_backward, {"x": X, "W": W}).curve
    assert curve.errors[0] > 1e3 * curve.errors.min()
    assert curve.errors[-1] > 1e4 * curve.errors.min(), "steps too small lose their digits"
    assert 1e-7 < curve.step < 1e-3
    first = np.log10(curve.errors[2] / curve.errors[4])  # a step ten times smaller
    assert first == pytest.approx(2, abs=0.3), "central differences are of second order"


def test_missing_and_misshapen_gradients_are_failures_with_a_name():
    report = gradcheck(affine, lambda d, x, W: {"W": np.zeros(3)}, {"x": X, "W": W})
    assert {row.parameter: row.verdict for row in report.rows} == {"x": "MISSING", "W": "SHAPE"}
    assert "MISSING" in str(report)


def test_nan_is_wrong():
    report = gradcheck(affine, lambda d, x, W: (np.full_like(x, np.nan), W), [X, W])
    assert [row.verdict for row in report.rows] == ["WRONG", "WRONG"]


def test_sampled_entries_are_drawn_from_rng():
    calls = []

    def f(x):
        calls.append(1)
        return x**2

    def count(entries):
        calls.clear()
        assert gradcheck(f, lambda d, x: {"x": 2 * x * d}, {"x": X}, entries=entries).passed
        return len(calls)

    assert count(5) == count(None) - X.size + 5


def test_integers_are_not_differentiated():
    def f(table, index):
        return table[index] ** 2

    def backward(d, table, index):
        dtable = np.zeros_like(table)
        np.add.at(dtable, index, 2 * table[index] * d)
        return {"table": dtable}

    report = gradcheck(f, backward, {"table": X, "index": np.array([0, 2, 2])})
    assert report.passed
    assert [row.parameter for row in report.rows] == ["table"]


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: gradcheck(affine, affine_backward, {"x": X, "W": W}, route="magic"),
            ArgumentError,
            "route must be one of",
        ),
        (
            lambda: gradcheck(lambda i: i, lambda d, i: i, [np.array([1])]),
            ArgumentError,
            "floating-point",
        ),
        (lambda: gradcheck(lambda x: 3, lambda d, x: x, [X]), DtypeError, "f must return"),
        (
            lambda: gradcheck(affine, lambda d, x, W: {"V": W}, {"x": X, "W": W}),
            ArgumentError,
            "names of the inputs",
        ),
        (lambda: gradcheck(affine, lambda d, x, W: (x,), [X, W]), ArgumentError, "2 gradients"),
        (
            lambda: gradcheck(affine, affine_backward, {"x": X, "W": W}, tolerance=-1),
            ArgumentError,
            "tolerance",
        ),
        (
            lambda: gradcheck(affine, affine_backward, {"x": X, "W": W}, rng=3),
            DtypeError,
            "Generator",
        ),
        (
            lambda: gradcheck(affine, affine_backward, {"x": X, "W": W}, blocks={"V": {}}),
            ArgumentError,
            "blocks must name",
        ),
        (lambda: gradcheck(np.sin, np.cos, X), DtypeError, "For a single input"),
        (
            lambda: gradcheck(affine, affine_backward, {"x": X, "W": W}, entries=0),
            ArgumentError,
            "entries",
        ),
    ],
)
def test_wrong_calls_are_told_so(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_function_that_draws_random_numbers_is_refused():
    draw = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match="the same twice"):
        gradcheck(lambda x: x * (draw.random(3) > 0.5), lambda d, x: (d,), [np.ones(3)])


def test_the_inputs_of_the_caller_are_never_written_to():
    def backward(d, x):
        x *= 0
        return {"x": d * 0}

    x = np.ones(3)
    with pytest.raises(ValueError, match="read-only"):
        gradcheck(lambda x: x**2, backward, {"x": x})
    assert np.array_equal(x, np.ones(3))


def test_what_no_block_names_is_checked_all_the_same():
    def backward(d, x):
        return {"x": d * 2 * x * np.array([1.0, 2.0, 1.0])}

    report = gradcheck(lambda x: x**2, backward, {"x": np.ones(3)}, blocks={"x": {"a": np.s_[:1]}})
    assert {row.block: row.verdict for row in report.rows} == {"a": "ok", "rest": "WRONG"}


def test_rounding_excuses_no_error_that_can_be_seen():
    x = np.array([1 + 1e-15])  # half an ulp of x is a tenth of the derivative

    def check(factor):
        return gradcheck(lambda x: (x - 1) ** 2, lambda d, x: (2 * factor * d * (x - 1),), [x])

    assert check(1.0).passed
    assert not check(1.05).passed
