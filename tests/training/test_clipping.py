"""Clipping: the norm of all gradients as one vector, and bounds on it and on every number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import ArgumentError, clip_by_global_norm, clip_by_value, global_norm

pytestmark = pytest.mark.core


def test_global_norm_of_ends():
    assert global_norm({}) == 0
    assert not np.signbit(global_norm({}))
    assert global_norm({"b": np.array([0.0, 3.0]), "c": np.array([-4.0, 0.0])}) == 5
    assert global_norm({"b": np.full(4, 8e307)}) == pytest.approx(1.6e308, rel=1e-15)
    assert global_norm({"b": np.array([1.0, -np.inf])}) == np.inf
    assert not np.signbit(global_norm({"b": np.zeros(2)}))
    for grads in ({"b": np.ones(2, "f4")}, {"b": np.zeros(2, "f4")}):
        assert type(global_norm(grads)) is float


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_bits_of_the_norm_are_those_of_its_formula(dtype):
    """Figures in the documents rest on them: array by array in their order, summed in float64."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        grads = {name: rng.standard_normal(5).astype(dtype) for name in "WUba"}
        largest = max(float(np.abs(g).max()) for g in grads.values())
        total = 0.0
        for g in grads.values():
            total += float(((g / largest) * (g / largest)).sum())
        assert global_norm(grads) == largest * np.sqrt(total)


@pytest.mark.parametrize("clip", [clip_by_global_norm, clip_by_value])
def test_clipped_gradients_keep_their_order(clip):
    assert list(clip({name: np.ones(2) for name in "WUba"}, 0.5)) == list("WUba")


@given(
    st.integers(0, 2**32 - 1),
    st.integers(-280, 280),
    st.integers(-140, 140),
    st.sampled_from([np.float32, np.float64]),
)
def test_clipping_by_the_global_norm_keeps_the_direction(seed, exponent, bound, dtype):
    if dtype == np.float32:
        exponent, bound = exponent // 10, bound // 10
    rng = np.random.default_rng(seed)
    scale, max_norm = 10.0**exponent, 10.0**bound
    grads = {
        name: (scale * rng.standard_normal(shape)).astype(dtype)
        for name, shape in {"W": (3, 4), "b": (4,), "c": (1,)}.items()
    }
    clipped = clip_by_global_norm(grads, max_norm)
    norm, eps = global_norm(grads), float(np.finfo(dtype).eps)
    assert global_norm(clipped) == pytest.approx(min(norm, max_norm), rel=8 * eps)
    for name, g in grads.items():
        assert clipped[name].dtype == dtype
        if norm <= max_norm:
            assert np.array_equal(clipped[name], g)
        expected = g.astype(np.longdouble) * min(1, np.longdouble(max_norm) / norm)
        tiny = np.finfo(dtype).smallest_subnormal
        np.testing.assert_allclose(clipped[name], expected, rtol=8 * eps, atol=float(tiny))


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10))
def test_clipping_by_value_changes_only_what_is_too_large(seed, limit):
    rng = np.random.default_rng(seed)
    grads = {"W": 3 * rng.standard_normal((3, 4)), "b": rng.standard_normal(4).astype("f4")}
    clipped = clip_by_value(grads, limit)
    for name, g in grads.items():
        bound = g.dtype.type(limit)
        assert clipped[name].dtype == g.dtype
        assert type(clip_by_value({"b": g[..., 0].sum()}, limit)["b"]) is np.ndarray
        within = abs(g) <= bound
        assert np.array_equal(clipped[name][within], g[within])
        assert np.array_equal(clipped[name][~within], (np.sign(g) * bound)[~within])


@pytest.mark.parametrize("clip", [clip_by_global_norm, clip_by_value])
@pytest.mark.parametrize("bound", [0, -1.0, np.nan, np.inf, "1", 10**400])
def test_bounds_of_clipping_are_positive_numbers(clip, bound):
    with pytest.raises(ArgumentError, match=f"^{clip.__name__}: (max_norm|limit) must be "):
        clip({"b": np.ones(2)}, bound)
