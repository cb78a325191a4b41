"""Simple methods to compare a forecast with: persistence, best lag, linear autoregression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npstack.baselines.given import check_penalties, check_reals, check_result
from npstack.core.arguments import check_size
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    LeakageError,
    describe,
    fail,
)
from npstack.core.numerics import Array
from npstack.data.amounts import whole_numbers


class Split(NamedTuple):
    """Months of targets: ``[0, train)`` to fit, ``[train, valid)`` to choose settings."""

    ahead: int
    train: int
    valid: int


class Forecast(NamedTuple):
    """Predictions for the targets from ``split.valid`` on, and the setting that was chosen."""

    predictions: Array
    choice: str


def lagged(z: Array, lag: int, split: Split) -> Forecast:
    """The value ``lag`` months before the target.

    Examples
    --------
    >>> lagged(np.arange(10.0), 2, Split(2, 4, 7)).predictions
    array([5., 6., 7.])
    """
    z, split = _series("lagged", z, split)
    lag = _check_lag("lagged", lag, split)
    return Forecast(z[split.valid - lag : len(z) - lag].copy(), f"lag {lag}")


def best_lag(z: Array, split: Split, lags: range) -> Forecast:
    """The lag with the smallest error on targets of the training part."""
    where = "best_lag"
    z, split = _series(where, z, split)
    expected, advice = "lags must be whole numbers, at least one", "Use range(split.ahead, 100)."
    tried = whole_numbers(where, "lags", lags, len(z), expected, advice).tolist()
    part = z[: split.train]
    for lag in tried:
        if _check_lag(where, lag, split) >= len(part):
            expected = f"lags must be below train={len(part)}"
            fail(ArgumentError, where, expected, lag, "Nothing is known so long before.")
    with np.errstate(over="ignore"):
        errors = {lag: np.mean((part[lag:] - part[:-lag]) ** 2) for lag in tried}
    check_result(where, np.array(list(errors.values())))
    return lagged(z, min(errors, key=lambda lag: errors[lag]), split)


def ridge(z: Array, months: int, split: Split, penalties: Array) -> Forecast:
    """Linear autoregression over the last ``months`` values, with a penalty on the weights.

    The weights are fitted on the training part, once per penalty; the penalty is chosen on the
    validation part. The intercept is not penalised.
    """
    where = "ridge"
    z, split = _series(where, z, split)
    months, penalties = check_size(where, "months", months), check_penalties(where, penalties)
    first = months - 1 + split.ahead
    if first >= split.train or split.valid == split.train:
        expected = f"training must have targets from month {first} on, and validation some, too"
        advice = "Take fewer months, or larger parts."
        fail(DataError, where, expected, f"train={split.train} and valid={split.valid}", advice)
    with np.errstate(over="ignore"):
        check_result(where, z * z * len(z))
    targets = np.arange(first, len(z))
    windows = np.lib.stride_tricks.sliding_window_view(z, months)[: len(targets)]
    X = np.column_stack([windows, np.ones(len(windows))])
    train, valid = targets < split.train, targets < split.valid
    A, y = X[train], z[targets[train]]
    held_out = valid & ~train
    best, least = np.zeros(months + 1), np.inf
    choice = ""
    for penalty in penalties.tolist():
        w = np.linalg.solve(penalised(A, penalty), A.T @ y)
        error = np.mean((X[held_out] @ w - z[targets[held_out]]) ** 2)
        if error < least:
            best, least, choice = w, error, f"penalty {penalty:g}"
    return Forecast(X[~valid] @ best, choice)


def penalised(A: Array, penalty: float) -> Array:
    """``A.T @ A`` with a penalty on every weight except the last one, the intercept."""
    return np.asarray(A.T @ A + penalty * np.diag([1.0] * (A.shape[1] - 1) + [0.0]))


def _series(where: str, z: object, split: object) -> tuple[Array, Split]:
    """Check a series (N,), and parts that follow one another within it."""
    series = check_reals(where, "z", z, "N")
    if not isinstance(split, Split):
        advice = "Use Split(ahead=12, train=1920, valid=2400)."
        fail(DtypeError, where, "split must be a Split", describe(split), advice)
    ahead, train, valid = (check_size(where, name, own) for name, own in split._asdict().items())
    if not train <= valid <= len(series):
        expected = f"split must have train <= valid <= {len(series)}, the length of z"
        got, advice = (
            f"train={train} and valid={valid}",
            "Count the months from the beginning of z.",
        )
        fail(ArgumentError, where, expected, got, advice)
    return series, Split(ahead, train, valid)


def _check_lag(where: str, lag: object, split: Split) -> int:
    """Check a lag that reaches back to what is known, and not beyond the beginning."""
    months = check_size(where, "lag", lag)
    if months < split.ahead:
        expected, advice = (
            f"lag must be at least ahead={split.ahead}",
            "What is later is not known.",
        )
        fail(LeakageError, where, expected, months, advice)
    if months > split.valid:
        expected, advice = (
            f"lag must be at most valid={split.valid}",
            "There is nothing before month 0.",
        )
        fail(ArgumentError, where, expected, months, advice)
    return months
