"""Windows: every index of a series that counts 0, 1, 2, … can be read off its rows."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import LSTM, DataError, fit
from npstack.core.errors import LeakageError
from npstack.data import MinMax, Scale, Standardiser, window_positions, windows

pytestmark = pytest.mark.core

SERIES = np.arange(20.0)
horizons = st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(sorted)


@given(
    count=st.integers(2, 60),
    length=st.integers(1, 12),
    ahead=st.one_of(st.integers(1, 9), horizons),
    stride=st.integers(1, 7),
    every_step=st.booleans(),
)
def test_a_series_that_counts_shows_every_index(count, length, ahead, stride, every_step):
    steps = [ahead] if isinstance(ahead, int) else ahead
    expected_x, expected_y = [], []
    for start in range(0, count, stride):  # the definition again, number by number
        reads = list(range(start, start + length))
        tells = reads if every_step else reads[-1:]
        targets = [[t + a for a in steps] for t in tells]
        if max(max(row) for row in targets) < count:
            expected_x.append(reads)
            expected_y.append(targets if every_step else targets[0])
    options = {"ahead": ahead, "stride": stride, "every_step": every_step}
    series = np.arange(float(count))
    if not expected_x:
        with pytest.raises(DataError, match="at least length"):
            windows(series, length, **options)
        return
    found = windows(series, length, **options)
    assert found.samples.x[..., 0].tolist() == expected_x == found.positions.inputs.tolist()
    assert found.samples.y.tolist() == expected_y == found.positions.targets.tolist()
    assert found.samples.mask is None
    assert found.samples.counts is None
    assert len(found) == len(expected_x)


@given(
    count=st.integers(2, 60),
    length=st.integers(1, 12),
    ahead=horizons,
    stride=st.integers(1, 7),
    every_step=st.booleans(),
)
def test_no_target_precedes_its_input_and_nothing_lies_beyond_the_end(
    count, length, ahead, stride, every_step
):
    if length + max(ahead) > count:
        return
    inputs, targets = window_positions(
        count, length, ahead=ahead, stride=stride, every_step=every_step
    )
    told_by = inputs if every_step else inputs[:, -1]
    assert (targets > told_by[..., np.newaxis]).all()
    assert targets.max() < count
    assert inputs[0, 0] == 0
    assert targets.max() + stride >= count  # nor is a row left out that would have fitted


def test_the_drawing_in_the_module_is_right():
    found = windows(np.arange(9.0), 3, ahead=[1, 3], stride=2)
    assert found.positions.inputs.tolist() == [[0, 1, 2], [2, 3, 4]]
    assert found.positions.targets.tolist() == [[3, 5], [5, 7]]


def test_positions_alone_are_those_of_the_windows():
    found = window_positions(9, 3)
    expected = windows(np.arange(9.0), 3).positions
    assert all(map(np.array_equal, found, expected))
    assert found.targets.tolist() == [[t] for t in range(3, 9)]


def test_columns_are_read_and_told_by_number():
    series = np.arange(30.0).reshape(10, 3)  # step t holds 3t, 3t + 1, 3t + 2
    found = windows(series, 2, ahead=[1, 2], inputs=[2, 0], targets=[1, 2])
    assert found.samples.x[0].tolist() == [[2, 0], [5, 3]]
    assert found.samples.y[0].tolist() == [7, 8, 10, 11], "horizon by horizon, columns inside"
    step = windows(series, 2, ahead=[1, 2], inputs=[2, 0], targets=[1, 2], every_step=True)
    assert step.samples.y[0].tolist() == [[4, 5, 7, 8], [7, 8, 10, 11]]


def test_now_may_be_told_of_a_column_that_is_not_read():
    series = np.arange(20.0).reshape(10, 2)
    found = windows(series, 3, ahead=0, inputs=[0], targets=[1])
    assert found.samples.y.ravel().tolist() == series[2:, 1].tolist()
    with pytest.raises(LeakageError, match="column 1 in both"):
        windows(series, 3, ahead=[0, 1], targets=[1])


def test_a_warm_up_is_seen_and_does_not_count():
    found = windows(np.arange(12.0), 4, every_step=True, warm_up=3, stride=4)
    assert found.samples.counts.tolist() == [[False, False, False, True]] * 2
    assert found.samples.x.shape == (2, 4, 1)


def test_what_was_not_observed_is_masked_as_input_and_does_not_count_as_target():
    series = np.arange(10.0)
    observed = np.ones(10, bool)
    observed[[2, 6]] = False
    series[[2, 6]] = np.nan
    last = windows(series, 2, mask=observed)
    assert last.positions.targets.ravel().tolist() == [3, 4, 5, 7, 8, 9], "2 and 6 are not told"
    assert np.array_equal(last.samples.mask, observed[last.positions.inputs])
    assert np.array_equal(np.isnan(last.samples.x[..., 0]), ~last.samples.mask)
    step = windows(series, 4, every_step=True, mask=observed, stride=4)
    assert step.samples.mask.tolist() == [[True, True, False, True], [True, True, False, True]]
    # step 1 would forecast 2, step 2 reads nothing; step 5 would forecast 6
    assert step.samples.counts.tolist() == [[True, False, False, True], [True, False, False, True]]
    rng = np.random.default_rng(0)
    model = LSTM(1, 1, rng=rng)
    loss = fit(model, step.samples, epochs=1, batch_size=2, rng=rng).train_loss[0]
    assert np.isfinite(loss)


def test_of_several_horizons_all_must_have_been_observed():
    observed = SERIES != 6
    found = windows(SERIES, 2, ahead=[1, 3], mask=observed)
    assert [row for row in found.positions.targets.tolist() if 6 in row] == []
    step = windows(SERIES, 2, ahead=[1, 3], mask=observed, every_step=True)
    told = step.positions.targets[step.samples.counts]
    assert 6 not in told
    assert sorted(set(told.ravel().tolist())) == [t for t in range(1, 20) if t != 6]


@pytest.mark.parametrize("kind", [Standardiser, MinMax, Scale])
def test_windows_are_scaled_and_predictions_come_back_in_units(kind):
    rng = np.random.default_rng(0)
    series = rng.uniform(5, 9, (40, 2))
    scaler = kind.fit(series)
    found = windows(series, 5, ahead=[1, 4], targets=[1], scaler=scaler)
    assert np.array_equal(found.samples.x, scaler.apply(series)[found.positions.inputs])
    told = found.unscale(found.samples.y)
    np.testing.assert_allclose(told, series[:, 1][found.positions.targets], rtol=1e-14)
    plain = windows(series, 5, ahead=[1, 4], targets=[1])
    assert np.array_equal(plain.unscale(plain.samples.y), plain.samples.y)


def test_two_told_columns_are_unscaled_each_by_its_own_numbers():
    series = np.stack([np.arange(20.0), 100 - 3 * np.arange(20.0)], axis=1)
    found = windows(series, 3, ahead=[1, 2], scaler=Standardiser.fit(series), every_step=True)
    told = found.unscale(found.samples.y)
    expected = series[found.positions.targets].reshape(told.shape)
    np.testing.assert_allclose(told, expected, rtol=1e-13)


def test_a_column_alone_is_a_number_and_columns_are_told_back_as_plain_ones():
    series = np.arange(30.0).reshape(10, 3)
    one, same = (windows(series, 2, inputs=k, targets=k) for k in (1, [1]))
    assert one.samples.x.tolist() == same.samples.x.tolist()
    assert one.target_columns == (1,)
    told = windows(series, 2, targets=np.array([2, 0])).target_columns
    assert told == (2, 0)
    assert all(type(column) is int for column in told)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint8, np.uint64])
def test_numbers_of_numpy_count_like_plain_ones(dtype):
    options = {"ahead": np.array([1, 3], dtype), "stride": dtype(2), "warm_up": dtype(1)}
    found = windows(SERIES, dtype(4), every_step=True, **options)
    plain = windows(SERIES, 4, every_step=True, ahead=[1, 3], stride=2, warm_up=1)
    for ours, theirs in zip(found.positions, plain.positions, strict=True):
        assert ours.dtype == theirs.dtype == np.int64
        assert np.array_equal(ours, theirs)
    assert np.array_equal(found.samples.y, plain.samples.y)
    assert np.array_equal(found.samples.counts, plain.samples.counts)
    with pytest.raises(DataError, match=r"= 31 steps, got 20"):  # unsigned ones would go round
        windows(SERIES, dtype(30))


def test_what_counts_is_told_with_or_without_holes():
    whole = windows(SERIES, 3, ahead=[1, 2])
    assert whole.samples.counts is None
    assert whole.counted().dtype == bool
    assert whole.counted().tolist() == [True] * len(whole)
    step = windows(SERIES, 3, ahead=[1, 2], every_step=True)
    assert step.counted().tolist() == [[True] * 3] * len(step)
    warm = windows(SERIES, 3, every_step=True, warm_up=1)
    assert warm.counted() is warm.samples.counts
    assert warm.counted().tolist() == [[False, True, True]] * len(warm)


def test_windows_of_which_no_step_counts_are_left_out():
    observed = np.ones(14, bool)
    observed[4:11] = False
    for every_step, kept in ((True, [0, 1, 2, 9, 10]), (False, [0, 8, 9, 10])):
        found = windows(np.arange(14.0), 3, every_step=every_step, mask=observed)
        assert found.positions.inputs[:, 0].tolist() == kept
        assert found.samples.x.shape == (len(kept), 3, 1)
        assert found.counted().reshape(len(kept), -1).any(axis=1).all()


def test_windows_keep_the_series_and_do_not_print_it():
    observed = SERIES != 5
    found = windows(SERIES, 3, mask=observed, scaler=Standardiser.fit(SERIES[:, np.newaxis]))
    assert found.values.tolist() == SERIES[:, np.newaxis].tolist()
    assert found.observed.tolist() == observed.tolist()
    assert windows(SERIES, 3).observed.tolist() == [True] * len(SERIES)
    shown = repr(found)
    for name in ("samples", "positions", "scaler", "target_columns"):
        assert f"{name}=" in shown
    for name in ("values", "observed"):
        assert f"{name}=" not in shown
    assert found != windows(SERIES, 3), "arrays do not compare as one truth"
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.scaler = None


def test_predictions_of_any_shape_come_back_in_units():
    series = np.stack([np.arange(20.0), 7 - 2 * np.arange(20.0)], axis=1)
    found = windows(series, 3, ahead=[1, 2, 4], scaler=MinMax.fit(series))
    y = found.samples.y  # three horizons of two columns each
    rows = found.unscale(y)
    assert np.array_equal(found.unscale(y[0]), rows[0])
    assert np.array_equal(found.unscale(y[:6].reshape(2, 3, 6)), rows[:6].reshape(2, 3, 6))


def test_rows_and_dtype_are_kept():
    found = windows(np.arange(20, dtype=np.float32), 3, ahead=[1, 2])
    assert found.samples.x.dtype == found.samples.y.dtype == np.float32
    some = found.rows([4, 1])
    assert some.positions.targets.tolist() == [[7, 8], [4, 5]]
    assert some.samples.y.tolist() == [[7, 8], [4, 5]]


def test_what_was_not_observed_may_be_no_number_that_a_scaler_takes():
    values, mask = np.abs(SERIES) + 1.0, np.arange(len(SERIES)) % 7 != 3
    for odd in (-999.0, 1e308, np.nan, np.inf, -np.inf):
        spoilt = np.where(mask, values, odd)
        for scaler in (Scale.fit(values[mask]), Standardiser.fit(values, mask=mask)):
            found = windows(spoilt, 3, mask=mask, scaler=scaler)
            plain = windows(values, 3, mask=mask, scaler=scaler)
            np.testing.assert_array_equal(
                found.samples.x[mask[found.positions.inputs]],
                plain.samples.x[mask[plain.positions.inputs]],
            )
            np.testing.assert_array_equal(found.samples.y, plain.samples.y)
            assert np.isfinite(found.samples.x).all()
