"""Splits by time and by row; leakage is an error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import ArgumentError, DataError, DtypeError, ShapeError
from npstack.core.errors import LeakageError
from npstack.data import (
    MinMax,
    Scale,
    Standardiser,
    check_leakage,
    split_by_row,
    split_by_time,
    windows,
)

N = 100
SERIES = np.random.default_rng(0).uniform(1, 5, (N, 2))
SPLIT = split_by_time(N, train=60, validation=20)


# ---- by time -----------------------------------------------------------------------------------


def test_parts_follow_one_another():
    assert tuple(SPLIT) == (range(60), range(60, 80), range(80, 100))
    assert split_by_time(10, train=0.75, validation=0.25) == (range(8), range(8, 10), range(10, 10))
    assert split_by_time(10, train=5, validation=2, gap=1) == (range(5), range(6, 8), range(9, 10))
    assert split_by_time(10, train=5, validation=0, gap=1) == (range(5), range(5, 5), range(6, 10))


@given(count=st.integers(2, 200), train=st.floats(0.05, 1), validation=st.floats(0, 1))
def test_fractions_never_lose_or_double_a_step(count, train, validation):
    if round(train * count) < 1 or round((train + validation) * count) > count:
        return
    parts = split_by_time(count, train=train, validation=validation)
    assert [step for part in parts for step in part] == list(range(count))
    assert abs(len(parts.train) - train * count) <= 0.5
    assert abs(len(parts.validation) - validation * count) <= 1


@given(
    length=st.integers(1, 8),
    ahead=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True).map(sorted),
    stride=st.integers(1, 5),
    every_step=st.booleans(),
    reach_back=st.booleans(),
)
def test_every_row_stands_in_the_part_of_its_targets_and_nothing_leaks(
    length, ahead, stride, every_step, reach_back
):
    rows = windows(SERIES, length, ahead=ahead, stride=stride, every_step=every_step)
    parts = SPLIT.divide(rows, reach_back)
    assert parts.train.positions.inputs.max() < 60
    assert parts.train.positions.targets.max() < 60
    for name, part in zip(SPLIT._fields, parts, strict=True):
        told = part.positions.targets[part.counted()]
        steps = set(getattr(SPLIT, name))
        assert len(told)
        assert set(told.ravel().tolist()) <= steps
        if not reach_back:
            assert part.positions.inputs.min() >= min(steps)
        # the parts are these rows and no others
        starts = {
            start
            for start in range(0, N - length - ahead[-1] + 1, stride)
            if start + length - 1 + ahead[-1] <= max(steps)
            and start + length - 1 + ahead[0] >= min(steps)
            and (start >= min(steps) or (reach_back and name != "train"))
        }
        assert set(part.positions.inputs[:, 0].tolist()) == starts
    check_leakage(parts.train, parts.validation)
    check_leakage(parts.train, parts.test)
    check_leakage(parts.validation, parts.test)


def test_the_last_steps_are_told_once_each_with_a_stride_of_one():
    parts = SPLIT.divide(windows(SERIES, 10, ahead=3))
    assert parts.validation.positions.targets.ravel().tolist() == list(range(60, 80))
    assert parts.test.positions.targets.ravel().tolist() == list(range(80, 100))
    assert parts.train.samples.counts is None


def test_missing_steps_and_a_warm_up_still_do_not_count_after_the_split():
    observed = np.ones(N, bool)
    observed[62] = False
    rows = windows(SERIES, 10, every_step=True, warm_up=4, mask=observed)
    parts = SPLIT.divide(rows)
    for part in parts:
        assert not part.counted()[:, :4].any()
        assert not (part.positions.targets[part.counted()] == 62).any()
        assert part.counted().any(1).all()


def test_an_empty_part_has_no_rows_and_a_part_that_is_too_small_is_told():
    no_test = split_by_time(N, train=0.8, validation=0.2).divide(windows(SERIES, 5))
    assert len(no_test.test) == 0
    assert no_test.test.samples.x.shape == (0, 5, 2)
    small = split_by_time(N, train=90, validation=2)
    with pytest.raises(DataError, match="in the validation part, steps 90 to 91"):
        small.divide(windows(SERIES, 5, ahead=[1, 2, 3]))
    with pytest.raises(ShapeError, match="must have 100 steps"):
        SPLIT.divide(windows(SERIES[:50], 5))


# ---- leakage by a scaler -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Standardiser, MinMax])
@pytest.mark.parametrize("rows", [None, range(61), range(59, 61), [3, 4, 99]])
def test_a_scaler_that_has_seen_more_than_the_training_part_is_refused(kind, rows):
    scaler = kind.fit(SERIES, rows=rows)
    leaked = {None: "60 to 99", range(61): "60", range(59, 61): "60"}
    words = leaked.get(rows if rows is None or isinstance(rows, range) else 0, "99")
    with pytest.raises(LeakageError, match=rf"within the training part.* rows {words} as well"):
        SPLIT.divide(windows(SERIES, 5, scaler=scaler))


@pytest.mark.parametrize("kind", [Standardiser, MinMax])
def test_a_scaler_fitted_on_a_cut_that_hides_its_rows_is_refused(kind):
    of_test = kind.fit(SERIES[80:])  # its rows are 0 to 19
    with pytest.raises(LeakageError, match="differs from a fit on rows 0 to 19 of these values"):
        SPLIT.divide(windows(SERIES, 5, scaler=of_test))


@pytest.mark.parametrize("kind", [Standardiser, MinMax])
@pytest.mark.parametrize("rows", [range(60), range(10, 40), [0, 2, 59]])
def test_a_scaler_fitted_within_the_training_part_is_accepted(kind, rows):
    parts = SPLIT.divide(windows(SERIES, 5, scaler=kind.fit(SERIES, rows=rows)))
    cut = SPLIT.divide(windows(SERIES, 5, scaler=kind.fit(SERIES[:60], rows=rows)))
    assert np.array_equal(parts.test.samples.x, cut.test.samples.x)
    shared = np.asfortranarray(SERIES)  # other strides, other last digits
    SPLIT.divide(windows(shared, 5, scaler=kind.fit(SERIES, rows=rows)))


def test_the_scale_of_roots_is_held_against_the_training_part_too():
    values = SERIES[:, 0]
    SPLIT.divide(windows(values, 5, scaler=Scale.fit(values[:60])))
    with pytest.raises(LeakageError, match="training part, steps 0 to 59"):
        SPLIT.divide(windows(values, 5, scaler=Scale.fit(values)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stop", [61, 80, 100])
def test_values_standardised_by_hand_over_too_much_are_noticed(stop, dtype):
    series = (SERIES + 100).astype(dtype)
    scaled = (series - series[:stop].mean(0)) / series[:stop].std(0)
    with pytest.raises(LeakageError, match=f"standard units of steps 0 to {stop - 1}.*undoes"):
        SPLIT.divide(windows(scaled, 5))
    repaired = SPLIT.divide(windows(scaled, 5, scaler=Standardiser.fit(scaled, rows=SPLIT.train)))
    honest = SPLIT.divide(windows(SERIES, 5, scaler=Standardiser.fit(SERIES, rows=SPLIT.train)))
    atol = 1e-4 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(repaired.test.samples.x, honest.test.samples.x, atol=atol)


@pytest.mark.parametrize(
    "values",
    [
        SERIES,
        (SERIES - SERIES[:60].mean(0)) / SERIES[:60].std(0),
        np.sqrt(2) * np.sin(2 * np.pi * np.arange(N) / 20),
        np.where(np.arange(N) % 2, 1.0, -1.0),
    ],
    ids=["units", "training units", "wave", "square wave"],
)
def test_values_that_are_not_scaled_over_too_much_pass(values):
    assert len(SPLIT.divide(windows(values, 5)).train) == 55


# ---- leakage by a choice of rows ---------------------------------------------------------------


def test_rows_drawn_at_random_from_overlapping_windows_leak():
    rows = windows(SERIES, 5, ahead=2)
    drawn = split_by_row(len(rows), rng=np.random.default_rng(0))
    with pytest.raises(LeakageError, match=r"step \d+ \(an? \w+\) in row \d+.*split_by_time"):
        check_leakage(rows.rows(drawn.train), rows.rows(drawn.test))


def test_the_message_lists_the_rows_that_leak():
    rows = windows(np.arange(30.0), 3, ahead=2)  # row b: inputs b … b + 2, target b + 4
    train, held_out = rows.rows(slice(0, 12)), rows.rows(slice(10, None))
    with pytest.raises(LeakageError, match=r"step 14 \(a target\) in row 10: rows 10 to 11 of 12"):
        check_leakage(train, held_out)
    check_leakage(rows.rows(slice(0, 10)), held_out)


def test_a_target_that_does_not_count_does_not_leak():
    rows = windows(np.arange(30.0), 4, every_step=True, warm_up=3)
    check_leakage(rows.rows(slice(0, 8)), rows.rows(slice(8, None)))
    with pytest.raises(LeakageError, match=r"step 9 \(a target\) in row 5: rows 5 to 7 of 8"):
        check_leakage(rows.rows(slice(0, 8)), rows.rows(slice(5, None)))


# ---- by row --------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), count=st.integers(8, 80), classes=st.integers(1, 5))
def test_rows_stand_in_one_part_each_and_labels_in_proportion(seed, count, classes):
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(0, classes, count))
    sizes = np.bincount(labels)
    if 0 < sizes[sizes > 0].min() < 3:
        with pytest.raises(DataError, match="at least 3 rows, one for each part"):
            split_by_row(count, rng=rng, train=0.5, validation=0.25, labels=labels)
        return
    split = split_by_row(count, rng=rng, train=0.5, validation=0.25, labels=labels)
    assert sorted(np.concatenate(split).tolist()) == list(range(count))
    shares = np.array([round(0.5 * count), round(0.75 * count) - round(0.5 * count)])
    shares = np.append(shares, count - shares.sum()) / count
    for label in np.unique(labels):
        found = np.array([(labels[part] == label).sum() for part in split])
        assert found.min() >= 1
        # less than a row from the proportion, save where a part had to get one at all
        assert (np.abs(found - shares * sizes[label]) < 1 + (shares * sizes[label] < 1).sum()).all()


def test_rows_are_drawn_and_the_odd_row_is_not_always_the_same_parts():
    labels = np.repeat(np.arange(60), 5)  # of each five: 2.5, 1.25, 1.25
    first = split_by_row(300, rng=np.random.default_rng(0), train=0.5, validation=0.25)
    second = split_by_row(300, rng=np.random.default_rng(1), train=0.5, validation=0.25)
    assert not np.array_equal(first.train, second.train)
    assert [len(part) for part in first] == [150, 75, 75]
    even = split_by_row(300, rng=np.random.default_rng(0), train=0.4, validation=0.3, labels=labels)
    assert len(even.train) == 120
    assert 70 < len(even.validation) < 110  # 1.5 of each five: drawn which part gets two


def test_a_rare_label_stands_in_every_part_at_the_cost_of_the_largest():
    labels = np.array([0] * 97 + [1] * 3)  # of three: 2.4, 0.3, 0.3
    split = split_by_row(
        100, rng=np.random.default_rng(0), train=0.8, validation=0.1, labels=labels
    )
    assert [int((labels[part] == 1).sum()) for part in split] == [1, 1, 1]


def test_no_label_no_proportion_and_no_validation_no_rows():
    split = split_by_row(10, rng=np.random.default_rng(0), train=7, validation=0)
    assert [len(part) for part in split] == [7, 0, 3]
    assert np.array_equal(split.train, np.sort(split.train))


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: split_by_time(0), ArgumentError, "count must be"),
        (lambda: split_by_time(SERIES), ArgumentError, r"len\(series\)"),
        (lambda: split_by_time(10, train=1.2), ArgumentError, "train must be a fraction"),
        (lambda: split_by_time(10, train=11), ArgumentError, "train must be a fraction"),
        (lambda: split_by_time(10, train=0.8, validation=0.3), ArgumentError, "must fit into 10"),
        (lambda: split_by_time(10, train=0.01), ArgumentError, "train hold at least one"),
        (lambda: split_by_time(10, gap=-1), ArgumentError, "gap must be"),
        (lambda: split_by_time(10, train=8, validation=1, gap=1), ArgumentError, "gaps must fit"),
        (lambda: split_by_row(10, rng=0), DtypeError, "default_rng"),
        (lambda: split_by_row(10, rng=RNG, labels=np.ones(9)), ShapeError, "one per row"),
    ],
)
def test_wrong_calls_are_explained(call, error, words):
    with pytest.raises(error, match=words):
        call()
