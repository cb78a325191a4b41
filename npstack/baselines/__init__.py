"""Simple methods to compare a model with: without them, its error says little."""

from npstack.baselines.classification import dtw, nearest, resample, ridge_classifier, summaries
from npstack.baselines.forecasting import Forecast, Split, best_lag, lagged, ridge
from npstack.baselines.ngram import NGram, compressed_bits

__all__ = [
    "Forecast",
    "NGram",
    "Split",
    "best_lag",
    "compressed_bits",
    "dtw",
    "lagged",
    "nearest",
    "resample",
    "ridge",
    "ridge_classifier",
    "summaries",
]
