"""The differences route: every entry has a resolution of its own."""

import numpy as np
import pytest

from npstack import gradcheck

pytestmark = pytest.mark.core


def drawn(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def buffered(x, W, U):
    """A plain recurrent network as most people write it: into arrays of float zeros."""
    hs = np.zeros((*x.shape[:2], len(U)))
    h = np.zeros((len(x), len(U)))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U)
        hs[:, t] = h
    return hs


def backward(dh, x, W, U):
    hs, later = buffered(x, W, U), 0
    dx, dW, dU = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U)
    for t in reversed(range(x.shape[1])):
        da = (dh[:, t] + later) * (1 - hs[:, t] ** 2)
        dx[:, t], later = da @ W.T, da @ U.T
        dW += x[:, t].T @ da
        dU += hs[:, t - 1].T @ da if t else 0
    return {"x": dx, "W": dW, "U": dU}


def inputs(seed):
    return {
        name: drawn(shape, [seed, k])
        for k, (name, shape) in enumerate({"x": (2, 5, 3), "W": (3, 4), "U": (4, 4)}.items())
    }


@pytest.mark.parametrize("seed", range(12))
def test_a_right_one_passes_and_an_error_of_a_thousand_resolutions_does_not(seed):
    given, rng = inputs(seed), np.random.default_rng(seed)
    report = gradcheck(buffered, backward, given, rng=rng)
    assert (report.route, {row.verdict for row in report.rows}) == ("difference", {"ok"})
    for row in report.rows:
        whole = backward(drawn((2, 5, 4), seed), **given)[row.parameter]
        assert row.resolution <= 1e-7 * np.abs(whole).max()

        def wrong(d, name=row.parameter, by=1000 * row.resolution, **given):
            found = backward(d, **given)
            found[name].flat[seed % found[name].size] += by
            return found

        again = gradcheck(buffered, wrong, given, rng=np.random.default_rng(seed))
        assert [failed.parameter for failed in again.failures] == [row.parameter]


def outputs_of_two_sizes(a, b):
    large, small = np.zeros(3), np.zeros(3)
    large[...], small[...] = 1e8 * np.abs(a), 1e-8 * np.abs(b)
    return large, small


@pytest.mark.parametrize("factor", [1.0, -3.0, 1 + 1e-5])
def test_a_small_output_beside_a_large_one(factor):
    def slopes(d, a, b):
        return 1e8 * d[0] * np.sign(a), factor * 1e-8 * d[1] * np.sign(b)

    report = gradcheck(outputs_of_two_sizes, slopes, [drawn(3), drawn(3, 1)])
    assert [row.parameter for row in report.failures] == ([] if factor == 1 else ["1"])


@pytest.mark.parametrize("size", [1e-100, 1e-30, 1.0, 1e10])
@pytest.mark.parametrize("factor", [1.0, -3.0])
def test_an_input_that_hardly_matters(size, factor):
    def f(x, W):
        y = np.zeros((2, 2))
        y[...] = np.tanh(size * x @ W / max(size, 1))
        return y

    def slopes(d, x, W):
        da = d * (1 - f(x, W) ** 2) * size / max(size, 1)
        return {"x": da @ W.T, "W": factor * x.T @ da}

    report = gradcheck(f, slopes, {"x": drawn((2, 3)), "W": drawn((3, 2), 1)})
    assert [row.parameter for row in report.failures] == ([] if factor == 1 else ["W"])


PENALTIES = {
    "absolute value": (np.abs, np.sign),
    "norm": (lambda W: np.sqrt((W * np.conj(W)).real), np.sign),
    "square of the real part": (lambda W: np.real(W) ** 2, lambda W: 2 * W),
}


@pytest.mark.parametrize("weight", [1.0, 1e-6, 1e-9])
@pytest.mark.parametrize("name", PENALTIES)
def test_a_small_term_that_is_not_complex_safe(name, weight):
    term, slope = PENALTIES[name]

    def f(x, W):
        return np.tanh(x @ W).sum() + weight * term(W).sum()

    def slopes(d, x, W, factor=1.0):
        da = d * (1 - np.tanh(x @ W) ** 2)
        return {"x": da @ W.T, "W": x.T @ da + factor * d * weight * slope(W)}

    given = {"x": drawn((3, 4)), "W": drawn((4, 2), 1)}
    assert gradcheck(f, slopes, given).passed
    without = gradcheck(f, lambda d, x, W: slopes(d, x, W, 0.0), given)
    assert [row.parameter for row in without.failures] == ["W"]


def test_what_differences_do_not_resolve_is_not_called_right():
    def f(x):  # single precision inside: steps below 1e-7 are lost, and so is what x[1] does
        return (x[0] * np.float32(1) + np.float32(1e-9) * x[1]).astype(np.float32)

    def slopes(d, x, factor=1.0):
        return {"x": np.array([d, factor * 1e-9 * d])}

    parts = {"x": {"first": np.s_[:1], "second": np.s_[1:]}}
    for factor in (1.0, -3.0):
        report = gradcheck(
            lambda x: f(x).reshape(()),
            lambda d, x, k=factor: slopes(d, x, k),
            {"x": np.ones(2)},
            blocks=parts,
        )
        assert [row.verdict for row in report.rows] == ["ok", "undecidable"]
        assert "undecidable: too little of it can be resolved" in str(report)


def test_zero_to_within_the_resolution_is_said():
    def f(x, b):
        y = np.zeros(3)
        y[...] = x + b - (x + b).mean()
        return y

    def slopes(d, x, b):
        dx = d - d.mean()
        return {"x": dx, "b": dx.sum()}

    report = gradcheck(f, slopes, {"x": drawn(3), "b": np.array(0.3)})
    assert [row.verdict for row in report.rows] == ["ok", "zero"]


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7])
def test_an_edge_of_the_domain(distance):
    def f(x):
        y = np.zeros(3)
        y[...] = np.arccos(x)
        return y

    x = 1 - distance * np.array([0.2, 0.5, 0.9])
    for factor in (1.0, 1.01):
        report = gradcheck(f, lambda d, x, k=factor: {"x": -k * d / np.sqrt(1 - x * x)}, {"x": x})
        assert report.passed is (factor == 1)


def test_one_direction_by_differences():
    given = inputs(0)
    right = gradcheck(buffered, backward, given, route="direction", entries=3)
    assert (right.route, right.passed, len(right.rows)) == ("direction", True, 3)

    def wrong(d, **given):
        found = backward(d, **given)
        return {**found, "U": found["U"] * (1 + 1e-6)}

    assert not gradcheck(buffered, wrong, given, route="direction").passed
