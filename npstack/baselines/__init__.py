"""Honest opponents: what a system must be held against before its figure says anything."""

from npstack.baselines.classification import dtw, nearest, resample, ridge_classifier, summaries
from npstack.baselines.forecasting import Forecast, Split, best_lag, lagged, ridge

__all__ = [
    "Forecast",
    "Split",
    "best_lag",
    "dtw",
    "lagged",
    "nearest",
    "resample",
    "ridge",
    "ridge_classifier",
    "summaries",
]
