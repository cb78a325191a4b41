"""Simple methods to compare a forecast with: persistence, best lag, linear autoregression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npstack.core.numerics import Array


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
    return Forecast(z[split.valid - lag : len(z) - lag], f"lag {lag}")


def best_lag(z: Array, split: Split, lags: range) -> Forecast:
    """The lag with the smallest error on targets of the training part."""
    part = z[: split.train]
    errors = {lag: np.mean((part[lag:] - part[:-lag]) ** 2) for lag in lags}
    return lagged(z, min(errors, key=lambda lag: errors[lag]), split)


def ridge(z: Array, months: int, split: Split, penalties: Array) -> Forecast:
    """Linear autoregression over the last ``months`` values, with a penalty on the weights.

    The weights are fitted on the training part, once per penalty; the penalty is chosen on the
    validation part. The intercept is not penalised.
    """
    targets = np.arange(months - 1 + split.ahead, len(z))
    windows = np.lib.stride_tricks.sliding_window_view(z, months)[: len(targets)]
    X = np.column_stack([windows, np.ones(len(windows))])
    train, valid = targets < split.train, targets < split.valid
    A, y = X[train], z[targets[train]]
    held_out = valid & ~train
    best, least = np.zeros(months + 1), np.inf
    choice = ""
    for penalty in penalties:
        w = np.linalg.solve(penalised(A, penalty), A.T @ y)
        error = np.mean((X[held_out] @ w - z[targets[held_out]]) ** 2)
        if error < least:
            best, least, choice = w, error, f"penalty {penalty:g}"
    return Forecast(X[~valid] @ best, choice)


def penalised(A: Array, penalty: float) -> Array:
    """``A.T @ A`` with a penalty on every weight but the last, which is the intercept's."""
    return np.asarray(A.T @ A + penalty * np.diag([1.0] * (A.shape[1] - 1) + [0.0]))
