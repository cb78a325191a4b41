"""Windows: every index of a series that counts 0, 1, 2, … can be read off its rows."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import LSTM, ArgumentError, DataError, DtypeError, ShapeError, fit
from npstack.data import MinMax, Scale, Standardiser, window_positions, windows
from npstack.shapes import LeakageError, NonFiniteError

pytestmark = pytest.mark.core

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
    for start in range(0, count, stride):  # the definition once more, number by number
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
    # step 1 would tell 2, step 2 reads nothing; step 5 would tell 6
    assert step.samples.counts.tolist() == [[True, False, False, True], [True, False, False, True]]
    rng = np.random.default_rng(0)
    model = LSTM(1, 1, rng=rng)
    loss = fit(model, step.samples, epochs=1, batch_size=2, rng=rng).train_loss[0]
    assert np.isfinite(loss)


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


SERIES = np.arange(20.0)
TWO = np.arange(40.0).reshape(20, 2)
REFUSED = {
    "length zero": (lambda: windows(SERIES, 0), ArgumentError, "length must be a whole number"),
    "stride zero": (lambda: windows(SERIES, 3, stride=0), ArgumentError, "stride must be"),
    "horizons that fall": (
        lambda: windows(SERIES, 3, ahead=[3, 1]),
        ArgumentError,
        "ahead must be .* rising",
    ),
    "horizons that stay": (lambda: windows(SERIES, 3, ahead=[2, 2]), ArgumentError, "rising"),
    "a horizon in the past": (lambda: windows(SERIES, 3, ahead=-1), ArgumentError, "ahead must be"),
    "one of the horizons in the past": (
        lambda: windows(SERIES, 3, ahead=[-1, 2]),
        ArgumentError,
        "ahead must be",
    ),
    "half a step": (lambda: windows(SERIES, 3, ahead=1.5), ArgumentError, "ahead must be"),
    "no horizon": (lambda: windows(SERIES, 3, ahead=[]), ArgumentError, "ahead must be"),
    "no horizon, in whole numbers": (
        lambda: windows(SERIES, 3, ahead=np.arange(0)),
        ArgumentError,
        "ahead must be",
    ),
    "a table of horizons": (
        lambda: windows(SERIES, 3, ahead=[[1, 2]]),
        ArgumentError,
        "ahead must be",
    ),
    "now of what is read": (
        lambda: windows(SERIES, 3, ahead=0),
        LeakageError,
        "ahead=0 must not be read, got column 0 in both",
    ),
    "now of two columns that are read": (
        lambda: windows(np.ones((9, 3)), 3, ahead=0, inputs=[2, 1], targets=[0, 2, 1]),
        LeakageError,
        "column 1 in both",
    ),
    "a short series": (
        lambda: windows(SERIES, 19, ahead=2),
        DataError,
        r"length \+ max\(ahead\) = 21 steps, got 20",
    ),
    "a series shorter than the last horizon": (
        lambda: windows(SERIES, 10, ahead=[1, 12]),
        DataError,
        r"length \+ max\(ahead\) = 22 steps, got 20",
    ),
    "integers": (lambda: windows(np.arange(20), 3), DtypeError, "np.float64"),
    "a batch of series": (
        lambda: windows(SERIES.reshape(2, 10, 1), 3),
        ShapeError,
        r"\(N,\) or \(N, D\)",
    ),
    "one number": (lambda: windows(np.array(1.0), 3), ShapeError, r"\(N,\) or \(N, D\)"),
    "a series without steps": (lambda: windows(np.ones((0, 2)), 3), ShapeError, r"\(0, 2\)"),
    "a series without columns": (lambda: windows(np.ones((20, 0)), 3), ShapeError, r"\(20, 0\)"),
    "a column too far": (
        lambda: windows(SERIES, 3, inputs=[1]),
        ArgumentError,
        "inputs must be .* 0 to 0",
    ),
    "a column among others too far": (
        lambda: windows(TWO, 3, inputs=[0, 2]),
        ArgumentError,
        r"0 to 1, each once, got \[0, 2\]",
    ),
    "a column much too far": (lambda: windows(TWO, 3, targets=[5]), ArgumentError, "0 to 1"),
    "a column from behind among others": (
        lambda: windows(TWO, 3, inputs=[1, -1]),
        ArgumentError,
        r"0 to 1, each once, got \[1, -1\]",
    ),
    "a column from behind": (
        lambda: windows(TWO, 3, inputs=[-1]),
        ArgumentError,
        "inputs must be .* 0 to 1",
    ),
    "a column twice": (lambda: windows(SERIES, 3, targets=[0, 0]), ArgumentError, "each once"),
    "no columns": (lambda: windows(SERIES, 3, targets=[]), ArgumentError, "each once"),
    "no columns, in whole numbers": (
        lambda: windows(SERIES, 3, inputs=np.arange(0)),
        ArgumentError,
        "each once",
    ),
    "a table of columns": (lambda: windows(TWO, 3, inputs=[[0, 1]]), ArgumentError, "each once"),
    "half a column": (lambda: windows(TWO, 3, targets=[0.0]), ArgumentError, "each once"),
    "a warm-up of the last step": (
        lambda: windows(SERIES, 3, warm_up=2),
        ArgumentError,
        "every_step=True",
    ),
    "a warm-up without end": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=3),
        ArgumentError,
        "0 to 2",
    ),
    "a warm-up below zero": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=-1),
        ArgumentError,
        "0 to 2, .* got -1",
    ),
    "a warm-up of half a step": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=0.5),
        ArgumentError,
        "0 to 2, .* got 0.5",
    ),
    "a warm-up that is true": (
        lambda: windows(SERIES, 3, every_step=True, warm_up=True),
        ArgumentError,
        "0 to 2, .* got True",
    ),
    "a scaler that is not fitted": (
        lambda: windows(SERIES, 3, scaler=Standardiser),
        DtypeError,
        "fitted",
    ),
    "nothing observed": (
        lambda: windows(SERIES, 3, mask=np.zeros(20, bool)),
        DataError,
        "Is the mask True",
    ),
    "a mask too short": (
        lambda: windows(SERIES, 3, mask=np.ones(19, bool)),
        ShapeError,
        "mask must be",
    ),
    "missing values": (
        lambda: windows(np.full(20, np.nan), 3),
        NonFiniteError,
        "Missing values",
    ),
    "predictions of another width": (
        lambda: windows(SERIES, 3).unscale(np.ones((4, 2))),
        ShapeError,
        r"\(…, 1\)",
    ),
    "one prediction": (
        lambda: windows(SERIES, 3).unscale(np.array(1.0)),
        ShapeError,
        r"predictions must be \(…, 1\), got \(\)",
    ),
    "whole predictions": (
        lambda: windows(SERIES, 3).unscale(np.ones((4, 1), int)),
        DtypeError,
        "predictions must be floating point",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_are_explained(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()
