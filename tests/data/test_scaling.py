"""Scalers: fitted on some rows, which they remember."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import ArgumentError, DataError, DtypeError, NonFiniteError, ShapeError
from npstack.data import MinMax, Standardiser, scaler_from

KINDS = [Standardiser, MinMax]


def sequences(seed=0):
    """Ragged sequences (B, T, D) with NaN in the padding."""
    rng = np.random.default_rng(seed)
    x = rng.normal([1, -20, 1e6], [0.1, 5, 1e5], (6, 7, 3))
    mask = np.arange(7) < np.array([[7], [3], [1], [5], [7], [2]])
    x[~mask] = np.nan
    return x, mask


def test_standard_units_by_hand():
    x, mask = sequences()
    scaler = Standardiser.fit(x, rows=[0, 1, 3], mask=mask)
    steps = np.array([x[b, t] for b in (0, 1, 3) for t in range(7) if mask[b, t]])
    assert len(steps) == 15
    np.testing.assert_allclose(scaler.shift, steps.sum(0) / 15, rtol=1e-14)
    spread = np.sqrt(((steps - steps.sum(0) / 15) ** 2).sum(0) / 15)
    np.testing.assert_allclose(scaler.scale, spread, rtol=1e-13)
    assert scaler.rows.tolist() == [0, 1, 3]


def test_least_and_largest_go_where_they_are_sent():
    x, mask = sequences()
    z = MinMax.fit(x, mask=mask, low=-1, high=3).apply(x)[mask]
    np.testing.assert_allclose(z.min(0), -1, atol=1e-12)
    np.testing.assert_allclose(z.max(0), 3, atol=1e-12)
    default = MinMax.fit(x, mask=mask).apply(x)[mask]
    np.testing.assert_allclose([default.min(), default.max()], [0, 1], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_outside_the_rows_or_the_mask_does_not_matter(kind):
    x, mask = sequences()
    scaler = kind.fit(x, rows=slice(2, 5), mask=mask)
    other = np.where(mask[..., np.newaxis], x, 7.0)
    other[[0, 1, 5]] *= 3
    same = kind.fit(other, rows=range(2, 5), mask=mask)
    assert np.array_equal(scaler.shift, same.shift)
    assert np.array_equal(scaler.scale, same.scale)
    assert scaler.reproduces(other, mask)
    assert not kind.fit(other, rows=range(3), mask=mask).reproduces(x, mask)


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_another_shape_do_not_reproduce_a_scaler(kind):
    values = np.random.default_rng(0).normal(size=(10, 2))
    scaler = kind.fit(values, rows=range(8))
    assert scaler.reproduces(values[:8])
    assert not scaler.reproduces(values[:7])
    assert not scaler.reproduces(values[:, :1])
    assert not scaler.reproduces(values[:, 0])


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10**6), D=st.integers(1, 4), size=st.sampled_from([1e-30, 1, 1e30]))
def test_the_inverse_undoes_it_to_rounding(kind, seed, D, size):
    values = size * np.random.default_rng(seed).normal(3, 1, (9, D))
    scaler = kind.fit(values, rows=range(5))
    back = scaler.invert(scaler.apply(values))
    np.testing.assert_allclose(back, values, rtol=1e-12, atol=1e-14 * size)
    columns = [D - 1]
    chosen = scaler.invert(scaler.apply(values)[:, columns], columns)
    assert np.array_equal(chosen, back[:, columns])


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_without_column_axis_is_one_column(kind):
    values = np.random.default_rng(0).normal(size=30)
    flat, column = kind.fit(values), kind.fit(values[:, np.newaxis])
    assert flat.shift == column.shift
    assert flat.scale == column.scale
    assert np.array_equal(flat.apply(values), column.apply(values[:, np.newaxis])[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_is_measured_in_float64(kind):
    values = np.random.default_rng(0).normal(1000, 1, (5000, 2)).astype(np.float32)
    scaler = kind.fit(values)
    exact = kind.fit(values.astype(np.float64))
    np.testing.assert_allclose(scaler.scale, exact.scale, rtol=1e-6)
    np.testing.assert_allclose(scaler.shift, exact.shift, rtol=1e-9)
    assert scaler.apply(values).dtype == scaler.invert(values).dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_column_is_refused_or_becomes_zero(kind):
    values = np.random.default_rng(0).normal(size=(10, 3))
    values[:, 1] = 0.1  # the mean of ten tenths is not 0.1 to the last digit
    with pytest.raises(DataError, match=r"column 1 with 0\.1 only.*constant='centre'"):
        kind.fit(values)
    z = kind.fit(values, constant="centre").apply(values)
    np.testing.assert_allclose(z[:, 1], 0, atol=1e-15)
    values[7, 1] = 0.2
    with pytest.raises(DataError, match="column 1"):
        kind.fit(values, rows=range(7))


@pytest.mark.parametrize(
    "scaler",
    [
        Standardiser.fit(np.arange(12.0).reshape(6, 2) ** 2, rows=[0, 1, 4]),
        MinMax.fit(np.arange(12.0).reshape(6, 2) ** 2, rows=range(2, 5), low=-1),
    ],
)
def test_a_scaler_survives_json_bit_for_bit(scaler):
    again = scaler_from(json.loads(json.dumps(scaler.config())))
    assert type(again) is type(scaler)
    assert np.array_equal(again.shift, scaler.shift)
    assert np.array_equal(again.scale, scaler.scale)
    assert np.array_equal(again.rows, scaler.rows)
    assert again.config() == scaler.config()
    assert again.reproduces(np.arange(12.0).reshape(6, 2) ** 2)


VALUES = np.arange(8.0).reshape(4, 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Standardiser.fit(VALUES, rows=[4]), ArgumentError, "between 0 and 3.* got 4 to 4"),
        (lambda: Standardiser.fit(VALUES, rows=[-1]), ArgumentError, "got -1"),
        (lambda: Standardiser.fit(VALUES, rows=[]), ArgumentError, "at least one"),
        (lambda: Standardiser.fit(VALUES, rows=[0.5]), ArgumentError, "range"),
        (lambda: Standardiser.fit(VALUES, rows=np.ones(3, bool)), ShapeError, "mask"),
        (lambda: Standardiser.fit(VALUES, mask=np.zeros(4, bool)), DataError, "one valid step"),
        (lambda: Standardiser.fit(VALUES.astype(int)), DtypeError, "astype"),
        (lambda: Standardiser.fit(VALUES * np.nan), NonFiniteError, "index"),
        (lambda: MinMax.fit((VALUES - 3.5) * 5e307), NonFiniteError, "column 0.*Divide"),
        (lambda: Standardiser.fit(VALUES, constant="keep"), ArgumentError, "'centre'"),
        (lambda: Standardiser.fit(np.ones((2, 2, 2, 2))), ShapeError, r"\(B, T, D\)"),
        (lambda: MinMax.fit(VALUES, low=1), ArgumentError, "low must be below high"),
        (lambda: MinMax.fit(VALUES).apply(np.ones((4, 3))), ShapeError, r"\(…, D=2\)"),
        (lambda: MinMax.fit(VALUES).apply(np.ones(2)), ShapeError, r"\(…, D=2\)"),
        (lambda: scaler_from({"name": "Standardizer"}), ArgumentError, "Did you mean"),
    ],
)
def test_wrong_calls_are_explained(call, error, words):
    with pytest.raises(error, match=words):
        call()
